package invoke_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/invoke/invoketest"
	"github.com/event-gateway/event-gateway/invoke/queue"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/memory"
	"github.com/event-gateway/event-gateway/store/storetest"
)

// held is a queue that keeps what it takes, and how deliveries come out of it.
type held struct {
	deliver queue.Deliver
	slow    time.Duration
	taken   chan *queue.Message
}

func (h *held) Add(_ context.Context, messages ...*queue.Message) error {
	time.Sleep(h.slow)
	for _, m := range messages {
		h.taken <- m
	}
	return nil
}

func (h *held) Follow(ctx context.Context, messages ...*queue.Message) error {
	return h.Add(ctx, messages...)
}
func (h *held) Run(context.Context)                     {}
func (h *held) Len() int                                { return 0 }
func (h *held) Drain(context.Context) []*queue.Delivery { return nil }

// durable is a dispatcher with a queue that outlives it, one function and its subscription.
type durable struct {
	*invoke.Dispatcher
	t      *testing.T
	queue  *held
	store  store.Store
	rules  *store.Rules
	realms *store.Realms
	config *store.Config
	status atomic.Int64
	after  atomic.Value // Retry-After
	called atomic.Int64
	log    storetest.Buffer
}

func newDurable(t *testing.T, hosted bool) *durable {
	d := &durable{t: t, queue: &held{taken: make(chan *queue.Message, 10)}, store: memory.New(), rules: store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil)}
	d.status.Store(200)
	d.after.Store("")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		d.called.Add(1)
		if after := d.after.Load().(string); after != "" {
			w.Header().Set("Retry-After", after)
		}
		w.WriteHeader(int(d.status.Load()))
	}))
	t.Cleanup(s.Close)
	log := slog.New(slog.NewTextHandler(&d.log, nil))
	t.Cleanup(func() {
		if text := d.log.String(); t.Failed() || strings.Contains(text, "panic") {
			t.Error(text) // a panic has a verdict, too
		}
	})
	d.realms = store.NewRealms(d.store, d.rules, store.RealmsOptions{Hosted: hosted, Max: 10}, log)
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() { defer close(over); d.realms.Run(ctx) }()
	t.Cleanup(func() { stop(); <-over })
	if err := d.realms.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.Dispatcher = invoke.NewDispatcher(invoke.Options{Concurrency: 100, Durable: &invoke.Durable{
		Open:   func(deliver queue.Deliver) queue.Queue { d.queue.deliver = deliver; return d.queue },
		Realms: d.realms, Attempts: 8,
	}}, invoke.NewEgress(invoke.EgressOptions{}), invoke.NewMetrics(prometheus.NewRegistry()), log)
	t.Cleanup(func() { d.Drain(context.Background()) })
	d.configure("default", s.URL)
	return d
}

// configure adds a function and its subscription to a space.
func (d *durable) configure(space, url string) {
	d.t.Helper()
	realm, err := d.realms.Of(space)
	if err == nil {
		d.config, err = d.realms.Config(d.t.Context(), realm)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	f, err := d.rules.DecodeFunction(fmt.Appendf(nil, `{"functionId":"f","type":"http","provider":{"url":%q}}`, url), space, "")
	if err == nil {
		_, err = d.config.CreateFunction(d.t.Context(), f)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	d.subscribe(space, "order.paid")
}

func (d *durable) subscribe(space, eventType string) {
	d.t.Helper()
	s, err := d.rules.DecodeSubscription(fmt.Appendf(nil, `{"functionId":"f","event":%q,"path":"/"}`, eventType), space)
	if err == nil {
		_, err = d.config.CreateSubscription(d.t.Context(), s)
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// delivery is one that comes out of the queue.
func (d *durable) delivery(attempts int) *queue.Delivery {
	return &queue.Delivery{ID: "id", Event: invoketest.Event(), Space: "default", Subscription: "order.paid,f,%2F", Revision: 2, Attempts: attempts}
}

// TestDurableVerdicts: what becomes of a delivery after each kind of answer, and each number of attempts.
func TestDurableVerdicts(t *testing.T) {
	t.Parallel()
	d := newDurable(t, false)
	f := func(status int, after string, attempts int, want queue.Verdict) {
		t.Helper()
		d.status.Store(int64(status))
		d.after.Store(after)
		got := d.queue.deliver(t.Context(), d.delivery(attempts))
		if got.Again != want.Again || got.Uncounted != want.Uncounted || !strings.HasPrefix(got.Dead, want.Dead) || (got.Dead == "") != (want.Dead == "") {
			t.Errorf("%d %s, attempt %d: got %+v, want %+v", status, after, attempts, got, want)
		}
	}
	f(200, "", 0, queue.Verdict{})
	f(204, "", 7, queue.Verdict{})
	for attempts, wait := range []time.Duration{5, 15, 45, 135, 405, 900, 900} {
		f(500, "", attempts, queue.Verdict{Again: wait * time.Second})
	}
	f(500, "", 7, queue.Verdict{Dead: "attempt 8 of at most 8: function: it answered with status 500"})
	f(500, "", 20, queue.Verdict{Dead: "attempt 21 of at most 8"})
	f(429, "1", 0, queue.Verdict{Again: 5 * time.Second})
	f(429, "100", 0, queue.Verdict{Again: 135 * time.Second})
	f(503, "100000", 0, queue.Verdict{Again: 15 * time.Minute})
	f(403, "", 0, queue.Verdict{Dead: "attempt 1 of at most 8: denied: it answered with status 403"})
}

// TestDurableLookedUp: a delivery is cancelled only if it is certain that its subscription is gone.
func TestDurableLookedUp(t *testing.T) {
	t.Parallel()
	d := newDurable(t, false)
	f := func(space, subscription string, revision uint64, want queue.Verdict) {
		t.Helper()
		one := d.delivery(0)
		one.Space, one.Subscription, one.Revision = space, subscription, revision
		if got := d.queue.deliver(t.Context(), one); got != want {
			t.Errorf("%s %s %d: got %+v, want %+v", space, subscription, revision, got, want)
		}
	}
	f("default", "order.paid,f,%2F", 2, queue.Verdict{})
	f("default", "order.paid,f,%2F", 99, queue.Verdict{}) // it is there, whatever else is new
	f("default", "gone,f,%2F", 2, queue.Verdict{})
	f("other", "order.paid,f,%2F", 2, queue.Verdict{})
	if n := d.called.Load(); n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
	f("default", "gone,f,%2F", 99, queue.Verdict{Again: 5 * time.Second})
	// One that is known elsewhere only comes in time.
	go func() {
		time.Sleep(200 * time.Millisecond)
		d.subscribe("default", "new")
	}()
	f("default", "new,f,%2F", 3, queue.Verdict{})
	if n := d.called.Load(); n != 3 {
		t.Errorf("%d calls, want 3", n)
	}
	// A record that only a newer version can read is not gone.
	_, head, err := d.store.Load(t.Context(), store.Shared)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.store.Commit(t.Context(), store.Shared, head, store.Commit{ID: "0123456789abcdef0123456789abcdef", Ops: []store.Op{{Key: "subscriptions/default/newer,f,%2F", Value: []byte(`{"space":7}`)}}})
	if err != nil {
		t.Fatal(err)
	}
	f("default", "newer,f,%2F", 4, queue.Verdict{Again: 5 * time.Second})
}

// TestDurableHosted: a space that this process does not know of yet is not gone either.
func TestDurableHosted(t *testing.T) {
	t.Parallel()
	d := newDurable(t, true)
	f := func(space string, want queue.Verdict) {
		t.Helper()
		one := d.delivery(0)
		one.Space = space
		if got := d.queue.deliver(t.Context(), one); got != want {
			t.Errorf("%s: got %+v, want %+v", space, got, want)
		}
	}
	f("default", queue.Verdict{})
	f("no-such", queue.Verdict{Again: 5 * time.Second})
	f("No_Space", queue.Verdict{})
	if n := d.called.Load(); n != 1 {
		t.Errorf("%d calls", n)
	}
}

// TestDurableNoTime: the end of a process is no attempt, but the end of the time for a message is.
func TestDurableNoTime(t *testing.T) {
	t.Parallel()
	d := newDurable(t, false)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if v := d.queue.deliver(ended, d.delivery(7)); v != (queue.Verdict{Again: 5 * time.Second, Uncounted: true}) {
		t.Errorf("%+v", v)
	}
	late, cancelLate := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancelLate()
	<-late.Done()
	if v := d.queue.deliver(late, d.delivery(0)); v != (queue.Verdict{Again: 5 * time.Second}) {
		t.Errorf("%+v", v)
	}
	if v := d.queue.deliver(late, d.delivery(7)); !strings.Contains(v.Dead, "attempt 8 of at most 8") {
		t.Errorf("%+v", v)
	}
}

// TestDurableMessages: what the queue gets of events, and that nobody waits for what is told of a sync call.
func TestDurableMessages(t *testing.T) {
	t.Parallel()
	d := newDurable(t, false)
	realm, err := d.realms.Begin(t.Context(), store.Shared)
	if err != nil {
		t.Fatal(err)
	}
	s := realm.Snapshot()
	target, _ := s.Subscribed("default", "order.paid,f,%2F")
	ev := invoketest.Event()
	wait, err := d.Enqueue(t.Context(), s, invoke.Fanout{Event: ev, Targets: []store.Target{target, target}}, invoke.Fanout{Event: ev})
	if err != nil {
		t.Fatal(err)
	}
	wait()
	m := <-d.queue.taken
	if len(m.Deliveries) != 2 || m.Deliveries[0].ID == m.Deliveries[1].ID || m.Deliveries[0].Revision != 2 || len(d.queue.taken) != 0 {
		t.Errorf("%+v", m)
	}
	if _, err := d.Enqueue(t.Context(), s); err != nil || len(d.queue.taken) != 0 {
		t.Error(err)
	}

	d.subscribe("default", "gateway.function.invoked")
	d.queue.slow = time.Second
	s = realm.Reach(t.Context(), 3)
	began := time.Now()
	if _, err := d.Invoke(t.Context(), s, ev, target); err != nil || time.Since(began) > 500*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	d.Drain(t.Context())
	if len(d.queue.taken) != 1 {
		t.Fatalf("%d messages", len(d.queue.taken))
	}
	if m := <-d.queue.taken; m.Event.Kind != event.SystemEvent || m.Event.Type != "gateway.function.invoked" {
		t.Errorf("%+v", m.Event)
	}
}
