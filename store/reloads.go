package store

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// reloads bounds the loads that a store's mistakes lead to, which go on for ever if the database itself is damaged.
type reloads struct {
	helped atomic.Bool // since the last one the store has said that the snapshot is right

	mu   sync.Mutex // held while one is under way
	vain int        // how many in a row did not help
	next time.Time  // none before this
}

const (
	// A mistake is made good within two seconds, if loads are quick; and a load takes a sixth of the time at most, unless that would be too late.
	minReloadPause   = 500 * time.Millisecond
	reloadPauseShare = 5
	maxReloadPause   = 10 * time.Second
	// The pauses grow if loads do not help, but not for a store that makes a mistake now and then.
	vainReloads = 2
)

// do calls load, unless somebody else is at it or it is too early.
func (r *reloads) do(load func() error) error {
	if !r.mu.TryLock() {
		return errReload
	}
	defer r.mu.Unlock()
	began := time.Now()
	if began.Before(r.next) {
		return errReload
	}
	helped := r.helped.Swap(false)
	if err := load(); err != nil {
		return err // the store is away, and there are pauses for that
	}
	if r.vain++; helped {
		r.vain = 0
	}
	ended := time.Now()
	pause := min(max(minReloadPause, reloadPauseShare*ended.Sub(began)), maxReloadPause)
	for range r.vain - vainReloads {
		pause = min(2*pause, maxReloadPause)
	}
	r.next = ended.Add(pause)
	return nil
}

var errReload = errors.New("the snapshot missed a change, and is loaded again soon")
