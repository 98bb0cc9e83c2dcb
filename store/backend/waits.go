// Package backend is what the packages of the databases share: the URL that names one, loads that settle while others write, and waits.
package backend

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// Reads are the ways in which Waits asks a database.
type Reads struct {
	// Changes is store.Store's without a wait.
	Changes func(ctx context.Context, realm store.Realm, after store.Rev) ([]store.Commit, store.Head, error)
	// Heads is store.Store's without a wait.
	Heads func(ctx context.Context, known map[store.Realm]store.Rev) (map[store.Realm]store.Head, error)
	// Watch tells seen of the heads that change until something fails, which it returns, or ctx ends. It calls seen.Start as soon as it
	// will miss nothing that comes later.
	Watch func(ctx context.Context, seen *Seen) error
	// Wanted has Seen.Wanted collect the realms that are waited for, for a Watch that cannot see all.
	Wanted bool
}

// Waits makes the calls of a store that wait out of one watch and reads. What the watch has seen is only ever the reason to read, so
// that it does not matter if it is late, or wrong.
type Waits struct {
	name  string
	reads Reads
	log   *slog.Logger
	ctx   context.Context // ends with the store

	seen    Seen
	watcher sync.WaitGroup
}

// NewWaits returns the waits of a database, whose name is for the log. They end when ctx does; Close has to wait for them.
func NewWaits(ctx context.Context, name string, reads Reads, log *slog.Logger) *Waits {
	w := &Waits{name: name, reads: reads, log: log, ctx: ctx}
	w.seen.changed = make(chan struct{})
	if reads.Wanted {
		w.seen.wanted = make(map[store.Realm]time.Time)
		w.seen.more = make(chan struct{})
	}
	return w
}

// Close returns when the watch has ended, which none is started after. The ctx of NewWaits must have ended.
func (w *Waits) Close() {
	w.seen.stop()
	w.watcher.Wait()
}

// Changes returns the commits after the given revision.
func (w *Waits) Changes(ctx context.Context, realm store.Realm, after store.Rev, wait time.Duration) (commits []store.Commit, head store.Head, err error) {
	if wait <= 0 {
		return w.reads.Changes(ctx, realm, after)
	}
	w.seen.want(func(add func(store.Realm)) { add(realm) })
	read := func(bool) (found bool, err error) {
		if c, at, ok := w.seen.next(realm, after); ok {
			commits, head = []store.Commit{c}, at
			return true, nil
		}
		commits, head, err = w.reads.Changes(ctx, realm, after)
		return len(commits) > 0, err
	}
	err = w.await(ctx, wait, read, func(seen Sightings) sight {
		if seen[realm].Rev == after {
			head = seen[realm].Head
		}
		return compare(seen[realm].Rev, after)
	})
	return commits, head, err
}

// Heads returns the heads of the realms that are not at the given revision.
func (w *Waits) Heads(ctx context.Context, known map[store.Realm]store.Rev, wait time.Duration) (moved map[store.Realm]store.Head, err error) {
	if wait <= 0 {
		return w.reads.Heads(ctx, known)
	}
	w.seen.want(func(add func(store.Realm)) {
		for realm := range known {
			add(realm)
		}
	})
	differ := make(map[store.Realm]store.Rev) // those of which the watch has seen something else
	read := func(all bool) (_ bool, err error) {
		realms := differ
		if all {
			realms = known
		}
		moved, err = w.reads.Heads(ctx, realms)
		return len(moved) > 0, err
	}
	err = w.await(ctx, wait, read, func(seen Sightings) sight {
		most := same
		clear(differ)
		for realm, rev := range known {
			if sight := compare(seen[realm].Rev, rev); sight != same {
				differ[realm] = rev
				most = max(most, sight)
			}
		}
		return most
	})
	return moved, err
}

// sight is how what the watch has seen compares with what a caller knows.
type sight int

const (
	same   sight = iota
	behind       // the watch is late, which is usual after one's own commit, or the realm was set back
	ahead
)

func compare(seen, known store.Rev) sight {
	switch {
	case seen > known:
		return ahead
	case seen < known:
		return behind
	}
	return same
}

// await reads as soon as the watch gives reason to, until read finds something or fails, or wait is over. What was seen is looked at
// again after each change of it. read is told whether it has to read all, as the watch is no guide or the wait is over.
func (w *Waits) await(ctx context.Context, wait time.Duration, read func(all bool) (found bool, err error), look func(Sightings) sight) error {
	if err := w.follow(); err != nil {
		return err
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	for first := true; ; first = false {
		changed, sight, healthy := w.seen.look(look)
		if !healthy || sight == ahead || sight == behind && first {
			if found, err := read(!healthy); found || err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-over.C:
			_, err := read(true) // so that what the watch missed, or that the database is away, is found out now and then
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-w.ctx.Done():
			return store.ErrClosed
		}
	}
}

// follow starts the watch, unless it runs. It runs until the store is closed.
func (w *Waits) follow() error {
	start, err := w.seen.start()
	if start {
		w.watcher.Go(w.watch)
	}
	return err
}

const (
	firstPause = 50 * time.Millisecond
	awayPause  = 400 * time.Millisecond // at most, while no watch can be had: a database that is back is noticed within a second
	maxPause   = 5 * time.Second        // at most, if watches end soon after they began: to begin with one is work for the database
)

// watch keeps w.seen.
func (w *Waits) watch() {
	refused, brief := 0, 0 // watches in a row that did not begin, and that ended soon
	for lost := false; w.ctx.Err() == nil; {
		began := time.Time{}
		w.seen.started = func() {
			if lost {
				w.log.Debug(w.name + " is back")
			}
			lost, began = false, time.Now()
		}
		err := w.reads.Watch(w.ctx, &w.seen)
		// Those who wait ask the database themselves now, and return what it says: each time, so that they poll at worst.
		w.seen.change(func() { w.seen.healthy = false })
		if w.ctx.Err() == nil && !lost {
			w.log.Debug(w.name+" is away; trying again", "error", err)
			lost = true
		}
		pause := firstPause
		switch {
		case began.IsZero():
			pause = min(firstPause<<min(refused, 8), awayPause)
			refused++
		case time.Since(began) > maxPause:
			refused, brief = 0, 0
		default:
			pause = min(firstPause<<min(brief, 8), maxPause)
			refused, brief = 0, brief+1
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-w.ctx.Done():
		}
	}
}
