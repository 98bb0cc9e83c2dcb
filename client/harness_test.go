package client_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/event-gateway/event-gateway/app"
	"github.com/event-gateway/event-gateway/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(tests{m}) }

type tests struct{ *testing.M }

// Run leaves none of the connections that the transport of all clients keeps, which are goroutines.
func (t tests) Run() int {
	defer http.DefaultClient.CloseIdleConnections()
	return t.M.Run()
}

// A gateway is a whole one, on real ports of this machine, with a store in memory.
type gateway struct {
	events, config string
	stop           func()
}

// startGateway is for examples too, which have no *testing.T.
func startGateway(args ...string) *gateway {
	args = append([]string{"-store=memory:", "-events-addr=localhost", "-events-port=0", "-config-port=0"}, args...)
	o, err := app.ParseOptions(args, io.Discard)
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	a, err := app.New(ctx, o, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		panic(err)
	}
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- a.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		panic(err)
	case <-time.After(10 * time.Second):
		panic("the gateway is not ready after 10 s")
	}
	return &gateway{a.EventsURL(), a.ConfigURL(), func() { cancel(); <-ended }}
}

// start returns a client of a gateway of its own.
func start(t *testing.T, args ...string) *client.Client {
	t.Helper()
	g := startGateway(args...)
	t.Cleanup(g.stop)
	return connect(t, client.Options{EventsURL: g.events, ConfigURL: g.config})
}

func connect(t *testing.T, o client.Options) *client.Client {
	t.Helper()
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// serve runs a web server: a function, or something that stands for a gateway where a real one would not do what is tested.
func serve(t *testing.T, handle http.HandlerFunc) string {
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	return s.URL
}

// received keeps the events that a function got.
type received struct {
	mu     sync.Mutex
	events []client.Event
}

// register makes a function that keeps what it gets and answers with a response object.
func (g *received) register(t *testing.T, c *client.Client, f client.Function, answer string) {
	t.Helper()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		e, err := client.Receive(r)
		if err != nil {
			t.Errorf("the function %s: %v", f.ID, err)
			return
		}
		g.mu.Lock()
		g.events = append(g.events, *e)
		g.mu.Unlock()
		_, _ = io.WriteString(w, answer)
	})
	f.Type, f.Provider = "http", map[string]any{"url": url}
	must(c.Functions.Create(t.Context(), f))(t)
}

// wait returns the first n events when they have come.
func (g *received) wait(t *testing.T, n int) []client.Event {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		g.mu.Lock()
		events := append([]client.Event(nil), g.events...)
		g.mu.Unlock()
		if len(events) >= n {
			return events
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d events after 10 s, want %d", len(events), n)
		}
	}
}

// must is for calls that have to succeed: must(f())(t).
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantStatus(t *testing.T, err error, status int) {
	t.Helper()
	if client.Status(err) != status {
		t.Errorf("got the error %v, want the status %d", err, status)
	}
}
