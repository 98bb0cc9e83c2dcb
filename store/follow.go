package store

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	catchUps     = 8                      // realms that catch up at once
	catchUpLimit = 30 * time.Second       // for one of them
	roundLimit   = 100 * time.Millisecond // those that take longer are not waited for
	gather       = 50 * time.Millisecond  // a wait for changes is not broken off for new realms before this
	brokenPause  = 2 * time.Second        // a realm that cannot be read, while others can, is left alone for so long
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
	realms := func() string {
		r.mu.Lock()
		defer r.mu.Unlock()
		return fmt.Sprint(r.count)
	}
	again(ctx, r.log, r.stats, "realms served", realms, func() error { return f.once(ctx) })
}

// once waits until realms move, and makes them catch up.
func (f *follower) once(ctx context.Context) error {
	if !f.reached.Load() {
		if _, err := f.store.Heads(ctx, map[Realm]Rev{Shared: 0}, 0); err != nil { // no question would be put for no realms
			return err
		}
		f.reached.Store(true)
	}
	known, wait, more := f.known()
	// Now and then all are asked about, also if some of them move all the time.
	if wait = min(wait, time.Until(f.looked.Add(followWait))); wait <= 0 {
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

// lookAtAll asks about all realms at once. It is never broken off, so that it comes to an end.
func (f *follower) lookAtAll(ctx context.Context, known map[Realm]Rev) error {
	began := time.Now()
	moved, err := f.store.Heads(ctx, known, 0)
	if err != nil {
		return err
	}
	f.looked, f.took = time.Now(), time.Since(began)
	for realm := range known {
		if _, ok := moved[realm]; !ok {
			if o := f.held(realm); o != nil {
				o.live.confirm(began)
			}
		}
	}
	f.catchUp(ctx, moved)
	return nil
}

// known returns the revisions of the realms to ask about, for how long, and a channel that is closed when there are more.
func (f *follower) known() (known map[Realm]Rev, wait time.Duration, more <-chan struct{}) {
	f.mu.Lock()
	more = f.more
	f.mu.Unlock()
	known, wait = map[Realm]Rev{}, followWait
	now := f.clock()
	f.open.Range(func(realm, value any) bool {
		o := value.(*openRealm)
		pause := time.Duration(o.again.Load()) - now
		switch {
		case o.busy.Load():
		case pause > 0:
			wait = min(wait, pause)
		default:
			known[realm.(Realm)] = o.live.Snapshot().Head.Rev
		}
		return true
	})
	return known, wait, more
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
	if err := o.live.CatchUp(bounded); err != nil && ctx.Err() == nil {
		f.stats.failures.Add(1)
		f.log.Warn("the changes of a realm cannot be read; trying again", "realm", o.live.realm, "revision served", o.live.served(), "error", err)
		o.again.Store(int64(f.clock() + brokenPause))
	}
}
