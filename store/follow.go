package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	gather      = 20 * time.Millisecond // realms that are loaded at about the same time are followed from the same moment on
	catchUps    = 8                     // realms that catch up at once
	brokenPause = 2 * time.Second       // a realm that cannot be read, while others can, is left alone for so long
)

// follow keeps all realms that are held up to date until ctx ends: one wait for all of them.
func (r *Realms) follow(ctx context.Context) {
	realms := func() string {
		r.mu.Lock()
		defer r.mu.Unlock()
		return fmt.Sprint(r.count)
	}
	again(ctx, r.log, r.stats, "realms served", realms, func() error { return r.followOnce(ctx) })
}

// followOnce waits until realms move, and makes them catch up.
func (r *Realms) followOnce(ctx context.Context) error {
	if !r.reached.Load() {
		if _, err := r.store.Heads(ctx, map[Realm]Rev{Shared: 0}, 0); err != nil { // no question would be put for no realms
			return err
		}
		r.reached.Store(true)
	}
	known, wait, added := r.known()
	// Now and then all are asked about, also if some of them move all the time.
	if wait = min(wait, time.Until(r.looked.Add(followWait))); wait < 0 {
		wait = 0
	}
	waiting, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() {
		select {
		case <-added:
			stop()
		case <-waiting.Done():
		}
	})
	began := time.Now()
	moved, err := r.store.Heads(waiting, known, wait)
	switch {
	case err != nil && waiting.Err() != nil:
		sleep(ctx, gather)
		return nil
	case err != nil:
		return err
	}
	all := wait == 0 || len(moved) == 0
	if all {
		r.looked = began
	}
	var group errgroup.Group
	group.SetLimit(catchUps)
	for realm := range known {
		o := r.held(realm)
		if o == nil {
			continue // let go meanwhile
		}
		if _, ok := moved[realm]; ok {
			group.Go(func() error { r.catchUpOne(ctx, o); return nil })
		} else if all {
			o.live.confirm(began.UnixNano())
		}
	}
	return group.Wait()
}

// known returns the revisions of the realms to ask about, for how long, and a channel that is closed when there is one more.
func (r *Realms) known() (known map[Realm]Rev, wait time.Duration, added <-chan struct{}) {
	r.mu.Lock()
	added = r.added
	r.mu.Unlock()
	known, wait = map[Realm]Rev{}, followWait
	r.open.Range(func(realm, value any) bool {
		o := value.(*openRealm)
		if pause := time.Until(o.again); pause > 0 {
			wait = min(wait, pause)
		} else {
			known[realm.(Realm)] = o.live.Snapshot().Head.Rev
		}
		return true
	})
	return known, wait, added
}

// catchUpOne keeps a realm that cannot be read from keeping up the others.
func (r *Realms) catchUpOne(ctx context.Context, o *openRealm) {
	if err := o.live.CatchUp(ctx); err != nil && ctx.Err() == nil {
		r.stats.failures.Add(1)
		r.log.Warn("the changes of a realm cannot be read; trying again", "realm", o.live.realm, "revision served", o.live.served(), "error", err)
		o.again = time.Now().Add(brokenPause)
	}
}
