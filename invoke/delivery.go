package invoke

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/invoke/queue"
	"github.com/event-gateway/event-gateway/store"
)

// local is what the process knows of a delivery: since it began here, or since it was looked up.
type local struct {
	target   store.Target
	shared   *encodings      // may be nil
	snapshot *store.Snapshot // nil if nobody is to be told of the delivery
}

// deliver is one attempt of an async delivery. One that comes from outside the process has its subscription looked up: it may have been deleted meanwhile.
func (d *Dispatcher) deliver(ctx context.Context, q *queue.Delivery) queue.Verdict {
	if l, ok := q.Local.(*local); ok {
		return d.try(ctx, q, l)
	}
	use, err := d.begin(ctx, q.Space)
	var config *store.Error
	switch {
	case errors.As(err, &config) && config.Code != store.Unavailable:
		return d.cancel(q)
	case err != nil:
		return d.failed(q, &Error{Class: Temporary, Message: "the configuration cannot be read", Cause: err})
	}
	defer use.End()
	s := use.Snapshot()
	t, found := s.Subscribed(q.Space, q.Subscription)
	if !found && uint64(s.Head.Rev) < q.Revision { // it is newer than what this process knows
		s = use.Reach(ctx, store.Rev(q.Revision))
		if t, found = s.Subscribed(q.Space, q.Subscription); !found && uint64(s.Head.Rev) < q.Revision {
			return d.failed(q, &Error{Class: Temporary, Message: fmt.Sprintf("the event came with revision %d of the configuration, which is at %d here", q.Revision, s.Head.Rev)})
		}
	}
	if !found {
		return d.cancel(q)
	}
	l := &local{target: t}
	l.target.Names, l.target.Values = q.Params.Names, q.Params.Values
	if s.HasSystem() && q.Event.Kind != event.SystemEvent {
		l.snapshot = s
	}
	return d.try(ctx, q, l)
}

func (d *Dispatcher) begin(ctx context.Context, space string) (store.Use, error) {
	realms := d.options.Durable.Realms
	realm, err := realms.Of(space)
	if err != nil {
		return store.Use{}, err
	}
	return realms.Begin(ctx, realm)
}

// try calls the function.
func (d *Dispatcher) try(ctx context.Context, q *queue.Delivery, l *local) (v queue.Verdict) {
	t, durable := l.target, d.options.Durable != nil
	defer func() {
		if p := recover(); p != nil {
			d.log.Error("a panic ended a delivery", "function", t.Subscription.FunctionID, "event", q.Event.ID, "panic", p, "stack", string(debug.Stack()))
			if durable {
				v = d.failed(q, &Error{Class: Temporary, Function: t.Subscription.FunctionID, Message: "the gateway itself failed"})
			} else {
				d.metrics.processed(t, failed)
			}
		}
	}()
	if durable {
		release, ok := d.queueUp(ctx, t.Function)
		if !ok {
			return queue.Verdict{Again: busyRetry, Uncounted: true}
		}
		defer release()
	}
	if q.Attempts == 0 {
		d.metrics.waited(time.Since(q.Event.Received))
	}
	err := d.attempt(ctx, q, l)
	switch {
	case err == nil:
		d.metrics.processed(t, delivered)
	case durable:
		return d.failed(q, err)
	case ctx.Err() != nil:
		d.lose(q, "a delivery was cut off: there was no more time; the function may have got the event")
	default:
		d.metrics.processed(t, failed)
		d.logFailure(slog.LevelError, "an event could not be delivered", q, err)
	}
	return queue.Verdict{}
}

const (
	// lanePatience is how long a delivery of a durable queue waits for others to the same function, before it makes room for those to other functions.
	lanePatience = 2 * time.Second
	// busyRetry is when it tries again then.
	busyRetry = 30 * time.Second
)

// queueUp waits until there are fewer than laneWidth deliveries to f under way in this process. A queue in memory has lanes for that.
func (d *Dispatcher) queueUp(ctx context.Context, f *store.Function) (release func(), ok bool) {
	if f == nil {
		return noWait, true
	}
	o, err := d.open(f)
	if err != nil {
		return noWait, true // which the attempt will tell
	}
	release = func() { <-o.later }
	select {
	case o.later <- struct{}{}:
		return release, true
	default:
	}
	late := time.NewTimer(lanePatience)
	defer late.Stop()
	select {
	case o.later <- struct{}{}:
		return release, true
	case <-late.C:
	case <-ctx.Done():
	}
	return nil, false
}

func (d *Dispatcher) attempt(ctx context.Context, q *queue.Delivery, l *local) *Error {
	f := l.target.Function
	if f == nil {
		return noFunction(l.target)
	}
	ended := d.invoking(ctx, l.snapshot, q.Event, l.target)
	p := d.payload(q.Event, l.target, l.shared)
	p.Delivery = q.ID
	answer, err := d.call(ctx, f, p, false)
	if err == nil {
		err = d.failure(answer, f)
	}
	ended(answer, err)
	d.metrics.invoked(f, err)
	if err != nil {
		return named(err, f)
	}
	return nil
}

// cancel ends a delivery to a subscription that is no longer there.
func (d *Dispatcher) cancel(q *queue.Delivery) queue.Verdict {
	d.metrics.ended(cancelled)
	d.log.Info("a delivery was cancelled: its subscription is gone", "space", q.Space, "subscription", q.Subscription, "event", q.Event.ID, "type", q.Event.Type, "delivery", q.ID)
	return queue.Verdict{}
}

const (
	firstRetry   = 5 * time.Second
	longestRetry = 15 * time.Minute
	maxReason    = 1 << 10 // bytes
)

// failed says what is to become of a delivery in a durable queue after a failure: each wait is three times the one before, unless the function asked for a longer one.
func (d *Dispatcher) failed(q *queue.Delivery, err *Error) queue.Verdict {
	attempts, most := q.Attempts+1, d.options.Durable.Attempts
	if !err.Class.Retriable() || attempts >= most {
		d.metrics.ended(deadLettered)
		d.logFailure(slog.LevelError, "an event could not be delivered, and goes to the dead-letter queue", q, err)
		reason := fmt.Sprintf("attempt %d of at most %d: %s: %s", attempts, most, err.Class, err.Message)
		return queue.Verdict{Dead: reason[:min(len(reason), maxReason)]}
	}
	wait := firstRetry
	for range min(attempts-1, 10) {
		wait = min(3*wait, longestRetry)
	}
	wait = max(wait, min(err.RetryAfter, longestRetry))
	d.metrics.retry()
	d.logFailure(slog.LevelWarn, "an event could not be delivered, and is tried again", q, err, "attempt", attempts, "of", most, "after", wait.String())
	return queue.Verdict{Again: wait}
}

func (d *Dispatcher) logFailure(level slog.Level, what string, q *queue.Delivery, err *Error, more ...any) {
	about := []any{"space", q.Space, "function", err.Function, "event", q.Event.ID, "type", q.Event.Type, "class", err.Class, "retriable", err.Class.Retriable(), "error", err}
	if q.ID != "" {
		about = append(about, "subscription", q.Subscription, "delivery", q.ID)
	}
	d.log.Log(context.Background(), level, what, append(about, more...)...)
}
