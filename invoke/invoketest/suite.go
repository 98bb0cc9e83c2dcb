package invoketest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest"
)

// Type is a type of functions under test.
type Type struct {
	Name string
	// Start starts a backend, on 127.0.0.1.
	Start func(t *testing.T) *Backend
	// Missing lists what the type cannot do, with the reason.
	Missing map[Behaviour]string
	// Want has what is different from the table in failures.
	Want map[Behaviour]Failure
	// Secrets are strings that no error and no line of the log may have.
	Secrets []string
}

// Failure is how a call ends.
type Failure struct {
	Class      invoke.Class
	RetryAfter time.Duration
	Words      []string // that the message has
}

// failures is what a caller is told, unless the type wants something else.
func failures() map[Behaviour]Failure {
	return map[Behaviour]Failure{
		Fail:     {Class: invoke.Function},
		Deny:     {Class: invoke.Denied},
		Throttle: {Class: invoke.Throttled, RetryAfter: RetryAfter * time.Second},
		BreakOff: {Class: invoke.Temporary},
		Nonsense: {Class: invoke.Invalid},
		TooLarge: {Class: invoke.Invalid, Words: []string{"larger than"}},
		Echo:     {Class: invoke.Invalid, Words: []string{"not HTTP"}},
	}
}

// Caller calls functions as the gateway does.
type Caller struct {
	t          *testing.T
	dispatcher *invoke.Dispatcher
	rules      *store.Rules
	Log        *storetest.Buffer
}

// NewCaller returns a caller that goes out as o says.
func NewCaller(t *testing.T, o invoke.EgressOptions) *Caller {
	c := &Caller{t: t, Log: &storetest.Buffer{}, rules: store.NewRules(invoke.FunctionTypes(o.Lent()), false, nil)}
	log := slog.New(slog.NewTextHandler(c.Log, nil))
	c.dispatcher = invoke.NewDispatcher(invoke.Options{Backlog: 10, Concurrency: 100}, invoke.NewEgress(o), invoke.NewMetrics(prometheus.NewRegistry()), log)
	t.Cleanup(func() { c.dispatcher.Drain(context.Background()) })
	return c
}

// Function returns a function that is ready to be called.
func (c *Caller) Function(kind, provider string) *store.Function {
	c.t.Helper()
	f, err := c.rules.DecodeFunction(fmt.Appendf(nil, `{"functionId":"f","type":%q,"provider":%s}`, kind, provider), "default", "")
	if err != nil {
		c.t.Fatalf("%s\n%v", provider, err)
	}
	return f
}

// Event returns an event with an id and a subject.
func Event() *event.Event {
	return &event.Event{
		Kind: event.CloudEvent, ID: "id-1", Source: "/shop", Type: "order.paid", Subject: "o/42", Time: "2026-03-04T05:06:07Z",
		ContentType: "application/json", Data: event.Data{Kind: event.JSON, Raw: []byte(`{"n":1}`)},
	}
}

// Call calls f with ev, as for a sender who waits for the answer as it is.
func (c *Caller) Call(ctx context.Context, f *store.Function, ev *event.Event) (*invoke.Response, error) {
	return c.dispatcher.Invoke(ctx, nil, ev, store.Target{Function: f})
}

// Respond calls f with ev, as for a sender of a sync event.
func (c *Caller) Respond(ctx context.Context, f *store.Function, ev *event.Event) (*invoke.Response, error) {
	return c.dispatcher.Call(ctx, nil, ev, store.Target{Function: f})
}

// Run runs the suite.
func Run(t *testing.T, typ Type) {
	s := suite{typ}
	t.Run("succeed", s.succeed)
	for _, what := range slices.Sorted(maps.Keys(failures())) {
		t.Run(string(what), func(t *testing.T) { s.fail(t, what, failures()[what]) })
	}
	t.Run("too slow", s.tooSlow)
	t.Run("refused", s.refused)
	t.Run("caller gone", s.callerGone)
	t.Run("expired", s.expired)
	t.Run("changed", s.changed)
}

type suite struct{ Type }

func (s suite) start(t *testing.T) (*Backend, *Caller, *store.Function) {
	t.Helper()
	b := s.Start(t)
	b.Set(Succeed)
	c := NewCaller(t, invoke.EgressOptions{})
	return b, c, c.Function(s.Name, b.Provider)
}

func (s suite) succeed(t *testing.T) {
	b, c, f := s.start(t)
	for range 2 {
		r, err := c.Call(t.Context(), f, Event())
		if err != nil || r.Status != 200 {
			t.Fatal(r, err)
		}
	}
	want := string(Event().Append(nil, event.CloudEvents, event.Params{}))
	if got, _ := b.Calls(); len(got) != 2 || got[0] != want || got[1] != want {
		t.Errorf("got  %q\nwant %q, twice", got, want)
	}
}

func (s suite) fail(t *testing.T, what Behaviour, want Failure) {
	if why, missing := s.Missing[what]; missing {
		t.Logf("%s cannot %s: %s", s.Name, what, why)
		return
	}
	if own, ok := s.Want[what]; ok {
		want = own
	}
	b, c, f := s.start(t)
	b.Set(what)
	_, err := c.Call(t.Context(), f, Event())
	s.wants(t, c, err, want)
	if got, _ := b.Calls(); len(got) != 1 {
		t.Errorf("it was called %d times", len(got))
	}
	b.Set(Succeed)
	if _, err := c.Call(t.Context(), f, Event()); err != nil {
		t.Error("afterwards:", err)
	}
}

// wants looks at a failure, and for secrets in it and in the log.
func (s suite) wants(t *testing.T, c *Caller, err error, want Failure) {
	t.Helper()
	var e *invoke.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v", err)
	}
	if e.Class != want.Class || e.RetryAfter != want.RetryAfter || e.Function != "f" || e.Message == "" {
		t.Errorf("got  %s %v, %v\nwant %s %v", e.Class, e.RetryAfter, e, want.Class, want.RetryAfter)
	}
	for _, word := range want.Words {
		if !strings.Contains(e.Message, word) {
			t.Errorf("%q is not in %q", word, e.Message)
		}
	}
	for _, secret := range s.Secrets {
		if all := e.Error() + c.Log.String(); strings.Contains(all, secret) {
			t.Errorf("%q is in %q", secret, all)
		}
	}
}

func (s suite) tooSlow(t *testing.T) {
	b, c, f := s.start(t)
	b.Set(Hang)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := c.Call(ctx, f, Event())
	s.wants(t, c, err, Failure{Class: invoke.Timeout})
}

func (s suite) refused(t *testing.T) {
	b, c, _ := s.start(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	_ = l.Close()
	_, err = c.Call(t.Context(), c.Function(s.Name, b.Elsewhere(nobody)), Event())
	s.wants(t, c, err, Failure{Class: invoke.Temporary, Words: []string{"could not be reached"}})
}

// callerGone: the call ends at once, and the backend notices.
func (s suite) callerGone(t *testing.T) {
	b, c, f := s.start(t)
	b.Set(Hang)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	began := time.Now()
	_, err := c.Call(ctx, f, Event())
	s.wants(t, c, err, Failure{Class: invoke.Canceled})
	if took := time.Since(began); took > 2*time.Second {
		t.Error("it took", took)
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, gone := b.Calls(); gone == 1 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the backend does not know that its caller has gone")
		}
	}
}

// expired: the call that finds out fails, and those after it have new credentials.
func (s suite) expired(t *testing.T) {
	if why, missing := s.Missing[Expire]; missing {
		t.Logf("%s: %s", s.Name, why)
		return
	}
	b, c, f := s.start(t)
	if _, err := c.Call(t.Context(), f, Event()); err != nil {
		t.Fatal(err)
	}
	b.Set(Expire)
	_, err := c.Call(t.Context(), f, Event())
	s.wants(t, c, err, Failure{Class: invoke.Denied})
	if _, err := c.Call(t.Context(), f, Event()); err != nil {
		t.Error("with new credentials:", err)
	}
}

// changed: a call that is under way ends with the settings that it began with; later ones have the new ones.
func (s suite) changed(t *testing.T) {
	b, c, f := s.start(t)
	b.Set(Postpone)
	done := make(chan error, 1)
	go func() {
		_, err := c.Call(t.Context(), f, Event())
		done <- err
	}()
	for calls, _ := b.Calls(); len(calls) == 0; calls, _ = b.Calls() {
		time.Sleep(time.Millisecond)
	}
	other := s.Start(t)
	other.Set(Succeed)
	if _, err := c.Call(t.Context(), c.Function(s.Name, other.Provider), Event()); err != nil {
		t.Error(err)
	}
	if calls, _ := other.Calls(); len(calls) != 1 {
		t.Errorf("the new one was called %d times", len(calls))
	}
	if err := <-done; err != nil {
		t.Error("the call under way:", err)
	}
	if calls, _ := b.Calls(); len(calls) != 1 {
		t.Errorf("the old one was called %d times", len(calls))
	}
}
