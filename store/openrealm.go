package store

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// openRealm is a realm that is held.
type openRealm struct {
	live   *Live
	config *Config
	used   atomic.Int64 // when it was last asked for, by Realms.clock; in hosted mode only
	fresh  freshness    // in a frozen process only

	// For the one who follows.
	busy   atomic.Bool   // it is catching up
	broken time.Duration // how long it was left alone when that last failed; for who has made it busy
	again  atomic.Int64  // it is not asked about before, since that failed; by Realms.clock
}

// clock returns a time that only grows, whatever is done to the wall clock.
func (r *Realms) clock() time.Duration { return time.Since(r.began) }

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
	var o any
	var err error
	if mustExist {
		o, err, _ = r.loading.Do("? "+string(realm), func() (any, error) { return r.loadExisting(ctx, realm) })
	} else {
		o, err = r.loadOnce(ctx, realm, nil)
	}
	var known *Error
	switch {
	case errors.As(err, &known):
		return nil, err
	case err != nil:
		return nil, cannotLoad(err)
	}
	return o.(*openRealm), nil
}

// loadExisting adds a realm if it exists. If the store cannot be asked, the snapshot file may hold it.
func (r *Realms) loadExisting(ctx context.Context, realm Realm) (any, error) {
	if o := r.held(realm); o != nil { // those who asked just before have it
		return o, nil
	}
	if r.stored.Load() && !r.reached.Load() && r.options.File.holds(realm) {
		return r.loadOnce(ctx, realm, errNotReached) // which the one who follows goes on trying
	}
	waiting, cancel := detached(ctx, loadTry) // others wait, too
	defer cancel()
	deadline, _ := waiting.Deadline()
	exists, err := r.probes.exists(waiting, realm)
	switch {
	case err != nil && (errors.Is(err, errManyProbes) || !time.Now().Before(deadline)): // which does not say that the store is away
		return nil, err
	case err == nil && !exists:
		return nil, noSpace(realm)
	}
	return r.loadOnce(ctx, realm, err)
}

// loadOnce adds a realm, once for all who ask for it at the same time. away says why the store need not be asked again, if so.
func (r *Realms) loadOnce(ctx context.Context, realm Realm, away error) (any, error) {
	o, err, _ := r.loading.Do(string(realm), func() (any, error) { return r.load(ctx, realm, away) })
	return o, err
}

// load adds a realm. Those who wait for it do so together, so that it does not end with the request that came first.
func (r *Realms) load(ctx context.Context, realm Realm, away error) (*openRealm, error) {
	if o := r.held(realm); o != nil {
		return o, nil
	}
	o := r.newRealm(realm)
	if away == nil {
		away = r.ask(ctx, loadTry, func(ctx context.Context) error { return o.live.load(ctx, 0) })
	}
	if away != nil && !o.live.restore(away) {
		return nil, away
	}
	o.used.Store(int64(r.clock()))
	r.add(o)
	return o, nil
}

func (r *Realms) newRealm(realm Realm) *openRealm {
	live := NewLive(r.store, realm, r.rules, r.log)
	live.stats, live.file = r.stats, r.options.File
	return &openRealm{live: live, config: NewConfig(r.store, live, r.rules)}
}

// add holds one more realm, and lets go of another if it is one too many.
func (r *Realms) add(o *openRealm) {
	r.mu.Lock()
	r.open.Store(o.live.realm, o)
	if r.count++; r.options.Hosted && r.count > r.options.Max {
		r.count--
		gone := r.leastUsed()
		r.open.Delete(gone)
		r.options.File.forget(gone)
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
