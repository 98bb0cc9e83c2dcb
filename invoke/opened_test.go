package invoke

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest"
)

// calls is a function whose calls do what the test says, with the time of a synctest bubble: a call over a network would stop that.
type calls struct {
	t    *testing.T
	d    *Dispatcher
	f    *store.Function
	made int
	do   func(context.Context) error
	log  storetest.Buffer
}

func newCalls(t *testing.T, concurrency int) *calls {
	c := &calls{t: t}
	c.d = NewDispatcher(Options{Backlog: 10, Concurrency: concurrency}, NewEgress(EgressOptions{}), NewMetrics(prometheus.NewRegistry()), slog.New(slog.NewTextHandler(&c.log, nil)))
	c.d.types["http"] = Type{FunctionType: httpType(), Open: func(store.Settings, *Egress) (Invoker, error) {
		return func(ctx context.Context, _ Payload) (*Answer, error) {
			c.made++
			return &Answer{Status: 200}, c.do(ctx)
		}, nil
	}}
	f, err := store.NewRules(FunctionTypes(GatewayCredentials), false, nil).DecodeFunction([]byte(`{"functionId":"f","type":"http","provider":{"url":"http://a"}}`), "default", "")
	if err != nil {
		t.Fatal(err)
	}
	c.f = f
	return c
}

// ends has the next calls end so.
func (c *calls) ends(err error) *calls {
	c.do = func(context.Context) error { return err }
	return c
}

func (c *calls) call(urgent bool) error {
	_, err := c.d.call(c.t.Context(), c.f, Payload{}, urgent)
	return err
}

// pass wants n calls to be made.
func (c *calls) pass(n int, urgent bool) {
	c.t.Helper()
	before := c.made
	for range n {
		_ = c.call(urgent)
	}
	if c.made != before+n {
		c.t.Errorf("%d calls of %d were made", c.made-before, n)
	}
}

// refused wants a call not to be made, and its caller to wait so long.
func (c *calls) refused(after time.Duration) {
	c.t.Helper()
	before := c.made
	err := c.call(true)
	var e *Error
	if !errors.As(err, &e) || e.Class != Temporary || e.RetryAfter != after || c.made != before || !strings.Contains(e.Message, "is not called for some seconds") {
		c.t.Errorf("got %v, %+v; %d calls", err, e, c.made-before)
	}
}

func failure(class Class) error { return &Error{Class: class, Message: "no"} }

// TestBreaker: ten failures in a row keep callers away for five seconds; then one call tries again.
func TestBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, class := range []Class{Temporary, Timeout} {
			c := newCalls(t, 100)
			c.ends(failure(class)).pass(10, true)
			c.refused(5 * time.Second)
			time.Sleep(2 * time.Second)
			c.refused(3 * time.Second)
			c.pass(5, false) // who nobody waits for goes nevertheless
			time.Sleep(2500 * time.Millisecond)
			c.refused(time.Second)
			time.Sleep(501 * time.Millisecond)
			c.pass(1, true)
			c.refused(5 * time.Second)
			time.Sleep(5001 * time.Millisecond)
			c.ends(nil).pass(20, true)
			c.ends(failure(class)).pass(10, true)
			c.refused(5 * time.Second)
			for _, change := range []string{"from=closed to=open", "from=open to=half-open", "from=half-open to=open", "from=half-open to=closed"} {
				if !strings.Contains(c.log.String(), change) {
					t.Errorf("%s is not in %s", change, &c.log)
				}
			}
		}
	})
}

// TestBreakerProbe: only one call tries again, and one that says nothing of the function leaves it to the next.
func TestBreakerProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCalls(t, 100)
		c.ends(failure(Temporary)).pass(10, true)
		time.Sleep(6 * time.Second)
		release := make(chan error)
		c.do = func(context.Context) error { return <-release }
		probe := make(chan error, 1)
		go func() { probe <- c.call(true) }()
		synctest.Wait()
		c.refused(time.Second)
		c.refused(time.Second)
		release <- failure(Canceled)
		<-probe
		c.ends(failure(Blocked)).pass(1, true)
		c.do = func(context.Context) error { panic("a bug") }
		func() {
			defer func() { _ = recover() }()
			_ = c.call(true)
		}()
		if n := c.f.Opened.Load().(*opened).underWay.Load(); n != 0 {
			t.Errorf("%d calls are under way", n)
		}
		c.ends(nil).pass(30, true)
	})
}

// TestBreakerCounts: what is no failure in a row never opens it.
func TestBreakerCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCalls(t, 100)
		for _, class := range []Class{Function, Invalid, Denied, Throttled, Blocked, Canceled} {
			c.ends(failure(class)).pass(30, true)
		}
		for range 5 {
			c.ends(failure(Temporary)).pass(9, true)
			c.ends(nil).pass(1, true)
			c.ends(failure(Timeout)).pass(9, false)
			c.ends(failure(Function)).pass(1, true) // it was reached
		}
		c.ends(failure(Temporary)).pass(5, true)
		c.ends(failure(Canceled)).pass(5, true) // neither this nor that
		c.ends(failure(Blocked)).pass(5, true)
		c.ends(failure(Temporary)).pass(5, true)
		c.refused(5 * time.Second)
	})
}

// TestBreakerOldCalls: calls that began before it opened and fail later neither try again in place of a new one nor keep it open.
func TestBreakerOldCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCalls(t, 100)
		release, old := make(chan error), make(chan error, 20)
		c.do = func(context.Context) error { return <-release }
		for range cap(old) {
			go func() { old <- c.call(true) }()
			synctest.Wait()
		}
		c.ends(failure(Temporary)).pass(10, true)
		c.refused(5 * time.Second)
		time.Sleep(6 * time.Second)
		for range 10 {
			release <- failure(Timeout)
			<-old
		}
		c.ends(nil).pass(1, true)
		for range 10 {
			release <- failure(Timeout)
			<-old
		}
		c.pass(1, true)
	})
}

// TestConcurrency: who would wait for one call too many is told at once; who nobody waits for goes nevertheless, and counts.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCalls(t, 3)
		release, ended := make(chan error), make(chan error, 10)
		c.do = func(context.Context) error { return <-release }
		begin := func(urgent bool) {
			go func() { ended <- c.call(urgent) }()
			synctest.Wait()
		}
		throttled := func() {
			t.Helper()
			before := c.made
			var e *Error
			if err := c.call(true); !errors.As(err, &e) || e.Class != Throttled || e.RetryAfter != time.Second || c.made != before ||
				e.Message != "3 calls of it are under way, which is as many as may be" {
				t.Errorf("%v %+v", err, e)
			}
		}
		for _, urgent := range []bool{true, false, true} {
			begin(urgent)
		}
		throttled()
		throttled()
		begin(false)
		begin(false)
		for range 2 {
			throttled()
			release <- nil
			<-ended
		}
		throttled()
		release <- failure(Temporary)
		<-ended
		begin(true)
		throttled()
		for range 3 {
			release <- nil
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		c.ends(nil).pass(5, true)
		if n := c.f.Opened.Load().(*opened).underWay.Load(); n != 0 {
			t.Errorf("%d calls are under way", n)
		}
	})
}
