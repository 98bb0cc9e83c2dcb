package store

import (
	"context"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

// Realms holds the realms that a process serves: in shared mode one, in hosted mode one a space. The latter are loaded when they are first asked
// for; when there are too many, the one that was not asked for longest goes. Reading one takes no lock.
type Realms struct {
	store   Store
	rules   *Rules
	options RealmsOptions
	log     *slog.Logger
	stats   *liveStats

	open    sync.Map // of *openRealm, by Realm
	loading singleflight.Group
	probes  prober
	reached atomic.Bool // the store has answered once
	stored  atomic.Bool // it did not, and the snapshot file holds spaces
	began   time.Time   // with a monotonic reading

	mu    sync.Mutex // guards what follows, and is held while realms come and go
	count int
	more  chan struct{} // closed when there are more realms to follow
}

// RealmsOptions are the settings of Realms.
type RealmsOptions struct {
	// Hosted makes each space a realm of its own. Else all are in the realm Shared.
	Hosted bool
	// Max is how many realms are kept in hosted mode.
	Max int
	// Frozen is set in a process that is frozen between requests, where nothing may follow the store.
	Frozen *Frozen
	// File keeps the realms for a start while the store is away. It may be nil.
	File *SnapshotFile
}

// NewRealms returns realms of s. Run has to follow them, but in a frozen process.
func NewRealms(s Store, rules *Rules, o RealmsOptions, log *slog.Logger) *Realms {
	r := &Realms{store: s, rules: rules, options: o, log: log, stats: &liveStats{}, began: time.Now(), more: make(chan struct{})}
	r.probes.ask = func(ctx context.Context, known map[Realm]Rev) (heads map[Realm]Head, err error) {
		err = r.ask(ctx, firstTry, func(ctx context.Context) error {
			heads, err = r.store.Heads(ctx, known, 0)
			return err
		})
		return heads, err
	}
	if !o.Hosted {
		r.add(r.newRealm(Shared))
	}
	return r
}

// Run follows the store until ctx ends. While it is away the snapshots stay as they are.
func (r *Realms) Run(ctx context.Context) {
	if r.options.Hosted {
		r.follow(ctx)
		return
	}
	r.held(Shared).live.Run(ctx)
}

// WaitReady waits until Ready.
func (r *Realms) WaitReady(ctx context.Context) error {
	if !r.options.Hosted {
		return r.held(Shared).live.WaitFor(ctx, 0)
	}
	for !r.Ready() && ctx.Err() == nil {
		sleep(ctx, 10*time.Millisecond)
	}
	return ctx.Err()
}

// Ready says whether requests can be routed: the configuration is there or, where it is loaded when it is asked for, the store has answered once,
// or does not and the snapshot file holds spaces.
func (r *Realms) Ready() bool {
	switch {
	case r.options.Frozen != nil:
		return true
	case r.options.Hosted:
		return r.reached.Load() || r.stored.Load()
	}
	return r.held(Shared).live.Snapshot() != nil
}

// Of returns the realm of a space, or an error if a space cannot have that name where each is a realm of its own.
func (r *Realms) Of(space string) (Realm, error) {
	switch {
	case !r.options.Hosted:
		return Shared, nil
	case !IsLabel(space):
		return "", errorf(Invalid, "%.70q cannot be a space here: its name is part of a host name, and so has 3 to 63 lower-case letters, digits and hyphens, with none of the latter at its ends.", space)
	}
	return Realm(space), nil
}

// Begin returns the realm for one request: NotFound if nobody ever wrote to it, Unavailable if there is no snapshot of it.
func (r *Realms) Begin(ctx context.Context, realm Realm) (Use, error) {
	o, err := r.get(ctx, realm, true)
	if err != nil {
		return Use{}, err
	}
	u := Use{realms: r, open: o}
	if r.options.Frozen != nil {
		u.turn = o.fresh.turn()
		u.end = r.freshen(ctx, o)
	}
	switch s := o.live.Snapshot(); {
	case s == nil:
		u.End()
		return Use{}, notReady()
	case r.options.Hosted && s.Head.Rev == 0 && u.Newer(ctx, s) == nil: // it is held because an operator looked
		u.End()
		return Use{}, noSpace(realm)
	}
	return u, nil
}

// Config returns the writer of the realm, which need not exist yet.
func (r *Realms) Config(ctx context.Context, realm Realm) (*Config, error) {
	o, err := r.get(ctx, realm, false)
	if err != nil {
		return nil, err
	}
	if r.options.Frozen != nil {
		r.catchUp(ctx, o, forcedTry) // another process may have written just now
	}
	return o.config, nil
}

// Stats returns what was counted for all realms so far.
func (r *Realms) Stats() LiveStats { return r.stats.read() }

// All returns the live of each realm that is held.
func (r *Realms) All() iter.Seq[*Live] {
	return func(yield func(*Live) bool) {
		r.open.Range(func(_, o any) bool { return yield(o.(*openRealm).live) })
	}
}
