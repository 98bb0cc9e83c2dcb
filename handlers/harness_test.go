package handlers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/app"
	"github.com/event-gateway/event-gateway/handlers"
	"github.com/event-gateway/event-gateway/store/storetest"
)

// gateway is a whole gateway that serves on real ports of this machine, with the memory store.
type gateway struct {
	t              *testing.T
	events, config string
	token          string // of the Config API, if it has one
	log            *storetest.Buffer
	stop           func() error // ends it as SIGTERM does
}

const inDefault = "/v1/spaces/default"

func start(t *testing.T, args ...string) *gateway {
	t.Helper()
	g := &gateway{t: t, log: &storetest.Buffer{}}
	args = append([]string{"-store=memory:", "-events-addr=localhost", "-events-port=0", "-config-port=0"}, args...)
	o, err := app.ParseOptions(args, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(g.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ctx, cancel := context.WithCancel(context.Background())
	a, err := app.New(ctx, o, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- a.Run(ctx, func() { close(ready) }) }()
	g.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := g.stop(); err != nil {
			t.Errorf("the gateway ended with: %v", err)
		}
	})
	select {
	case <-ready:
	case <-time.After(10 * time.Second):
		t.Fatal("the gateway is not ready after 10 s")
	}
	g.events, g.config = a.EventsURL(), a.ConfigURL()
	newMirror(t, o, g.events, g.config)
	return g
}

type answer struct {
	status int
	header http.Header
	body   string
}

// message returns the error message of an answer.
func (a answer) message() string {
	var b struct{ Errors []struct{ Message string } }
	if json.Unmarshal([]byte(a.body), &b) != nil || len(b.Errors) == 0 {
		return ""
	}
	return b.Errors[0].Message
}

// transport keeps enough connections for tests with many clients.
var transport = &http.Transport{MaxIdleConnsPerHost: 100, ForceAttemptHTTP2: true, DisableCompression: true}

// send makes a request. headers are "Name: value" lines.
func send(t *testing.T, method, url, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
		} else {
			req.Header.Add(name, value)
		}
	}
	resp, err := transport.RoundTrip(req) // follows no redirects
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{resp.StatusCode, resp.Header, string(b)}
	mirrored(t, req, body, a)
	return a
}

// configure makes a Config API request and wants the given status.
func (g *gateway) configure(status int, method, path, body string, headers ...string) answer {
	g.t.Helper()
	if body != "" {
		headers = append(headers, "Content-Type: application/json")
	}
	if g.token != "" {
		headers = append(headers, "Authorization: Bearer "+g.token)
	}
	a := send(g.t, method, g.config+path, body, headers...)
	if a.status != status {
		g.t.Fatalf("%s %s %s: status %d, want %d: %s", method, path, body, a.status, status, a.body)
	}
	return a
}

func (g *gateway) function(space, id, url string) {
	g.t.Helper()
	g.configure(201, "POST", "/v1/spaces/"+space+"/functions", fmt.Sprintf(`{"functionId":%q,"type":"http","provider":{"url":%q}}`, id, url))
}

func (g *gateway) subscribe(space, body string) answer {
	g.t.Helper()
	return g.configure(201, "POST", "/v1/spaces/"+space+"/subscriptions", body)
}

// function is an HTTP server that keeps what it got and answers as it is told.
type function struct {
	*httptest.Server
	mu  sync.Mutex
	got []string
}

func newFunction(t *testing.T, answer http.HandlerFunc) *function {
	f := &function{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.got = append(f.got, string(b))
		f.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

// answers returns a function that gives the same answer always.
func answers(t *testing.T, body string) *function {
	return newFunction(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
}

func (f *function) events() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.got...)
}

// eventually waits until what it is given holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after 10 s still not: %s", what)
		}
	}
}

func wantJSON(t *testing.T, got, want string) {
	t.Helper()
	var g, w bytes.Buffer
	if json.Compact(&g, []byte(got)) != nil || json.Compact(&w, []byte(want)) != nil || g.String() != w.String() {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// brokenGateway is one whose every request panics.
func brokenGateway() http.Handler {
	return (&handlers.Gateway{Log: slog.New(slog.DiscardHandler)}).Router(handlers.Events)
}
