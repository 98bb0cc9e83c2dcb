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

// deliver is one attempt of an async delivery. One that comes out of a durable queue has its subscription looked up: it may have been deleted meanwhile.
func (d *Dispatcher) deliver(ctx context.Context, q *queue.Delivery) (v queue.Verdict) {
	defer func() {
		if p := recover(); p != nil {
			d.log.Error("a panic ended a delivery", "space", q.Space, "subscription", q.Subscription, "event", q.Event.ID, "panic", p, "stack", string(debug.Stack()))
			v = d.failed(ctx, q, &Error{Class: Temporary, Function: q.Function, Message: "the gateway itself failed"})
		}
	}()
	if l, ok := q.Local.(*local); ok {
		return d.try(ctx, q, l)
	}
	use, err := d.begin(ctx, q.Space)
	var config *store.Error
	switch {
	case errors.As(err, &config) && config.Code == store.Invalid: // no space can have that name
		return d.cancel(q)
	case errors.As(err, &config) && config.Code == store.NotFound: // it was there when the event came
		return d.failed(ctx, q, &Error{Class: Temporary, Message: "its space is not there"})
	case err != nil:
		d.log.Warn("a delivery has to wait for the configuration", "space", q.Space, "subscription", q.Subscription, "event", q.Event.ID, "error", err)
		return queue.Verdict{Again: awayRetry, Uncounted: true}
	}
	defer use.End()
	s := use.Snapshot()
	t, found := s.Subscribed(q.Space, q.Subscription)
	if !found && uint64(s.Head.Rev) < q.Revision { // it is newer than what this process knows
		s = use.Reach(ctx, store.Rev(q.Revision))
		t, found = s.Subscribed(q.Space, q.Subscription)
	}
	switch {
	case !found && uint64(s.Head.Rev) < q.Revision:
		return d.failed(ctx, q, &Error{Class: Temporary, Message: fmt.Sprintf("the event came with revision %d of the configuration, which is at %d here", q.Revision, s.Head.Rev)})
	case !found:
		return d.cancel(q)
	case t.Subscription == nil: // this gateway cannot; another one may
		return d.failed(ctx, q, &Error{Class: Temporary, Message: "the record of the subscription cannot be read"})
	}
	l := &local{target: t}
	l.target.Names, l.target.Values = q.Params.Names, q.Params.Values
	if s.HasSystem() && q.Event.Kind != event.SystemEvent {
		l.snapshot = s
	}
	return d.try(ctx, q, l)
}

// awayRetry is how long a delivery waits for a configuration that cannot be read.
const awayRetry = time.Minute

// begin returns the realm of a space, which was there when the event came.
func (d *Dispatcher) begin(ctx context.Context, space string) (store.Use, error) {
	realms := d.options.Durable.Realms
	realm, err := realms.Of(space)
	if err != nil {
		return store.Use{}, err
	}
	return realms.Begin(ctx, realm)
}

// try calls the function.
func (d *Dispatcher) try(ctx context.Context, q *queue.Delivery, l *local) queue.Verdict {
	t := l.target
	if d.options.Durable != nil {
		release, err := d.queueUp(ctx, t)
		switch {
		case err != nil:
			return d.failed(ctx, q, err)
		case release == nil:
			return queue.Verdict{Again: busyRetry, Uncounted: true}
		}
		defer release()
	}
	if q.Attempts == 0 {
		d.metrics.waited(max(0, time.Since(q.Event.Received)))
	}
	if err := d.attempt(ctx, q, l); err != nil {
		return d.failed(ctx, q, err)
	}
	d.metrics.processed(t, delivered)
	return queue.Verdict{}
}

const (
	// lanePatience is how long a delivery of a durable queue waits for others to the same function, before it makes room for those to other functions.
	lanePatience = 2 * time.Second
	// busyRetry is when it tries again then.
	busyRetry = 30 * time.Second
)

// queueUp waits until there are fewer than laneWidth deliveries to the function under way in this process. release is nil if that takes too long. A function that this gateway cannot
// call may be one for another gateway, so that it is tried again.
func (d *Dispatcher) queueUp(ctx context.Context, t store.Target) (release func(), e *Error) {
	if t.Function == nil {
		e = noFunction(t)
		e.Class = Temporary
		return nil, e
	}
	o, err := d.open(t.Function)
	if err != nil {
		e = named(err, t.Function)
		e.Class = Temporary
		return nil, e
	}
	release = func() { <-o.later }
	select {
	case o.later <- struct{}{}:
		return release, nil
	default:
	}
	late := time.NewTimer(lanePatience)
	defer late.Stop()
	select {
	case o.later <- struct{}{}:
		return release, nil
	case <-late.C:
	case <-ctx.Done():
	}
	return nil, nil
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

// failed says what is to become of a delivery after a failure. In a durable queue each wait is three times the one before, or as many times as the function asked for.
func (d *Dispatcher) failed(ctx context.Context, q *queue.Delivery, err *Error) queue.Verdict {
	switch l, own := q.Local.(*local); {
	case d.options.Durable != nil:
		return d.again(ctx, q, err)
	case own && ctx.Err() != nil:
		d.lose(q, "a delivery was cut off: there was no more time; the function may have got the event")
	case own:
		d.metrics.processed(l.target, failed)
		d.logFailure(slog.LevelError, "an event could not be delivered", q, err)
	}
	return queue.Verdict{}
}

func (d *Dispatcher) again(ctx context.Context, q *queue.Delivery, err *Error) queue.Verdict {
	attempts, most := q.Attempts+1, d.options.Durable.Attempts
	switch {
	case errors.Is(ctx.Err(), context.Canceled): // the process ends
		return queue.Verdict{Again: firstRetry, Uncounted: true}
	case !err.Class.Retriable() || attempts >= most:
		d.metrics.ended(deadLettered)
		d.logFailure(slog.LevelError, "an event could not be delivered, and goes to the dead-letter queue", q, err)
		reason := fmt.Sprintf("attempt %d of at most %d: %s: %s", attempts, most, err.Class, err.Message)
		return queue.Verdict{Dead: reason[:min(len(reason), maxReason)]}
	}
	wait := firstRetry
	for n := 1; n < min(attempts, 10) || wait < min(err.RetryAfter, longestRetry); n++ {
		wait = min(3*wait, longestRetry)
	}
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
