package invoke

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/invoke/queue"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/keyring"
)

// Dispatcher delivers an event to a function now (Call) or later (Enqueue).
type Dispatcher struct {
	options Options
	egress  *Egress
	types   map[string]Type
	queue   *queue.Memory[lane, *delivery]
	metrics *Metrics
	log     *slog.Logger
	lost    atomic.Int64
	loops   *loops
}

// Options are the settings of a Dispatcher.
type Options struct {
	// Compat makes events go out, and failures count, as in 2018.
	Compat bool
	// Backlog is how many async deliveries may wait or be under way.
	Backlog int
	// Frozen is set in a process that is frozen between requests: async deliveries are made while the request is under way.
	Frozen bool
	// Concurrency is how many calls of one function may be under way when somebody wants to wait for one more.
	Concurrency int
	// Keys open the secrets of functions.
	Keys *keyring.Keys
	// LineageKey signs the lineage of events: gateways that share it see a loop that goes through all of them. Empty: a key of this process.
	LineageKey []byte
}

const (
	// backlogBytes bounds the memory of the events in the backlog.
	backlogBytes = 256 << 20
	// deliveryBytes is what a delivery of an empty event is taken to cost.
	deliveryBytes = 1 << 10
	// laneWidth is how many async deliveries to one function are under way at once.
	laneWidth = 32
)

// lane is the function that a delivery waits for.
type lane struct{ space, function string }

// Fanout is an event and all the targets that get it later.
type Fanout struct {
	Event   *event.Event
	Targets []store.Target
}

// delivery is one event on its way to one target.
type delivery struct {
	event    *event.Event
	target   store.Target
	shared   *encodings
	snapshot *store.Snapshot // nil if nobody is to be told of the delivery
}

// NewDispatcher returns a dispatcher that goes out by e. It has to be drained in the end.
func NewDispatcher(o Options, e *Egress, m *Metrics, log *slog.Logger) *Dispatcher {
	d := &Dispatcher{options: o, egress: e, types: map[string]Type{}, metrics: m, log: log, loops: newLoops(o.LineageKey)}
	for _, t := range Types(e.credentials) {
		d.types[t.Name] = t
	}
	d.queue = queue.NewMemory[lane](queue.Options{Size: o.Backlog, Bytes: backlogBytes, Lane: laneWidth}, d.deliver)
	return d
}

// Call delivers ev to t, which is a target of s, and returns the response that its answer stands for. Its errors are *Error.
func (d *Dispatcher) Call(ctx context.Context, s *store.Snapshot, ev *event.Event, t store.Target) (*Response, error) {
	return d.now(ctx, s, ev, t, func(a *Answer) (*Response, error) {
		if a.Plain || t.Function.Response == store.Passthrough {
			return a.Passthrough()
		}
		if err := d.failure(a, t.Function); err != nil {
			return nil, err
		}
		r, err := ParseResponse(a.Body)
		if e, ok := err.(*Error); ok && !d.types[t.Function.Kind()].Web {
			e.Message = strings.TrimSuffix(e.Message, passthroughHint)
		}
		return r, err
	})
}

// Invoke delivers ev to t, which is a target of s, and returns its answer as it is. Its errors are *Error.
func (d *Dispatcher) Invoke(ctx context.Context, s *store.Snapshot, ev *event.Event, t store.Target) (*Response, error) {
	return d.now(ctx, s, ev, t, func(a *Answer) (*Response, error) {
		r := &Response{Status: http.StatusOK, Header: http.Header{}, Body: a.Body}
		if a.Plain { // of the type, not of the function
			r.Status = a.Status
		}
		if contentType := a.Header.Get("Content-Type"); contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		return r, d.failure(a, t.Function)
	})
}

// now calls t for a sender who waits. read makes a response of its answer.
func (d *Dispatcher) now(ctx context.Context, s *store.Snapshot, ev *event.Event, t store.Target, read func(*Answer) (*Response, error)) (*Response, error) {
	f := t.Function
	if f == nil {
		return nil, noFunction(t)
	}
	ended := d.invoking(ctx, s, ev, t)
	var r *Response
	answer, err := d.call(ctx, f, d.payload(ev, t, nil), true)
	if err == nil {
		r, err = read(answer)
	}
	ended(answer, err)
	d.metrics.invoked(f, err)
	if err != nil {
		e := named(err, f)
		d.log.Warn("a function failed", "space", f.Space, "function", f.ID, "event", ev.ID, "type", ev.Type, "class", e.Class, "error", e)
		return nil, e
	}
	return r, nil
}

// Enqueue takes events for all their targets, or for none if there is no room: queue.ErrFull, queue.ErrClosed. Each target gets its event once. wait has to be
// called before the sender is answered: in a frozen process it returns when all deliveries have ended, which is when ctx ends at the latest. s is the snapshot that
// the targets are of, or nil if nobody is to be told of the deliveries.
func (d *Dispatcher) Enqueue(ctx context.Context, s *store.Snapshot, fanouts ...Fanout) (wait func(), err error) {
	return d.enqueue(ctx, d.queue.Add, s, fanouts...)
}

func (d *Dispatcher) enqueue(ctx context.Context, add func([]queue.Item[lane, *delivery]) error, s *store.Snapshot, fanouts ...Fanout) (wait func(), err error) {
	if s != nil && !s.HasSystem() {
		s = nil // the deliveries would keep it in memory
	}
	n := 0
	for _, f := range fanouts {
		n += len(f.Targets)
	}
	items := make([]queue.Item[lane, *delivery], 0, n)
	for _, f := range fanouts {
		shared := &encodings{}
		bytes := cost(f.Event, len(f.Targets))
		for _, t := range f.Targets {
			t.Names, t.Values = slices.Clone(t.Names), slices.Clone(t.Values)
			items = append(items, queue.Item[lane, *delivery]{
				Lane:  lane{t.Subscription.Space, t.Subscription.FunctionID},
				Bytes: bytes,
				Value: &delivery{event: f.Event, target: t, shared: shared, snapshot: s},
			})
		}
	}
	if d.options.Frozen {
		return d.deliverNow(ctx, items), nil
	}
	if err := add(items); err != nil {
		for _, item := range items {
			d.metrics.dropped(item.Value.target)
		}
		return nil, err
	}
	return noWait, nil
}

// deliverNow makes the deliveries that otherwise a queue would hold, some of them at once.
func (d *Dispatcher) deliverNow(ctx context.Context, items []queue.Item[lane, *delivery]) (wait func()) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(len(items), laneWidth) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(items)); i = next.Add(1) - 1 {
				if v := items[i].Value; ctx.Err() == nil {
					d.deliver(ctx, v)
				} else {
					d.lose(v, "an event was not delivered: there was no more time")
				}
			}
		})
	}
	return wg.Wait
}

// cost returns how much memory one of n deliveries of an event keeps. All share the event and, but for plain HTTP requests, its encoded
// form, which is at most a third larger where it is base64, and more where text has to be escaped.
func cost(ev *event.Event, n int) int {
	encoded := ev.Size + max(ev.Size/3, ev.Escapes)
	if ev.Kind == event.Plain {
		return deliveryBytes + ev.Size/max(n, 1) + encoded
	}
	return deliveryBytes + (ev.Size+encoded)/max(n, 1)
}

// Disconnect closes the connections to functions that are not in use.
func (d *Dispatcher) Disconnect() { d.egress.Close() }

// Backlog returns how many async deliveries wait or are under way.
func (d *Dispatcher) Backlog() int { return d.queue.Len() }

// Drain delivers what is in the queue until ctx ends, and returns how many deliveries were lost. It logs each.
func (d *Dispatcher) Drain(ctx context.Context) int {
	for _, v := range d.queue.Drain(ctx) {
		d.lose(v, "an event was not delivered: there was no more time")
	}
	d.egress.Close()
	return int(d.lost.Load())
}

func (d *Dispatcher) lose(v *delivery, how string) {
	d.lost.Add(1)
	d.metrics.lost(v.target)
	sub := v.target.Subscription
	d.log.Error(how, "space", sub.Space, "function", sub.FunctionID, "event", v.event.ID, "type", v.event.Type)
}

// deliver is one attempt of an async delivery.
func (d *Dispatcher) deliver(ctx context.Context, v *delivery) {
	t := v.target
	defer func() {
		if p := recover(); p != nil {
			d.metrics.processed(t, false)
			d.log.Error("a panic ended a delivery", "function", t.Subscription.FunctionID, "event", v.event.ID, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	d.metrics.waited(time.Since(v.event.Received))
	err := d.attempt(ctx, v)
	if err != nil && ctx.Err() != nil {
		d.lose(v, "a delivery was cut off: there was no more time; the function may have got the event")
		return
	}
	d.metrics.processed(t, err == nil)
	if err != nil {
		d.log.Error("an event could not be delivered", "space", t.Subscription.Space, "function", t.Subscription.FunctionID,
			"event", v.event.ID, "type", v.event.Type, "class", err.Class, "retriable", err.Class.Retriable(), "error", err)
	}
}

func (d *Dispatcher) attempt(ctx context.Context, v *delivery) *Error {
	f := v.target.Function
	if f == nil {
		return noFunction(v.target)
	}
	ended := d.invoking(ctx, v.snapshot, v.event, v.target)
	answer, err := d.call(ctx, f, d.payload(v.event, v.target, v.shared), false)
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

func noFunction(t store.Target) *Error {
	return &Error{Class: Invalid, Function: t.Subscription.FunctionID, Message: "its record cannot be read"}
}

// failure returns the error that an answer's status stands for.
func (d *Dispatcher) failure(a *Answer, f *store.Function) error {
	switch {
	case a.Status/100 == 2, d.options.Compat && a.Status < 500:
		return nil
	case a.Status/100 == 3:
		return &Error{Class: Function, Message: fmt.Sprintf("it answered with a redirect (status %d), which is not followed", a.Status)}
	}
	e := &Error{Class: Function, Message: fmt.Sprintf("it answered with status %d", a.Status)}
	switch after := a.Header.Get("Retry-After"); {
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		e.Class = Denied
		if hint := d.types[f.Kind()].Denied; hint != "" {
			e.Message += ": " + hint
		}
	case a.Status == http.StatusTooManyRequests, a.Status == http.StatusServiceUnavailable && after != "":
		e.Class, e.RetryAfter = Throttled, retryAfter(after, time.Now())
	}
	return e
}

// named returns err as an *Error about f.
func named(err error, f *store.Function) *Error {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Class: Temporary, Message: "it could not be called", Cause: err}
	}
	about := *e
	about.Function = f.ID
	return &about
}
