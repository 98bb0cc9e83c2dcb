package invoke

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/event-gateway/event-gateway/store"
)

// opened is one revision of a function, ready to be called. It goes when the revision does.
type opened struct {
	invoke   Invoker
	underWay atomic.Int64  // calls
	later    chan struct{} // held by deliveries of a durable queue
	breaker  breaker
}

// open returns the function as it is kept with this revision of it.
func (d *Dispatcher) open(f *store.Function) (*opened, error) {
	if o, ok := f.Opened.Load().(*opened); ok {
		return o, nil
	}
	t := d.types[f.Kind()]
	if t.Open == nil {
		return nil, &Error{Class: Invalid, Message: fmt.Sprintf("this gateway cannot call functions of type %s", f.Kind())}
	}
	s, err := f.Open(d.options.Keys)
	if err != nil {
		return nil, &Error{Class: Invalid, Message: "its secrets cannot be opened with the keys of this gateway", Cause: err} // names of settings can be telling
	}
	invoke, err := t.Open(s, d.egress)
	var e *Error
	switch {
	case errors.As(err, &e):
		return nil, e
	case err != nil:
		return nil, &Error{Class: Invalid, Message: err.Error()}
	}
	o := &opened{invoke: invoke, later: make(chan struct{}, laneWidth)}
	o.breaker.init(d.log.With("space", f.Space, "function", f.ID), d.metrics.brokenOff(f))
	if !f.Opened.CompareAndSwap(nil, o) { // two at once make two; one stays
		o = f.Opened.Load().(*opened)
	}
	return o, nil
}

// errCutOff stands for the error of a call that did not return: a panic went through it.
var errCutOff = &Error{Class: Canceled, Message: "the call did not return"}

// call calls f once, for a sender who waits or for nobody.
func (d *Dispatcher) call(ctx context.Context, f *store.Function, p Payload, urgent bool) (a *Answer, err error) {
	o, err := d.open(f)
	if err != nil {
		return nil, err
	}
	limit := int64(d.options.Concurrency)
	if n := o.underWay.Add(1); urgent && n > limit {
		o.underWay.Add(-1)
		return nil, &Error{Class: Throttled, RetryAfter: time.Second, NotCalled: true, Message: fmt.Sprintf("%d calls of it are under way, which is as many as may be", limit)}
	}
	defer o.underWay.Add(-1)
	ended, err := o.breaker.begin(urgent)
	if err != nil {
		return nil, err
	}
	err = errCutOff
	defer func() { ended(err) }()
	a, err = o.invoke(ctx, p)
	return a, err
}

const (
	tripAfter = 10              // failures in a row
	openFor   = 5 * time.Second // until one call may try again
)

// breaker keeps those who wait from a function that cannot be reached. Only calls that began since its state changed count: what an
// earlier one says is old.
type breaker struct {
	since   atomic.Int64 // it opened, in Unix nanoseconds
	circuit *gobreaker.TwoStepCircuitBreaker[struct{}]
}

// init makes the breaker; opened is told each time that it opens.
func (b *breaker) init(log *slog.Logger, opened func()) {
	b.circuit = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:      openFor,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tripAfter },
		IsSuccessful: func(err error) bool { return !unreachable(err) },
		IsExcluded:   undecided,
		OnStateChange: func(_ string, from, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				b.since.Store(time.Now().UnixNano())
				opened()
			}
			log.Warn("the circuit breaker of a function changed", "from", from.String(), "to", to.String())
		},
	})
}

// unreachable says whether an error tells that no call would come through in time: other failures of the function itself do not.
func unreachable(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Class == Temporary || e.Class == Timeout)
}

// undecided says whether an error tells nothing of the function: the caller went away, or the gateway made no call.
func undecided(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Class == Canceled || e.Class == Blocked || e.NotCalled)
}

// begin lets a call begin; ended has to be told how it ended. Calls that nobody waits for begin always: they would be lost. While the
// circuit is not closed they do not count, or a slow one would be the trial that all others wait for.
func (b *breaker) begin(urgent bool) (ended func(error), err error) {
	if !urgent && b.circuit.State() != gobreaker.StateClosed {
		return func(error) {}, nil
	}
	ended, err = b.circuit.Allow()
	switch {
	case err == nil:
		return ended, nil
	case urgent:
		left := openFor - time.Duration(time.Now().UnixNano()-b.since.Load())
		return nil, &Error{Class: Temporary, RetryAfter: max(left, time.Second), NotCalled: true, Message: "it could not be reached the last times, so it is not called for some seconds"}
	}
	return func(error) {}, nil
}
