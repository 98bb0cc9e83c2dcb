package invoke

import (
	"errors"
	"sync"
	"time"
)

// refusal remembers for a while that nothing was given out, so that a storm of calls does not become a storm of requests for credentials.
type refusal struct {
	mu    sync.Mutex
	err   *Error
	until time.Time
}

// note remembers an error that would come again at once.
func (r *refusal) note(err error) {
	var e *Error
	if !errors.As(err, &e) || e.Class != Denied && e.Class != Invalid && e.Class != Throttled {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err, r.until = e, time.Now().Add(refusalLasts)
}

// last returns what is remembered, or nil.
func (r *refusal) last() *Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Now().Before(r.until) {
		return r.err
	}
	return nil
}
