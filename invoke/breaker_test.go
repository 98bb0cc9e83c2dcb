package invoke_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/invoketest"
	"github.com/event-gateway/event-gateway/store"
)

// web is a function of type http on a server that can be told to break off, and a dispatcher that calls it.
type web struct {
	t          *testing.T
	dispatcher *invoke.Dispatcher
	target     store.Target
	broken     atomic.Bool
	calls      atomic.Int64
	now, most  atomic.Int64 // under way
	slow       atomic.Bool
	status     atomic.Int64
}

func newWeb(t *testing.T, concurrency int) *web {
	w := &web{t: t}
	w.status.Store(200)
	s := httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(s.Close)
	w.dispatcher = invoke.NewDispatcher(invoke.Options{Backlog: 1000, Concurrency: concurrency}, invoke.NewEgress(invoke.EgressOptions{}),
		invoke.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	t.Cleanup(func() { w.dispatcher.Drain(context.Background()) })
	w.target = store.Target{Function: httpFunction(t, fmt.Sprintf(`{"url":%q}`, s.URL)), Subscription: &store.Subscription{Space: "default", FunctionID: "f"}}
	return w
}

func (w *web) serve(rw http.ResponseWriter, _ *http.Request) {
	w.calls.Add(1)
	n := w.now.Add(1)
	defer w.now.Add(-1)
	for most := w.most.Load(); n > most && !w.most.CompareAndSwap(most, n); most = w.most.Load() {
	}
	if w.slow.Load() {
		time.Sleep(30 * time.Millisecond)
	}
	if w.broken.Load() {
		panic(http.ErrAbortHandler)
	}
	rw.WriteHeader(int(w.status.Load()))
}

func (w *web) call(ctx context.Context) *invoke.Error {
	_, err := w.dispatcher.Invoke(ctx, nil, invoketest.Event(), w.target)
	var e *invoke.Error
	if err != nil && !errors.As(err, &e) {
		w.t.Error(err)
	}
	return e
}

func (w *web) enqueue(n int) {
	w.t.Helper()
	for range n {
		if _, err := w.dispatcher.Enqueue(w.t.Context(), nil, invoke.Fanout{Event: invoketest.Event(), Targets: []store.Target{w.target}}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// reaches waits until the server got so many calls.
func (w *web) reaches(calls int64) {
	w.t.Helper()
	for end := time.Now().Add(5 * time.Second); w.calls.Load() < calls; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("%d calls, want %d", w.calls.Load(), calls)
		}
	}
}

// TestBreakerOverNetwork: a server that breaks off ten times is left alone by those who wait, and after five seconds one of them finds out that it is back.
func TestBreakerOverNetwork(t *testing.T) {
	t.Parallel()
	w := newWeb(t, 100)
	w.broken.Store(true)
	for range 10 {
		if e := w.call(t.Context()); e == nil || e.RetryAfter != 0 {
			t.Fatal(e)
		}
	}
	opened := time.Now()
	e := w.call(t.Context())
	if e == nil || e.Class != invoke.Temporary || e.RetryAfter <= 4*time.Second || e.RetryAfter > 5*time.Second || time.Since(opened) > time.Second {
		t.Errorf("%+v after %s", e, time.Since(opened))
	}
	if n := w.calls.Load(); n != 10 {
		t.Errorf("%d calls", n)
	}
	w.enqueue(5)
	w.reaches(15)
	w.broken.Store(false)
	w.slow.Store(true)
	time.Sleep(time.Until(opened.Add(5100 * time.Millisecond)))
	var callers sync.WaitGroup
	var succeeded atomic.Int64
	for range 20 {
		callers.Go(func() {
			if e := w.call(t.Context()); e == nil {
				succeeded.Add(1)
			} else if e.RetryAfter != time.Second {
				t.Errorf("%+v", e)
			}
		})
	}
	callers.Wait()
	if n := succeeded.Load(); n != w.calls.Load()-15 || n < 1 || n > 3 { // a late one of the 20 may find it closed again
		t.Errorf("%d callers got through, the server was called %d times", n, w.calls.Load()-15)
	}
	for range 20 {
		if e := w.call(t.Context()); e != nil {
			t.Error(e)
		}
	}
}

// TestBreakerStaysClosed: failures of the function itself and callers who go away do not keep others from it.
func TestBreakerStaysClosed(t *testing.T) {
	t.Parallel()
	w := newWeb(t, 100)
	for _, status := range []int64{500, 502, 503, 429, 403, 302} {
		w.status.Store(status)
		for range 15 {
			_ = w.call(t.Context())
		}
	}
	w.status.Store(200)
	w.slow.Store(true)
	for range 15 {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Millisecond, cancel)
		if e := w.call(ctx); e == nil || e.Class != invoke.Canceled {
			t.Error(e)
		}
		cancel()
	}
	if e := w.call(t.Context()); e != nil {
		t.Error(e)
	}
}

// TestConcurrencyOverNetwork: with many callers, no more calls than allowed are ever under way, and none is lost.
func TestConcurrencyOverNetwork(t *testing.T) {
	t.Parallel()
	w := newWeb(t, 4)
	var callers sync.WaitGroup
	var done, refused atomic.Int64
	for range 50 {
		callers.Go(func() {
			for range 20 {
				switch e := w.call(t.Context()); {
				case e == nil:
					done.Add(1)
				case e.Class == invoke.Throttled && e.RetryAfter == time.Second:
					refused.Add(1)
				default:
					t.Error(e)
				}
			}
		})
	}
	callers.Wait()
	if w.most.Load() > 4 || done.Load() != w.calls.Load() || done.Load()+refused.Load() != 1000 || refused.Load() == 0 {
		t.Errorf("%d at once, %d done, %d refused, %d calls", w.most.Load(), done.Load(), refused.Load(), w.calls.Load())
	}
	w.slow.Store(true)
	w.enqueue(20)
	w.reaches(done.Load() + 20)
	if w.most.Load() <= 4 {
		t.Error("async deliveries were held back")
	}
}
