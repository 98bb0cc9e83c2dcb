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
	file  *SnapshotFile // nil: there is none

	current   atomic.Pointer[Snapshot]
	confirmed atomic.Int64 // when the store last said that current is current, in ns since 1970
	stats     *liveStats   // shared by the realms of a process

	mu      sync.Mutex    // held while a new snapshot is made, never while the store is asked
	swapped chan struct{} // closed at each swap

	reloads   reloads
	needsLoad atomic.Bool // changes do not lead from the snapshot to what the store has; changed with mu held

	unconfirmed atomic.Bool // the snapshot is that of the file, and the store has not said yet whether it is current
}

type liveStats struct {
	loads, swaps, failures, mismatches, stale atomic.Uint64
	batches, commits, conflicts               atomic.Uint64
}

// LiveStats counts what was done to keep snapshots fresh.
type LiveStats struct {
	Loads      uint64 // whole realms read
	Swaps      uint64 // snapshots made
	Failures   uint64 // times that the store could not be asked
	Mismatches uint64 // digests that showed that something was missed
	Stale      uint64 // requests that had to do with a snapshot older than allowed, as the store could not be asked
	Batches    uint64 // groups of writes that went into one commit
	Commits    uint64 // commits that were tried for them
	Conflicts  uint64 // commits that came too late, as another instance was quicker
}

func (s *liveStats) read() LiveStats {
	return LiveStats{
		Loads: s.loads.Load(), Swaps: s.swaps.Load(), Failures: s.failures.Load(), Mismatches: s.mismatches.Load(), Stale: s.stale.Load(),
		Batches: s.batches.Load(), Commits: s.commits.Load(), Conflicts: s.conflicts.Load(),
	}
}

const (
	followWait = 30 * time.Second // one wait for changes; the store is asked when it is over, which confirms an idle realm
	minBackoff = 50 * time.Millisecond
	maxBackoff = 400 * time.Millisecond // a store that is back is noticed within a second
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
func (l *Live) incomplete() bool { return l.needsLoad.Load() || l.current.Load() == nil }

// Stats returns what was counted so far.
func (l *Live) Stats() LiveStats { return l.stats.read() }

// Run loads the realm and follows its changes until ctx ends. While the store is away it goes on trying, and the last snapshot stays.
func (l *Live) Run(ctx context.Context) {
	serving := func() (string, string, bool) { return "revision served", l.served(), l.current.Load() != nil }
	again(ctx, l.log, l.stats, serving, func(wait time.Duration) error { return l.keepUp(ctx, wait) })
}

// again calls follow until ctx ends, with growing pauses while it fails; then it is not to wait for changes. What is served meanwhile is logged
// once, and once more if the store answers now, and refuses.
func again(ctx context.Context, log *slog.Logger, stats *liveStats, serving func() (what, which string, ready bool), follow func(wait time.Duration) error) {
	backoff, away, refused := minBackoff, false, false
	for ctx.Err() == nil {
		wait := followWait
		if away {
			wait = 0
		}
		err := follow(wait)
		what, which, ready := serving()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			if away {
				log.Info("the configuration store is back", what, which)
			}
			away, backoff = false, minBackoff
			continue
		case errors.Is(err, errReload): // the store did answer
		default:
			stats.failures.Add(1)
			known := away && refused == errors.Is(err, ErrUnusable)
			refused = errors.Is(err, ErrUnusable)
			switch {
			case known:
			case ready:
				log.Warn("the configuration store cannot be read; trying again", what, which, "error", err)
			default:
				log.Warn("waiting for the configuration store; the gateway is not ready until it answers", "error", err)
			}
			away = true
		}
		sleep(ctx, backoff/2+rand.N(backoff))
		backoff = min(2*backoff, maxBackoff)
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

// keepUp is refresh for the one who follows the store, who also loads the realm for the file if that lacks changes.
func (l *Live) keepUp(ctx context.Context, wait time.Duration) error {
	if l.file.wants(l.realm) {
		l.file.putOff(l.realm)
		if l.load(ctx, 0) == nil {
			return nil
		}
	}
	return l.refresh(ctx, wait)
}

// refresh asks the store for what is newer than the snapshot, and makes a new one if there is something.
func (l *Live) refresh(ctx context.Context, wait time.Duration) error {
	s := l.current.Load()
	switch {
	case s == nil:
		return l.first(ctx)
	case l.needsLoad.Load():
		if err := l.reload(ctx, s); !errors.Is(err, errReload) {
			return err
		}
		wait = 0 // until it is loaded, another report of the changes may do; a wait would be for what is newer still
	case l.unconfirmed.Load():
		wait = 0
	}
	commits, head, err := l.store.Changes(ctx, l.realm, s.Head.Rev, wait)
	if errors.Is(err, ErrTrimmed) {
		if l.doubt(s) {
			l.log.Info("the log of changes does not reach back far enough; the realm is loaded again", "realm", l.realm, "revision", s.Head.Rev)
		}
		return l.reload(ctx, s)
	}
	if err != nil {
		return err
	}
	return l.apply(ctx, commits, head)
}

// first makes the first snapshot: that of the store or, if it is away, that of the file.
func (l *Live) first(ctx context.Context) error {
	if !l.file.holds(l.realm) {
		return l.load(ctx, 0)
	}
	bounded, cancel := context.WithTimeout(ctx, loadTry)
	defer cancel()
	err := l.load(bounded, 0)
	if err != nil && ctx.Err() == nil {
		l.restore(err)
	}
	return err
}

// restore makes what the file holds of the realm the snapshot, and says whether it holds any. When the store is back, it has the last word.
func (l *Live) restore(away error) bool {
	items, at, ok := l.file.read(l.realm)
	if !ok {
		return false
	}
	s := NewSnapshot(l.rules, l.realm, items, at.Head, l.report)
	s.Head = at.Head
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current.Load() != nil {
		return true // somebody else got one meanwhile
	}
	confirmed := time.Unix(0, at.at)
	l.log.Warn("the configuration store cannot be read; what the snapshot file holds is served",
		"realm", l.realm, "revision", s.Head.Rev, "confirmed", confirmed, "error", away)
	l.unconfirmed.Store(true)
	l.swap(s, confirmed)
	return true
}

// load replaces the snapshot by a new one of all items. One that is behind is taken only instead of the revision that is in doubt: a
// restored database goes back, and a slow answer must not.
func (l *Live) load(ctx context.Context, doubted Rev) error {
	items, head, err := l.store.Load(ctx, l.realm)
	if err != nil {
		return err
	}
	l.stats.loads.Add(1)
	s := NewSnapshot(l.rules, l.realm, items, head, l.report)
	own := s.Head.Digest
	if s.Head.Digest != head.Digest {
		l.stats.mismatches.Add(1)
		l.log.Error("the items of the realm do not match its digest: the database was changed by something else, or is damaged",
			"realm", l.realm, "revision", head.Rev)
		s.Head = head // from here on the two are kept alike, so that the next miss shows
	}
	if l.replace(s, doubted, func() { l.file.keep(l.realm, items, head, own) }) {
		l.log.Warn("the store is at an earlier revision than before: it was restored, or is another one",
			"realm", l.realm, "revision served", doubted, "revision", head.Rev)
	}
	return nil
}

// replace makes s the snapshot, and then calls keep, unless somebody else was quicker. It says whether s is behind the one before.
func (l *Live) replace(s *Snapshot, doubted Rev, keep func()) (back bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.current.Load()
	back = was != nil && was.Head.Rev > s.Head.Rev
	if back && was.Head.Rev != doubted {
		return false
	}
	l.unconfirmed.Store(false)
	l.needsLoad.Store(false)
	l.swap(s, time.Now())
	keep()
	return back
}

// apply adds commits to the snapshot. head is the store's after the last of them: if they do not lead there, something was missed.
func (l *Live) apply(ctx context.Context, commits []Commit, head Head) error {
	var unread []func()
	was, now := l.advance(commits, head, func(key string, why error) {
		unread = append(unread, func() { l.report(key, why) })
	})
	if now == nil {
		return l.missed(ctx, was)
	}
	for _, report := range unread {
		report()
	}
	l.unconfirmed.Store(false)
	l.confirmed.Store(time.Now().UnixNano())
	if now == was {
		l.file.confirm(l.realm, now.Head, time.Now())
	}
	return nil
}

// advance makes what the commits lead to the snapshot. It returns the one before, and the one after: nil if that is not at head, and not served.
func (l *Live) advance(commits []Commit, head Head, report func(key string, why error)) (was, now *Snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	was = l.current.Load()
	now, err := was.Apply(commits, report)
	switch {
	case err != nil: // or somebody else loaded another past meanwhile
		return was, nil
	case now == was && now.Head.Rev > head.Rev && !l.needsLoad.Load(): // somebody else was quicker
		return was, now
	case now.Head != head:
		return was, nil
	}
	l.reloads.helped.Store(true)
	l.needsLoad.Store(false)
	if now != was {
		l.swap(now, time.Now())
		l.file.change(l.realm, was.Head, now.Head, commits)
	}
	return was, now
}

// missed has the realm loaded, since changes do not lead from s to what the store has.
func (l *Live) missed(ctx context.Context, s *Snapshot) error {
	if l.doubt(s) {
		l.stats.mismatches.Add(1)
		l.log.Warn("the snapshot missed a change; the realm is loaded again", "realm", l.realm, "revision", s.Head.Rev)
	}
	return l.reload(ctx, s)
}

// doubt notes that s has to be replaced by a load, if it is still the snapshot, and says whether that is new.
func (l *Live) doubt(s *Snapshot) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current.Load() == s && !l.needsLoad.Swap(true)
}

// reload loads the realm instead of s. If it is too early for that, it is done later.
func (l *Live) reload(ctx context.Context, s *Snapshot) error {
	return l.reloads.do(func() error { return l.load(ctx, s.Head.Rev) })
}

// differs says that the realm has to be asked about, given its head.
func (l *Live) differs(head Head) bool {
	return l.current.Load().Head != head || l.unconfirmed.Load() || l.file.wants(l.realm)
}

// confirm says that the snapshot was the newest at a time.
func (l *Live) confirm(at time.Time) {
	if was := l.confirmed.Load(); was < at.UnixNano() {
		l.confirmed.CompareAndSwap(was, at.UnixNano())
	}
	l.file.confirm(l.realm, l.current.Load().Head, at)
}

// swap makes s the current snapshot, which the store said to be the newest at a time. l.mu is held.
func (l *Live) swap(s *Snapshot, confirmed time.Time) {
	if was := l.current.Swap(s); s.sealed > 0 && (was == nil || was.sealed == 0) {
		l.log.Error("functions have secrets that the keys of this gateway do not open: calls of them fail", "realm", l.realm, "functions", s.sealed)
	}
	l.confirmed.Store(confirmed.UnixNano())
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
