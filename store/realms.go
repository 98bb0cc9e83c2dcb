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
}

// openRealm is a realm that is held.
type openRealm struct {
	live   *Live
	config *Config
	used   atomic.Int64 // when it was last asked for, by Realms.clock; in hosted mode only
	fresh  freshness    // in a frozen process only

	// For the one who follows.
	busy  atomic.Bool  // it is catching up
	again atomic.Int64 // it is not asked about before, since that failed; by Realms.clock
}

// clock returns a time that only grows, whatever is done to the wall clock.
func (r *Realms) clock() time.Duration { return time.Since(r.began) }

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

// Ready says whether requests can be routed: the configuration is there or, where it is loaded when it is asked for, the store has answered once.
func (r *Realms) Ready() bool {
	switch {
	case r.options.Frozen != nil:
		return true
	case r.options.Hosted:
		return r.reached.Load()
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

// IsLabel says whether a space's name can be a label of a host name (RFC 1123, 2.1), in lower case.
func IsLabel(space string) bool {
	if len(space) < 3 || len(space) > 63 || space[0] == '-' || space[len(space)-1] == '-' {
		return false
	}
	for _, c := range []byte(space) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
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

// held returns a realm if it is there, and nil otherwise.
func (r *Realms) held(realm Realm) *openRealm {
	o, _ := r.open.Load(realm)
	held, _ := o.(*openRealm)
	return held
}

// get returns a realm, which is loaded if it is not there.
func (r *Realms) get(ctx context.Context, realm Realm, mustExist bool) (*openRealm, error) {
	if o := r.held(realm); o != nil {
		if r.options.Hosted {
			o.used.Store(int64(r.clock()))
		}
		return o, nil
	}
	if mustExist {
		exists, err := r.probes.exists(ctx, realm)
		switch {
		case err != nil:
			return nil, cannotLoad(err)
		case !exists:
			return nil, noSpace(realm)
		}
	}
	o, err, _ := r.loading.Do(string(realm), func() (any, error) { return r.load(ctx, realm) })
	if err != nil {
		return nil, cannotLoad(err)
	}
	return o.(*openRealm), nil
}

// load adds a realm. Those who wait for it do so together, so that it does not end with the request that came first.
func (r *Realms) load(ctx context.Context, realm Realm) (*openRealm, error) {
	if o := r.held(realm); o != nil {
		return o, nil
	}
	o := r.newRealm(realm)
	if err := r.ask(ctx, loadTry, func(ctx context.Context) error { return o.live.load(ctx, 0) }); err != nil {
		return nil, err
	}
	o.used.Store(int64(r.clock()))
	r.add(o)
	return o, nil
}

func (r *Realms) newRealm(realm Realm) *openRealm {
	live := NewLive(r.store, realm, r.rules, r.log)
	live.stats = r.stats
	return &openRealm{live: live, config: NewConfig(r.store, live, r.rules)}
}

// add holds one more realm, and lets go of another if it is one too many.
func (r *Realms) add(o *openRealm) {
	r.mu.Lock()
	r.open.Store(o.live.realm, o)
	if r.count++; r.options.Hosted && r.count > r.options.Max {
		r.count--
		r.open.Delete(r.leastUsed())
	}
	r.mu.Unlock()
	r.wake()
}

// wake tells the one who follows that there are more realms to follow.
func (r *Realms) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.more)
	r.more = make(chan struct{})
}

// leastUsed looks at all realms, which is less work than loading the one that it makes room for.
func (r *Realms) leastUsed() (realm Realm) {
	oldest := int64(0)
	r.open.Range(func(key, value any) bool {
		if used := value.(*openRealm).used.Load(); realm == "" || used < oldest {
			realm, oldest = key.(Realm), used
		}
		return true
	})
	return realm
}

// What the store may take for the answer to one question; in a frozen process it is then put once more, on another connection.
const (
	loadTry  = 5 * time.Second
	firstTry = 2 * time.Second
)

// ask puts a question to the store, on which more than one request may wait: it goes on when the one that has put it goes away.
func (r *Realms) ask(ctx context.Context, limit time.Duration, question func(context.Context) error) error {
	if deadline, ok := ctx.Deadline(); ok && r.options.Frozen != nil {
		// Both tries together leave time for what the request is about, unless that needs the answer.
		share := time.Until(deadline) / 6
		if limit == loadTry {
			share = time.Until(deadline) / 2
		}
		limit = min(limit, share)
	}
	try := func() error {
		bounded, cancel := detached(ctx, limit)
		defer cancel()
		return question(bounded)
	}
	err := try()
	if err != nil && r.options.Frozen != nil && ctx.Err() == nil {
		r.stats.failures.Add(1)
		r.log.Warn("the configuration store cannot be read; trying once more on another connection", "error", err)
		r.options.Frozen.Redial()
		err = try()
	}
	if err != nil {
		r.stats.failures.Add(1)
	}
	return err
}

// detached returns a context that does not end when the request does, but after limit, and no later than the deadline of the request: a
// server has none, and a Lambda is killed then.
func detached(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline))
	}
	return context.WithTimeout(context.WithoutCancel(ctx), limit)
}

func cannotLoad(cause error) error {
	return &Error{Code: Unavailable, Message: "The configuration cannot be read at the moment. Try again later.", Cause: cause}
}

func noSpace(realm Realm) *Error { return errorf(NotFound, "There is no space %q.", realm) }

func notReady() *Error {
	return &Error{Code: Unavailable, Message: "The gateway has not read its configuration yet.", Cause: errNotReady}
}

// Use is a realm in the hands of one request, which has to End before it is answered.
type Use struct {
	realms *Realms
	open   *openRealm
	turn   uint64 // as of freshness.turn; in a frozen process only
	end    func() // nil: nothing is under way
}

// Snapshot returns the current snapshot.
func (u Use) Snapshot() *Snapshot { return u.open.live.Snapshot() }

// End returns when nothing is under way any more for the request.
func (u Use) End() {
	if u.end != nil {
		u.end()
	}
}
