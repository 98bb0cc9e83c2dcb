package zookeeper

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/go-zookeeper/zk"
)

const (
	maxRequests = 256 // of a session under way at once
	maxWorkers  = 128 // that make the requests of one call
)

// do makes one request.
func (c *session) do(ctx context.Context, request func() error) error {
	return c.each(ctx, 1, func(int) error { return request() })
}

// each makes requests 0 to n-1, many at once, until one of them fails. zk's client knows no contexts: when ctx ends, or there is no answer for
// too long, those under way are left to themselves, and end with the session at the latest. So what they write may be read only if each
// returns nil.
func (c *session) each(ctx context.Context, n int, request func(i int) error) error {
	if n == 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next, answers atomic.Int64
	var workers atomic.Int32
	workers.Store(int32(min(n, maxWorkers)))
	done := make(chan struct{})
	for range min(n, maxWorkers) {
		go func() {
			defer func() {
				if workers.Add(-1) == 0 {
					close(done)
				}
			}()
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				err := c.enter(ctx)
				if err == nil {
					err = request(i)
					<-c.slots
				}
				if err != nil {
					stop(err)
					return
				}
				answers.Add(1)
			}
		}()
	}
	silence := time.NewTicker(c.timeout)
	defer silence.Stop()
	for before := int64(0); ; before = answers.Load() {
		select {
		case <-done:
			return context.Cause(ctx)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-silence.C:
			if answers.Load() == before {
				return context.DeadlineExceeded
			}
		}
	}
}

// enter waits for a slot.
func (c *session) enter(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-c.lost:
		return zk.ErrConnectionClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
