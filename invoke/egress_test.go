package invoke

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
)

// TestEgressGuard: the guard is asked before each connection of a real call, about the address that is connected to. Here it refuses all.
func TestEgressGuard(t *testing.T) {
	guard := newGuard(EgressOptions{Allow: prefixes("0.0.0.0/0", "::/0")}).check
	for host, want := range map[string]string{
		"169.254.169.254":          "169.254.169.254:80",
		"[::ffff:169.254.169.254]": "[::ffff:169.254.169.254]:80",
		"[fe80::1]":                "[fe80::1]:80",
		"[fd00:ec2::254]":          "[fd00:ec2::254]:80",
		"168.63.129.16":            "168.63.129.16:80",
		"0.0.0.0":                  "0.0.0.0:80",
	} {
		var asked []string
		e := newEgress(guarded(func(network, address string) error {
			asked = append(asked, address)
			if guard(network, address) == nil {
				t.Errorf("%s is allowed", address)
			}
			return &blockedError{errors.New("this test connects nowhere")}
		}))
		_, err := send(t.Context(), e.transport, http.MethodPost, &url.URL{Scheme: "http", Host: host, Path: "/latest/meta-data/"}, headerOf("application/json"), nil)
		var blocked *blockedError
		if !errors.As(err, &blocked) || !slices.Contains(asked, want) && !slices.Contains(asked, "169.254.169.254:80") {
			t.Errorf("%s: the guard was asked about %v, the call ended with %v", host, asked, err)
		}
	}
}

// TestGoAway: a server that ends its connections in an orderly way, as proxies do now and then, loses no call and gets none twice.
func TestGoAway(t *testing.T) {
	var calls atomic.Int64
	f := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1)%50 == 0 {
			w.Header().Set("Connection", "close") // over HTTP/2: GOAWAY
		}
	}))
	f.EnableHTTP2 = true
	f.StartTLS()
	defer f.Close()
	e := NewEgress(EgressOptions{})
	defer e.Close()
	e.transport.TLSClientConfig = f.Client().Transport.(*http.Transport).TLSClientConfig.Clone() // f.Close writes to the other
	u, err := url.Parse(f.URL)
	if err != nil {
		t.Fatal(err)
	}
	const callers, each = 16, 100
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				resp, err := send(t.Context(), e.transport, http.MethodPost, u, headerOf("application/json"), []byte("{}"))
				if err != nil {
					t.Error(err)
					return
				}
				if resp.ProtoMajor != 2 {
					t.Error(resp.Proto)
				}
				resp.Body.Close()
			}
		})
	}
	wg.Wait()
	if n := calls.Load(); n != callers*each {
		t.Errorf("%d calls, want %d", n, callers*each)
	}
}

// TestPostOnce: a POST whose connection broke is not sent again.
func TestPostOnce(t *testing.T) {
	var calls atomic.Int64
	f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) > 1 { // on a connection that was used before
			panic(http.ErrAbortHandler)
		}
	}))
	defer f.Close()
	e := NewEgress(EgressOptions{})
	defer e.Close()
	u, err := url.Parse(f.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := send(t.Context(), e.transport, http.MethodPost, u, headerOf("application/json"), []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if _, err := send(t.Context(), e.transport, http.MethodPost, u, headerOf("application/json"), []byte("{}")); err == nil {
		t.Error("the second call went well")
	}
	if n := calls.Load(); n != 2 {
		t.Errorf("the function was called %d times, want 2", n)
	}
}

// TestLambdaBody: the payload is sent, not the SDK's reader of it, whose end net/http may see too late.
func TestLambdaBody(t *testing.T) {
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = string(body)
	}))
	defer s.Close()
	r, err := http.NewRequest(http.MethodPost, s.URL, iotest.ErrReader(errors.New("the SDK's reader was read")))
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = 2
	e := NewEgress(EgressOptions{})
	defer e.Close()
	r = r.WithContext(context.WithValue(t.Context(), streamKey{}, bytes.NewReader([]byte("{}"))))
	resp, err := (&awsCall{awsFunction: &awsFunction{transport: e.transport}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got != "{}" {
		t.Errorf("%q was sent", got)
	}
}

// TestConnectionCount: connections count until they are closed, once.
func TestConnectionCount(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	e := NewEgress(EgressOptions{})
	defer e.Close()
	var conns []net.Conn
	for range 3 {
		c, err := e.dial(t.Context(), "tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	if n := e.pools.open.Load(); n != 3 {
		t.Errorf("%d are open", n)
	}
	for _, c := range append(conns, conns...) {
		_ = c.Close()
	}
	if _, err := e.dial(t.Context(), "tcp", "127.0.0.1:1"); err == nil {
		t.Error("somebody listens there")
	}
	if n := e.pools.open.Load(); n != 0 {
		t.Errorf("%d are open", n)
	}
}

// TestIdleConnections: how many files the connections to functions may take.
func TestIdleConnections(t *testing.T) {
	t.Parallel()
	f := func(files, idle int, limit int64) {
		t.Helper()
		var p pools
		p.init(&http.Transport{}, files)
		if n := idleConnections(files); n != idle || p.limit != limit {
			t.Errorf("%d files: %d idle, %d open", files, n, p.limit)
		}
	}
	f(20, 16, 32)
	f(1024, 256, 512)
	f(20_000, 5_000, 10_000)
	f(1<<20, 10_000, 1<<19)
}

// TestMetadataWithoutProxy runs in a process of its own, since net/http reads the environment once.
func TestMetadataWithoutProxy(t *testing.T) {
	const proxy = "http://127.0.0.1:1"
	if os.Getenv("HTTP_PROXY") != proxy {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMetadataWithoutProxy$")
		cmd.Env = append(os.Environ(), "HTTP_PROXY="+proxy, "http_proxy=", "NO_PROXY=", "no_proxy=", "REQUEST_METHOD=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	e := NewEgress(EgressOptions{})
	defer e.Close()
	f := func(header, want string) {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, "http://169.254.169.254/computeMetadata/v1/", nil)
		r.Header.Set(header, "Google")
		u, err := e.operator.Proxy(r)
		if err != nil || u == nil && want != "" || u != nil && u.String() != want {
			t.Errorf("%s: %v, %v, want %q", header, u, err, want)
		}
	}
	f("Metadata-Flavor", "")
	f("Accept", proxy)
}
