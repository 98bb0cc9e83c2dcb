package invoke

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
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
	queue   queue.Queue
	metrics *Metrics
	log     *slog.Logger
	lost    atomic.Int64
	loops   *loops
	telling chan struct{} // held by system events on their way into a durable queue
	told    sync.Once     // no more are let begin
}

// Options are the settings of a Dispatcher.
type Options struct {
	// Compat makes events go out, and failures count, as in 2018.
	Compat bool
	// Backlog is how many async deliveries may wait or be under way in this process.
	Backlog int
	// Durable is the queue for async deliveries that outlives the process. Without one they are in memory, and tried once.
	Durable *Durable
	// Frozen is set in a process that is frozen between requests: without a durable queue, async deliveries are made while the request is under way.
	Frozen bool
	// Concurrency is how many calls of one function may be under way when somebody wants to wait for one more.
	Concurrency int
	// Keys open the secrets of functions.
	Keys *keyring.Keys
	// LineageKey signs the lineage of events: gateways that share it see a loop that goes through all of them. Empty: a key of this process.
	LineageKey []byte
}

// Durable is a queue that outlives the process, and what deliveries that come out of it need.
type Durable struct {
	// Open returns the queue, which hands its deliveries to deliver.
	Open func(deliver queue.Deliver) queue.Queue
	// Realms is where their subscriptions are looked up.
	Realms *store.Realms
	// Attempts is how often a delivery is tried at most.
	Attempts int
}

// NewDispatcher returns a dispatcher that goes out by e. It has to be drained in the end.
func NewDispatcher(o Options, e *Egress, m *Metrics, log *slog.Logger) *Dispatcher {
	d := &Dispatcher{options: o, egress: e, types: map[string]Type{}, metrics: m, log: log, loops: newLoops(o.LineageKey), telling: make(chan struct{}, maxBeside)}
	for _, t := range Types(e.credentials) {
		d.types[t.Name] = t
	}
	if o.Durable != nil {
		d.queue = o.Durable.Open(d.deliver)
	} else {
		d.queue = queue.NewMemory(queue.Options{Size: o.Backlog, Bytes: backlogBytes, Lane: laneWidth}, d.deliver)
	}
	return d
}

// Disconnect closes the connections to functions that are not in use.
func (d *Dispatcher) Disconnect() { d.egress.Close() }

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
