package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Frozen is how snapshots are kept fresh in a process that is frozen between requests, as AWS Lambda does it: nothing runs in the background, and
// no connection can be trusted. The age of a snapshot, by the wall clock, says at the start of a request what is to be done.
type Frozen struct {
	// MaxStaleness is the age from which on a request waits until the store was asked. Below it, the store is asked beside the request.
	MaxStaleness time.Duration
	// Redial drops the connection to the store, which may have died while the process was frozen, and opens another one.
	Redial func()
}

const (
	youngAge   = 2 * time.Second        // a snapshot up to this age is taken for fresh
	besideTry  = 300 * time.Millisecond // for the answer to a question beside a request, which may have to wait for it in the end
	forcedTry  = 2 * time.Second
	missEvery  = time.Second     // how often a request that no route was found for makes its realm catch up
	retryAfter = 2 * time.Second // a store that did not answer is left alone for so long
)

// freshness is what a frozen process remembers of a realm. Times are in ns since 1970, by the wall clock.
type freshness struct {
	asking sync.Mutex
	failed atomic.Int64 // when the store last did not answer
	missed atomic.Int64 // when a request without a route last made it catch up
}

// since returns how long ago, by the wall clock, something was.
func since(at *atomic.Int64) time.Duration { return time.Duration(time.Now().UnixNano() - at.Load()) }

// within says whether something was less than d ago. A clock that was set back says no.
func within(at *atomic.Int64, d time.Duration) bool {
	ago := since(at)
	return ago >= 0 && ago < d
}

// freshen does what the age of the snapshot asks for. If it is done beside the request, end waits for it.
func (r *Realms) freshen(ctx context.Context, o *openRealm) (end func()) {
	confirmed := &o.live.confirmed
	switch {
	case within(confirmed, youngAge):
		return nil
	case o.live.Snapshot() != nil && within(confirmed, r.options.Frozen.MaxStaleness):
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.catchUp(ctx, o, besideTry)
		}()
		return func() { <-done }
	}
	limit := forcedTry
	if o.live.Snapshot() == nil { // the whole configuration has to be read
		limit = loadTry
	}
	if !r.catchUp(ctx, o, limit) {
		r.stats.stale.Add(1)
	}
	return nil
}

// catchUp makes sure that the snapshot is as new as the call, if the store answers.
func (r *Realms) catchUp(ctx context.Context, o *openRealm, limit time.Duration) bool {
	began := time.Now().UnixNano()
	o.fresh.asking.Lock()
	defer o.fresh.asking.Unlock()
	switch {
	case o.live.confirmed.Load() > began: // by another request
		return true
	case within(&o.fresh.failed, retryAfter):
		return false
	}
	err := r.ask(ctx, limit, o.live.CatchUp)
	if err != nil && !errors.Is(err, errMismatch) {
		o.fresh.failed.Store(time.Now().UnixNano())
		r.log.Warn("the configuration store cannot be read; what there is stays", "realm", o.live.realm, "revision served", o.live.served(), "error", err)
	}
	return err == nil
}

// Newer returns a snapshot that is newer than the one a request found no route in, or nil. Only a process that nothing keeps fresh
// looks for one, at most once a second a realm.
func (u Use) Newer(ctx context.Context, than *Snapshot) *Snapshot {
	if u.realms.options.Frozen == nil {
		return nil
	}
	u.End()
	o := u.open
	if o.live.Snapshot() == than && o.live.confirmed.Load() < u.began && !within(&o.fresh.missed, missEvery) {
		o.fresh.missed.Store(time.Now().UnixNano())
		u.realms.catchUp(ctx, o, forcedTry)
	}
	if now := o.live.Snapshot(); now != than {
		return now
	}
	return nil
}
