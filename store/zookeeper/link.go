package zookeeper

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

// link keeps a session open, from the first call on until the store is closed.
type link struct {
	running sync.WaitGroup

	mu           sync.Mutex
	begun, ended bool
	session      *session      // nil if there is none
	problem      error         // why there is none
	changed      chan struct{} // closed, and another one made, by each change
}

const (
	firstPause = 50 * time.Millisecond // between tries to connect
	maxPause   = time.Second
	leastDial  = time.Second // for a try to connect to one of several servers
)

// session returns the session, or waits for it.
func (s *Store) session(ctx context.Context) (*session, error) {
	for {
		c, changed, err := s.current()
		if c != nil || err != nil {
			return c, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.ctx.Done():
			return nil, store.ErrClosed
		}
	}
}

// promptSession waits for it no longer than for an answer.
func (s *Store) promptSession(ctx context.Context) (*session, error) {
	if ctx.Err() == nil {
		if c, _, err := s.current(); c != nil || err != nil {
			return c, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	return s.session(ctx)
}

// current returns the session, if there is one, and a channel that is closed when that changes. The first call begins to connect.
func (s *Store) current() (*session, <-chan struct{}, error) {
	l := &s.link
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.ended:
		return nil, nil, store.ErrClosed
	case l.session != nil && !l.session.isLost():
		return l.session, nil, nil
	case errors.Is(l.problem, store.ErrUnusable):
		return nil, nil, l.problem
	case !l.begun:
		l.begun = true
		l.running.Go(s.keep)
	}
	return nil, l.changed, nil
}

func (l *link) set(c *session, problem error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.session, l.problem = c, problem
	close(l.changed)
	l.changed = make(chan struct{})
}

// why returns why there is no session, or nil.
func (l *link) why() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.problem
}

// close returns when the session has ended. The store's context must have ended.
func (l *link) close() {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.running.Wait()
}

// keep connects again and again, to one server after the other. One that cannot be used may be a mistake among others that can: it counts once all
// in turn are like that.
func (s *Store) keep() {
	servers := s.options.Endpoints
	pause, failed, unusable := firstPause, 0, 0 // in a row
	for next := rand.IntN(len(servers)); s.ctx.Err() == nil; next++ {
		c, err := s.connect(servers[next%len(servers)])
		if unusable++; !lasting(err) {
			unusable = 0
		}
		if unusable >= len(servers) {
			err = fmt.Errorf("%w: %w", store.ErrUnusable, err)
		}
		s.link.set(c, err)
		if c != nil && s.use(c) {
			pause, failed = firstPause, 0
			continue
		}
		if failed++; failed%len(servers) != 0 {
			continue
		}
		select {
		case <-time.After(pause/2 + rand.N(pause/2)):
		case <-s.ctx.Done():
		}
		pause = min(2*pause, maxPause)
	}
}

// connect opens a session with a server.
func (s *Store) connect(addr string) (*session, error) {
	limit := s.options.Timeout
	if n := len(s.options.Endpoints); n > 1 {
		limit = max(limit/time.Duration(n), leastDial)
	}
	ctx, cancel := context.WithTimeout(s.ctx, limit)
	defer cancel()
	c, err := s.open(ctx, addr)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("%s opens no session within %v", addr, limit)
	case refused(err):
		err = fmt.Errorf("%s refuses the login: %w", addr, err)
	}
	return c, err
}

// use has a session used until it is lost, and returns whether that was for a while.
func (s *Store) use(c *session) bool {
	began := time.Now()
	select {
	case <-c.lost:
	case <-s.ctx.Done():
	}
	s.link.set(nil, fmt.Errorf("the connection with %s was lost: %w", c.addr, c.wire.problem()))
	s.link.running.Go(c.close)
	return time.Since(began) > maxPause
}

// lasting says whether what came of a try to connect stays so until somebody changes something.
func lasting(err error) bool {
	return errors.Is(err, errForeign) || refused(err) || backend.Untrusted(err)
}
