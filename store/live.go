package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Live holds the current snapshot of a realm and keeps it fresh. Routing reads the snapshot and never waits for the store.
type Live struct {
	store Store
	realm Realm
	rules *Rules
	log   *slog.Logger

	current   atomic.Pointer[Snapshot]
	confirmed atomic.Int64 // when the store last said that current is current, in ns since 1970
	stats     *liveStats   // shared by the realms of a process

	mu      sync.Mutex    // held while a new snapshot is made, never while the store is asked
	swapped chan struct{} // closed at each swap

	reloading sync.Mutex
	reloaded  time.Time   // when a digest last led to a reload
	lacking   atomic.Bool // the changes since the snapshot are not to be had: it needs a load
}

type liveStats struct {
	loads, swaps, failures, mismatches, stale atomic.Uint64
}

// LiveStats counts what was done to keep snapshots fresh.
type LiveStats struct {
	Loads      uint64 // whole realms read
	Swaps      uint64 // snapshots made
	Failures   uint64 // times that the store could not be asked
	Mismatches uint64 // digests that showed that something was missed
	Stale      uint64 // requests that had to do with a snapshot older than allowed, as the store could not be asked
}

func (s *liveStats) read() LiveStats {
	return LiveStats{
		Loads: s.loads.Load(), Swaps: s.swaps.Load(), Failures: s.failures.Load(), Mismatches: s.mismatches.Load(), Stale: s.stale.Load(),
	}
}

const (
	followWait = 30 * time.Second // one wait for changes; the store is asked when it is over, which confirms an idle realm
	minBackoff = 50 * time.Millisecond
	maxBackoff = 2 * time.Second
	// reloadEvery bounds the loads that a digest can cause, which may go on failing if the database itself is damaged.
	reloadEvery = 10 * time.Second
)

// NewLive returns a Live without a snapshot; Run gets it one.
func NewLive(s Store, realm Realm, rules *Rules, log *slog.Logger) *Live {
	return &Live{store: s, realm: realm, rules: rules, log: log, stats: &liveStats{}, swapped: make(chan struct{})}
}

// Snapshot returns the current snapshot, or nil before the first.
func (l *Live) Snapshot() *Snapshot { return l.current.Load() }

// Age returns how long ago, by the wall clock, the store last confirmed that the snapshot is the newest.
func (l *Live) Age() time.Duration {
	return time.Duration(time.Now().UnixNano() - l.confirmed.Load())
}

// incomplete says that the whole realm has to be read.
func (l *Live) incomplete() bool { return l.lacking.Load() || l.current.Load() == nil }

// Stats returns what was counted so far.
func (l *Live) Stats() LiveStats { return l.stats.read() }

// Run loads the realm and follows its changes until ctx ends. While the store is away it goes on trying, and the last snapshot stays.
func (l *Live) Run(ctx context.Context) {
	again(ctx, l.log, l.stats, "revision served", l.served, func() error { return l.refresh(ctx, followWait) })
}

// again calls follow until ctx ends, with growing pauses while it fails. What is served meanwhile is logged.
func again(ctx context.Context, log *slog.Logger, stats *liveStats, what string, served func() string, follow func() error) {
	backoff := minBackoff
	for away := false; ctx.Err() == nil; {
		err := follow()
		switch {
		case ctx.Err() != nil:
		case err == nil:
			if away {
				log.Info("the configuration store is back", what, served())
			}
			away, backoff = false, minBackoff
		default:
			stats.failures.Add(1)
			if !away {
				log.Warn("the configuration store cannot be read; trying again", what, served(), "error", err)
			}
			away = true
			sleep(ctx, backoff/2+rand.N(backoff))
			backoff = min(2*backoff, maxBackoff)
		}
	}
}

// served returns the revision that routing goes on with, or "none yet".
func (l *Live) served() string {
	if s := l.current.Load(); s != nil {
		return fmt.Sprint(s.Head.Rev)
	}
	return "none yet"
}

// CatchUp makes sure that the snapshot is at least as new as the call.
func (l *Live) CatchUp(ctx context.Context) error { return l.refresh(ctx, 0) }

// WaitFor waits until the snapshot holds the given revision.
func (l *Live) WaitFor(ctx context.Context, rev Rev) error {
	for {
		l.mu.Lock()
		swapped := l.swapped
		l.mu.Unlock()
		if s := l.current.Load(); s != nil && s.Head.Rev >= rev {
			return nil
		}
		select {
		case <-swapped:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// refresh asks the store for what is newer than the snapshot, and makes a new one if there is something.
func (l *Live) refresh(ctx context.Context, wait time.Duration) error {
	s := l.current.Load()
	if s == nil {
		return l.load(ctx, 0)
	}
	commits, head, err := l.store.Changes(ctx, l.realm, s.Head.Rev, wait)
	if errors.Is(err, ErrTrimmed) {
		l.log.Info("the log of changes does not reach back far enough; the realm is loaded again", "realm", l.realm, "revision", s.Head.Rev)
		return l.load(ctx, s.Head.Rev)
	}
	if err != nil {
		return err
	}
	return l.apply(ctx, commits, head)
}

// load replaces the snapshot by a new one of all items. One that is behind is taken only instead of the revision that is in doubt: a
// restored database goes back, and a slow answer must not.
func (l *Live) load(ctx context.Context, doubted Rev) error {
	l.lacking.Store(true)
	items, head, err := l.store.Load(ctx, l.realm)
	if err != nil {
		return err
	}
	l.lacking.Store(false)
	l.stats.loads.Add(1)
	s := NewSnapshot(l.rules, l.realm, items, head, l.report)
	if s.Head.Digest != head.Digest {
		l.stats.mismatches.Add(1)
		l.log.Error("the items of the realm do not match its digest: the database was changed by something else, or is damaged",
			"realm", l.realm, "revision", head.Rev)
		s.Head = head // from here on the two are kept alike, so that the next miss shows
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.current.Load(); now != nil && now.Head.Rev > s.Head.Rev && now.Head.Rev != doubted {
		return nil // somebody else was quicker
	}
	l.swap(s)
	return nil
}

// apply adds commits to the snapshot. head is the store's after the last of them: if they differ, something was missed.
func (l *Live) apply(ctx context.Context, commits []Commit, head Head) error {
	was, now, err := l.advance(commits)
	switch {
	case err != nil: // somebody else loaded another past meanwhile
		return l.load(ctx, was.Head.Rev)
	case now.Head.Rev == head.Rev && now.Head != head:
		return l.mismatch(ctx, head)
	}
	l.confirmed.Store(time.Now().UnixNano())
	return nil
}

// advance returns the snapshot before and after the commits.
func (l *Live) advance(commits []Commit) (was, now *Snapshot, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	was = l.current.Load()
	now, err = was.Apply(commits, l.report)
	if err == nil && now != was {
		l.swap(now)
	}
	return was, now, err
}

func (l *Live) mismatch(ctx context.Context, head Head) error {
	if !l.reloading.TryLock() {
		return errMismatch // somebody else is at it
	}
	defer l.reloading.Unlock()
	if time.Since(l.reloaded) < reloadEvery {
		return errMismatch
	}
	l.reloaded = time.Now()
	l.stats.mismatches.Add(1)
	l.log.Warn("the snapshot missed a change; the realm is loaded again", "realm", l.realm, "revision", head.Rev)
	return l.load(ctx, head.Rev)
}

var errMismatch = errors.New("the snapshot missed a change, and is loaded again soon")

// confirm says that the snapshot was the newest at a time.
func (l *Live) confirm(at time.Time) {
	if was := l.confirmed.Load(); was < at.UnixNano() {
		l.confirmed.CompareAndSwap(was, at.UnixNano())
	}
}

// swap makes s the current snapshot. l.mu is held.
func (l *Live) swap(s *Snapshot) {
	l.current.Store(s)
	l.confirmed.Store(time.Now().UnixNano())
	l.stats.swaps.Add(1)
	close(l.swapped)
	l.swapped = make(chan struct{})
}

func (l *Live) report(key string, why error) {
	l.log.Error("a record cannot be read and is left out", "realm", l.realm, "key", key, "why", why)
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

var errNotReady = errors.New("there is no snapshot of the configuration yet")
