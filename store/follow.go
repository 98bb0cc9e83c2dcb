package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	catchUps     = 8                      // realms that catch up at once
	catchUpLimit = 30 * time.Second       // for one of them
	roundLimit   = 100 * time.Millisecond // those that take longer are not waited for
	gather       = 50 * time.Millisecond  // a wait for changes is not broken off for new realms before this
	// A realm that cannot be read, while others can, is left alone for a time that grows from the one to the other.
	firstBroken, mostBroken = 200 * time.Millisecond, 2 * time.Second
)

// follower keeps the realms that are held up to date: one wait for all of them.
type follower struct {
	*Realms
	slots   chan struct{} // held by a realm that catches up
	running sync.WaitGroup
	looked  time.Time     // when all realms were last asked about
	took    time.Duration // how long that took
}

// follow runs until ctx ends.
func (r *Realms) follow(ctx context.Context) {
	f := &follower{Realms: r, slots: make(chan struct{}, catchUps)}
	defer f.running.Wait()
	serving := func() (string, string, bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return "realms served", fmt.Sprint(r.count), r.Ready()
	}
	again(ctx, r.log, r.stats, serving, func(wait time.Duration) error { return f.once(ctx, wait) })
}

// once waits until realms move, for as long at most, and makes them catch up.
func (f *follower) once(ctx context.Context, most time.Duration) error {
	if !f.reached.Load() {
		if err := f.reach(ctx); err != nil {
			return err
		}
	}
	known, wrong, wait, more := f.known()
	if len(wrong) > 0 {
		f.catchUp(ctx, wrong)
		return nil
	}
	// Now and then all are asked about, also if some of them move all the time.
	if wait = min(wait, most, time.Until(f.looked.Add(followWait))); wait <= 0 {
		return f.lookAtAll(ctx, known)
	}
	waiting, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() {
		if len(known) > 0 {
			sleep(waiting, max(gather, 3*f.took)) // the question has to have a chance
		}
		select {
		case <-more:
			stop()
		case <-waiting.Done():
		}
	})
	moved, err := f.store.Heads(waiting, known, wait)
	if err != nil && waiting.Err() != nil {
		return nil // there are more realms to ask about
	}
	if err == nil {
		f.catchUp(ctx, moved)
	}
	return err
}

// reach asks the store for the first time. Until it answers, there is what the snapshot file holds.
func (f *follower) reach(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, loadTry)
	defer cancel()
	if _, err := f.store.Heads(bounded, map[Realm]Rev{Shared: 0}, 0); err != nil { // no question would be put for no realms
		f.stored.Store(f.options.File.holdsSpaces())
		return err
	}
	f.reached.Store(true)
	return nil
}

// noRev is at which no realm is, so that Heads returns all heads that can be read.
const noRev = ^Rev(0)

// lookAtAll asks about all realms at once. It is never broken off, so that it comes to an end. Whole heads are compared: a database that
// was set back may have been written to up to the same revision.
func (f *follower) lookAtAll(ctx context.Context, known map[Realm]Rev) error {
	began := time.Now()
	for realm := range known {
		known[realm] = noRev
	}
	heads, err := f.store.Heads(ctx, known, 0)
	if err != nil {
		return err
	}
	f.looked, f.took = time.Now(), time.Since(began)
	due := map[Realm]Head{}
	for realm := range known {
		head, found := heads[realm]
		switch o := f.held(realm); {
		case o == nil:
		case !found || o.live.differs(head):
			due[realm] = head
		default:
			o.live.confirm(began)
		}
	}
	f.catchUp(ctx, due)
	return nil
}

// known returns the revisions of the realms to ask about, for how long, and a channel that is closed when there are more. Those that are known
// to be wrong have to be loaded, wherever they are.
func (f *follower) known() (known map[Realm]Rev, wrong map[Realm]Head, wait time.Duration, more <-chan struct{}) {
	f.mu.Lock()
	more = f.more
	f.mu.Unlock()
	known, wrong, wait = map[Realm]Rev{}, map[Realm]Head{}, followWait
	now := f.clock()
	f.open.Range(func(realm, value any) bool {
		o := value.(*openRealm)
		pause := time.Duration(o.again.Load()) - now
		switch {
		case o.busy.Load():
		case pause > 0:
			wait = min(wait, pause)
		case o.live.needsLoad.Load():
			wrong[realm.(Realm)] = Head{}
		default:
			known[realm.(Realm)] = o.live.Snapshot().Head.Rev
		}
		return true
	})
	return known, wrong, wait, more
}

// catchUp makes realms catch up. One that takes long is not waited for, and is asked about again when it has done so.
func (f *follower) catchUp(ctx context.Context, moved map[Realm]Head) {
	var round sync.WaitGroup
	for realm := range moved {
		o := f.held(realm)
		if o == nil {
			continue // let go meanwhile
		}
		o.busy.Store(true)
		round.Add(1)
		f.running.Go(func() {
			defer round.Done()
			f.slots <- struct{}{}
			defer func() { <-f.slots }()
			f.catchUpOne(ctx, o)
			o.busy.Store(false)
			f.wake()
		})
	}
	over := make(chan struct{})
	f.running.Go(func() { round.Wait(); close(over) })
	late := time.NewTimer(roundLimit)
	defer late.Stop()
	select {
	case <-over:
	case <-late.C:
	}
}

// catchUpOne keeps a realm that cannot be read from keeping up the others.
func (f *follower) catchUpOne(ctx context.Context, o *openRealm) {
	bounded, cancel := context.WithTimeout(ctx, catchUpLimit)
	defer cancel()
	err := o.live.keepUp(bounded, 0)
	switch {
	case ctx.Err() != nil:
	case err == nil:
		o.broken = 0
	default:
		if !errors.Is(err, errReload) { // else the store did answer
			f.stats.failures.Add(1)
			f.log.Warn("the changes of a realm cannot be read; trying again", "realm", o.live.realm, "revision served", o.live.served(), "error", err)
		}
		o.broken = min(max(2*o.broken, firstBroken), mostBroken)
		o.again.Store(int64(f.clock() + o.broken))
	}
}
