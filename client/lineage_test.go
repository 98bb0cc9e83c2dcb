package client_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/client"
)

// recorder stands for a gateway, and keeps what it got.
type recorder struct {
	mu              sync.Mutex
	lineage, bodies []string
}

func (g *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	g.mu.Lock()
	g.lineage, g.bodies = append(g.lineage, r.Header.Get(client.LineageHeader)), append(g.bodies, string(b))
	g.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

func TestLineage(t *testing.T) {
	t.Parallel()
	g := &recorder{}
	c := connect(t, client.Options{EventsURL: serve(t, g.ServeHTTP)})
	send := func(ctx context.Context) {
		_, _ = c.Send(ctx, "/", client.Event{Type: "t"})
		_, _ = c.Emit(ctx, "/", "t", "", nil)
		_, _ = c.Invoke(ctx, "f", "", nil)
		_ = c.SendBatch(ctx, "/", []client.Event{{Type: "t"}})
	}
	var in string
	handler := client.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		in = client.Lineage(r.Context())
		send(r.Context())
	}))
	f := func(want string, call func()) {
		t.Helper()
		g.lineage, in = nil, ""
		call()
		if !slices.Equal(g.lineage, []string{want, want, want, want}) {
			t.Errorf("sent with %q, want %q four times", g.lineage, want)
		}
	}
	f("tok", func() { handler.ServeHTTP(nil, request("", "Eventgateway-Lineage: tok")) })
	if in != "tok" {
		t.Errorf("in the handler it is %q", in)
	}
	f("tok", func() { handler.ServeHTTP(nil, request("", "Ce-Eventgatewaylineage: tok")) })
	f("", func() { handler.ServeHTTP(nil, httptest.NewRequest("POST", "/", nil)) })
	f("tok", func() { send(client.ContextWithLineage(t.Context(), "tok")) })
	f("", func() { send(client.ContextWithLineage(t.Context(), "")) })
}

// An event that was received and is sent on carries its lineage, but not as an attribute.
func TestLineageOfEvents(t *testing.T) {
	t.Parallel()
	g := &recorder{}
	c := connect(t, client.Options{EventsURL: serve(t, g.ServeHTTP)})
	with := func(token string) client.Event {
		return client.Event{Type: "t", Extensions: map[string]string{client.LineageExtension: token, "other": "x"}}
	}
	a, ctx := with("a"), client.ContextWithLineage(t.Context(), "c")
	must(c.Send(t.Context(), "/", a))(t)
	must(c.Send(ctx, "/", a))(t)
	if err := c.SendBatch(t.Context(), "/", []client.Event{{Type: "t"}, a, a}); err != nil {
		t.Error(err)
	}
	if err := c.SendBatch(ctx, "/", []client.Event{a, with("b")}); err != nil {
		t.Error(err)
	}
	if got := strings.Join(g.lineage, " "); got != "a c a c" {
		t.Errorf("sent with %q", got)
	}
	for _, body := range g.bodies {
		if strings.Contains(body, client.LineageExtension) || !strings.Contains(body, `"other"`) {
			t.Errorf("sent %s", body)
		}
	}
	if a.Extensions[client.LineageExtension] != "a" {
		t.Error("the caller's event was changed")
	}
	if err := c.SendBatch(t.Context(), "/", []client.Event{a, with("b")}); err == nil || len(g.bodies) != 4 {
		t.Errorf("two lineages: %v", err)
	}
}

// A function that sends its own event on is stopped by the gateway.
func TestLoopEnds(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"", "binary"} {
		c := start(t)
		var mu sync.Mutex
		calls, last := 0, error(nil)
		f := client.HTTPFunction("f", serve(t, client.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls > 100 {
				return // the gateway does not end it
			}
			e, err := client.Receive(r)
			if err == nil {
				_, err = c.Send(r.Context(), "/loop", client.Event{Type: e.Type})
			}
			last = err
		})).ServeHTTP))
		f.Mode = mode
		must(c.Functions.Create(t.Context(), f))(t)
		must(c.Subscriptions.Create(t.Context(), client.Subscription{Event: "loop", Path: "/loop", FunctionID: "f"}))(t)
		must(c.Send(t.Context(), "/loop", client.Event{Type: "loop"}))(t)
		ended := func() (int, error) { mu.Lock(); defer mu.Unlock(); return calls, last }
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if n, err := ended(); err != nil || n > 100 {
				break
			}
		}
		if n, err := ended(); client.Status(err) != http.StatusLoopDetected || n > 20 {
			t.Errorf("mode %q: %d calls, the last sender got %v", mode, n, err)
		}
	}
}
