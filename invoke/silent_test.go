package invoke

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// freezer stands before a server. Once frozen, what goes through the connections that it has is swallowed, without a word to either side,
// as when the other machine has lost its power. New connections work.
type freezer struct {
	listener net.Listener
	to       string
	frozen   atomic.Int64 // connections up to this one
	accepted atomic.Int64
	running  sync.WaitGroup
	mu       sync.Mutex
	conns    []net.Conn
}

func newFreezer(t *testing.T, to string) *freezer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &freezer{listener: l, to: to}
	f.running.Go(f.accept)
	t.Cleanup(func() {
		_ = l.Close()
		f.mu.Lock()
		for _, c := range f.conns {
			_ = c.Close()
		}
		f.mu.Unlock()
		f.running.Wait()
	})
	return f
}

func (f *freezer) accept() {
	for {
		client, err := f.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", f.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		f.mu.Lock()
		f.conns = append(f.conns, client, server)
		f.mu.Unlock()
		n := f.accepted.Add(1)
		f.running.Go(func() { f.forward(server, client, n) })
		f.running.Go(func() { f.forward(client, server, n) })
	}
}

func (f *freezer) forward(to, from net.Conn, n int64) {
	for buffer := make([]byte, 4<<10); ; {
		read, err := from.Read(buffer)
		if err != nil {
			break
		}
		if f.frozen.Load() < n {
			_, _ = to.Write(buffer[:read])
		}
	}
	if f.frozen.Load() < n {
		_ = to.Close()
	}
}

// freeze freezes the connections that there are.
func (f *freezer) freeze() { f.frozen.Store(f.accepted.Load()) }

// TestSilentServer: an HTTP/2 connection whose other end has gone without a word is given up after the time for pings, while calls go on
// all the time; the next ones use a new connection.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	proxy := newFreezer(t, s.Listener.Addr().String())
	e := NewEgress(EgressOptions{})
	defer e.Close()
	if h := e.transport.HTTP2; h.SendPingTimeout <= 0 || h.PingTimeout <= 0 || h.SendPingTimeout+h.PingTimeout > 15*time.Second {
		t.Errorf("%+v", h)
	}
	const bound = time.Second
	e.transport.HTTP2.SendPingTimeout, e.transport.HTTP2.PingTimeout = 700*time.Millisecond, 300*time.Millisecond
	e.transport.TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	w := &endpoint{url: &url.URL{Scheme: "https", Host: proxy.listener.Addr().String(), Path: "/"}, timeout: 100 * time.Millisecond, transport: e.transport}
	call := func() error {
		_, err := w.invoke(t.Context(), Payload{Body: []byte("{}")})
		return err
	}
	w.timeout = 5 * time.Second
	for range 3 {
		if err := call(); err != nil {
			t.Fatal(err)
		}
	}
	w.timeout = 100 * time.Millisecond
	proxy.freeze()
	for began := time.Now(); ; {
		err := call()
		took := time.Since(began)
		if err == nil {
			t.Logf("noticed after %s", took)
			break
		}
		if took > bound+time.Second { // a busy machine gets a second
			t.Fatalf("after %s: %v", took, err)
		}
	}
	if n := proxy.accepted.Load(); n != 2 {
		t.Errorf("%d connections", n)
	}
}
