package store

import (
	"context"
	"errors"
	"runtime/debug"
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

// YoungAge is the age up to which a snapshot is taken for fresh in a frozen process.
const YoungAge = 2 * time.Second

const (
	besideTry  = 300 * time.Millisecond // for the answer to a question beside a request, which may have to wait for it in the end
	forcedTry  = 2 * time.Second
	missEvery  = time.Second     // how often a request that no route was found for makes its realm catch up
	retryAfter = 2 * time.Second // a store that did not answer is left alone for so long
	coldAfter  = time.Second     // the same if there is nothing to go on with: senders were told to come again after a second
)

// freshness is what a frozen process remembers of a realm. Times are in ns since 1970, by the wall clock.
type freshness struct {
	asking sync.Mutex
	begun  atomic.Uint64 // questions that were put
	done   atomic.Uint64 // the last of them that was answered
	failed atomic.Int64  // when the store last did not answer
	missed atomic.Int64  // when a request without a route last made it catch up
}

// turn returns the number of the next question: the first whose answer is as new as the call.
func (f *freshness) turn() uint64 { return f.begun.Load() + 1 }

// within says whether something was less than d ago by the wall clock. One that was set back says no.
func within(at *atomic.Int64, d time.Duration) bool {
	ago := time.Duration(time.Now().UnixNano() - at.Load())
	return ago >= 0 && ago < d
}

// freshen does what the age of the snapshot asks for. If it is done beside the request, end waits for it.
func (r *Realms) freshen(ctx context.Context, o *openRealm) (end func()) {
	confirmed := &o.live.confirmed
	switch {
	case o.live.incomplete(): // nothing to go on with, or not for long
		r.catchUp(ctx, o, forcedTry)
	case within(confirmed, YoungAge):
	case within(confirmed, r.options.Frozen.MaxStaleness):
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer r.recoverPanic()
			r.catchUp(ctx, o, besideTry)
		}()
		return func() { <-done }
	default:
		r.catchUp(ctx, o, forcedTry)
	}
	return nil
}

// recoverPanic keeps a panic beside a request from ending the process, as one within a request does not.
func (r *Realms) recoverPanic() {
	if p := recover(); p != nil {
		r.log.Error("a panic ended a question to the store", "panic", p, "stack", string(debug.Stack()))
	}
}

// catchUp makes sure that the snapshot is as new as the call, if the store answers. If it does not, requests go on with what there is.
func (r *Realms) catchUp(ctx context.Context, o *openRealm, limit time.Duration) {
	turn := o.fresh.turn()
	o.fresh.asking.Lock()
	defer o.fresh.asking.Unlock()
	if o.fresh.done.Load() >= turn {
		return // another request asked after the call
	}
	pause := retryAfter
	if o.live.Snapshot() == nil {
		pause = coldAfter
	}
	if o.live.incomplete() {
		limit = loadTry
	}
	if !within(&o.fresh.failed, pause) {
		n := o.fresh.begun.Add(1)
		err := r.ask(ctx, limit, o.live.CatchUp)
		if err == nil {
			o.fresh.done.Store(n)
			return
		}
		o.fresh.failed.Store(time.Now().UnixNano())
		if !errors.Is(err, errReload) {
			r.log.Warn("the configuration store cannot be read; what there is stays", "realm", o.live.realm, "revision served", o.live.served(), "error", err)
		}
	}
	if o.live.Snapshot() != nil && !within(&o.live.confirmed, r.options.Frozen.MaxStaleness) {
		r.stats.stale.Add(1)
	}
}
