package store

import (
	"context"
	"time"
)

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

// Newer returns a snapshot that is newer than the one a request found no route in, or nil. Only a process that nothing keeps fresh
// looks for one, at most once a second a realm.
func (u Use) Newer(ctx context.Context, than *Snapshot) *Snapshot {
	if u.realms.options.Frozen == nil {
		return nil
	}
	u.End()
	o := u.open
	if o.live.Snapshot() == than && o.fresh.done.Load() < u.turn && !within(&o.fresh.missed, missEvery) {
		o.fresh.missed.Store(time.Now().UnixNano())
		u.realms.catchUp(ctx, o, forcedTry)
	}
	if now := o.live.Snapshot(); now != than {
		return now
	}
	return nil
}

// reachLimit is how long a process that follows the store waits for a revision that others have seen.
const reachLimit = 2 * time.Second

// Reach returns a snapshot at rev or later, or the one that there is if none such is to be had soon.
func (u Use) Reach(ctx context.Context, rev Rev) *Snapshot {
	if o := u.open; u.realms.options.Frozen != nil {
		u.End()
		u.realms.catchUp(ctx, o, forcedTry)
	} else {
		ctx, cancel := context.WithTimeout(ctx, reachLimit)
		defer cancel()
		_ = o.live.WaitFor(ctx, rev)
	}
	return u.Snapshot()
}
