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
	underWay atomic.Int64 // calls
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
		return nil, &Error{Class: Invalid, Message: err.Error()}
	}
	invoke, err := t.Open(s, d.egress)
	var e *Error
	switch {
	case errors.As(err, &e):
		return nil, e
	case err != nil:
		return nil, &Error{Class: Invalid, Message: err.Error()}
	}
	o := &opened{invoke: invoke}
	o.breaker.init(d.log.With("space", f.Space, "function", f.ID))
	if !f.Opened.CompareAndSwap(nil, o) { // two at once make two; one stays
		o = f.Opened.Load().(*opened)
	}
	return o, nil
}

// call calls f once, for a sender who waits or for nobody.
func (d *Dispatcher) call(ctx context.Context, f *store.Function, p Payload, urgent bool) (*Answer, error) {
	o, err := d.open(f)
	if err != nil {
		return nil, err
	}
	defer o.underWay.Add(-1)
	if n := o.underWay.Add(1); urgent && n > int64(d.options.Concurrency) {
		return nil, &Error{Class: Throttled, RetryAfter: time.Second, Message: fmt.Sprintf("%d calls of it are under way, which is as many as may be", n-1)}
	}
	ended, err := o.breaker.begin(urgent)
	if err != nil {
		return nil, err
	}
	a, err := o.invoke(ctx, p)
	ended(err)
	return a, err
}

const (
	tripAfter = 10              // failures in a row
	openFor   = 5 * time.Second // until one call may try again
)

// breaker keeps those who wait from a function that cannot be reached. While all is well it costs one look at a flag.
type breaker struct {
	failing atomic.Bool // since the last call that was answered
	since   atomic.Int64
	circuit *gobreaker.TwoStepCircuitBreaker[struct{}]
}

func (b *breaker) init(log *slog.Logger) {
	b.circuit = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:      openFor,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tripAfter },
		IsSuccessful: func(err error) bool { return !unreachable(err) },
		IsExcluded: func(err error) bool {
			var e *Error
			return errors.As(err, &e) && e.Class == Canceled
		},
		OnStateChange: func(_ string, from, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				b.since.Store(time.Now().UnixNano())
			}
			log.Warn("the circuit breaker of a function changed", "from", from.String(), "to", to.String())
		},
	})
}

// unreachable says whether an error tells that no call would come through: the failures of the function itself do not.
func unreachable(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Class == Temporary || e.Class == Timeout)
}

// begin lets a call begin; ended has to be told how it ended. Calls that nobody waits for begin always: they would be lost.
func (b *breaker) begin(urgent bool) (ended func(error), err error) {
	if !b.failing.Load() {
		return b.ended, nil
	}
	done, err := b.circuit.Allow()
	switch {
	case err == nil:
		return func(err error) {
			done(err)
			if err == nil {
				b.failing.Store(false)
			}
		}, nil
	case urgent:
		left := openFor - time.Duration(time.Now().UnixNano()-b.since.Load())
		return nil, &Error{Class: Temporary, RetryAfter: max(left, time.Second), Message: "it could not be reached the last times, so it is not called for some seconds"}
	}
	return func(error) {}, nil
}

// ended counts a call that began while all was well.
func (b *breaker) ended(err error) {
	if !unreachable(err) {
		return
	}
	b.failing.Store(true)
	if done, e := b.circuit.Allow(); e == nil {
		done(err)
	}
}
