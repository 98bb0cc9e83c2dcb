package invoke_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
)

// counted is a server that counts its connections.
type counted struct {
	url string

	mu     sync.Mutex
	open   map[net.Conn]bool
	opened int
}

// newCounted starts a server that speaks TLS and, if it is to, HTTP/2.
func newCounted(t testing.TB, a *authority, http2 bool) *counted {
	c := &counted{open: map[net.Conn]bool{}}
	e := endpoint{server: func(s *tls.Config) {
		s.Certificates = []tls.Certificate{a.server()}
		if !http2 {
			s.NextProtos = []string{"http/1.1"}
		}
	}}
	c.url = e.secure(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if (r.ProtoMajor == 2) != http2 {
			t.Error(r.Proto)
		}
		time.Sleep(time.Millisecond) // so that many callers need many connections
	}), c.state).URL
	return c
}

func (c *counted) state(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.open[conn] = true
		c.opened++
	case http.StateClosed:
		delete(c.open, conn)
	}
}

// connections returns how many are open, and how many there were.
func (c *counted) connections() (open, opened int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open), c.opened
}

// closed waits until no connection is open.
func (c *counted) closed(t testing.TB, meanwhile func()) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		meanwhile()
		if open, _ := c.connections(); open == 0 {
			return
		} else if time.Now().After(end) {
			t.Fatalf("%d connections are still open", open)
		}
	}
}

// openWith opens a function with a way out.
func openWith(t testing.TB, e *invoke.Egress, f *store.Function) invoke.Invoker {
	t.Helper()
	for _, typ := range invoke.Types(invoke.GatewayCredentials) {
		if typ.Name != f.Kind() {
			continue
		}
		s, err := f.Open(nil)
		if err != nil {
			t.Fatal(err)
		}
		call, err := typ.Open(s, e)
		if err != nil {
			t.Fatal(err)
		}
		return call
	}
	t.Fatal("no such type")
	return nil
}

// TestOwnPool: the connections of a function with TLS settings are used again, and end with the function or with the way out.
func TestOwnPool(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprint("http2 ", http2), func(t *testing.T) {
			t.Parallel()
			s := newCounted(t, a, http2)
			e := invoke.NewEgress(invoke.EgressOptions{})
			t.Cleanup(e.Close)
			newCall := func() invoke.Invoker {
				return openWith(t, e, httpFunction(t, fmt.Sprintf(`{"url":%q,"tls":{"ca":%q}}`, s.url, a.pem)))
			}
			once := func(call invoke.Invoker) {
				t.Helper()
				if _, err := call(t.Context(), payload("{}")); err != nil {
					t.Fatal(err)
				}
			}
			call := newCall()
			for range 5 {
				once(call)
				runtime.GC()
			}
			if open, opened := s.connections(); open != 1 || opened != 1 {
				t.Errorf("%d connections are open, there were %d", open, opened)
			}
			e.Close()
			s.closed(t, func() {})
			once(call)
			other := newCall()
			once(other)
			if open, _ := s.connections(); open != 2 {
				t.Errorf("%d connections are open, want one for each function", open)
			}
			runtime.KeepAlive(call)
			call, other = nil, nil
			s.closed(t, runtime.GC)
		})
	}
}

// TestOwnPoolUnderWay: calls that are under way when their function goes end well, and their connections after them.
func TestOwnPoolUnderWay(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	s := newCounted(t, a, false)
	e := invoke.NewEgress(invoke.EgressOptions{})
	t.Cleanup(e.Close)
	done := make(chan error, 64)
	call := openWith(t, e, httpFunction(t, fmt.Sprintf(`{"url":%q,"tls":{"ca":%q}}`, s.url, a.pem)))
	for range cap(done) {
		go func(call invoke.Invoker) {
			_, err := call(t.Context(), payload("{}"))
			done <- err
		}(call)
	}
	call = nil
	for range cap(done) {
		runtime.GC()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	s.closed(t, runtime.GC)
}

// TestSteadyState: as many callers as there are connections open no more, in a pool of a function's own either.
func TestSteadyState(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	const callers, each = 64, 30
	for _, http2 := range []bool{false, true} {
		s := newCounted(t, a, http2)
		e := invoke.NewEgress(invoke.EgressOptions{})
		t.Cleanup(e.Close)
		call := openWith(t, e, httpFunction(t, fmt.Sprintf(`{"url":%q,"tls":{"ca":%q}}`, s.url, a.pem)))
		round := func() int {
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for range each {
						if _, err := call(t.Context(), payload("{}")); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			_, opened := s.connections()
			return opened
		}
		warm := round()
		if after := round(); after != warm {
			t.Errorf("http2 %v: %d connections, and %d more later", http2, warm, after-warm)
		}
	}
}
