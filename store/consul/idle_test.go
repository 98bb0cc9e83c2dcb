package consul_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest"
)

// counter passes requests on to a Consul and counts them.
type counter struct {
	addr  string
	count atomic.Int64
	txns  atomic.Int64 // of those
}

func startCounter(t *testing.T, to string) *counter {
	t.Helper()
	c := &counter{}
	transport := &http.Transport{}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: to}) },
		ErrorLog:  log.New(io.Discard, "", 0), // of requests that are broken off
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.count.Add(1)
		if r.URL.Path == "/v1/txn" {
			c.txns.Add(1)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(transport.CloseIdleConnections)
	t.Cleanup(front.Close)
	c.addr = strings.TrimPrefix(front.URL, "http://")
	return c
}

// during returns how many requests there are while f runs.
func (c *counter) during(f func()) int64 {
	before := c.count.Load()
	f()
	return c.count.Load() - before
}

// others writes keys that are not the gateway's until what it returns is called.
func others(t *testing.T, addr string) (stop func()) {
	t.Helper()
	plain := plainClient(t, addr).KV()
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
			if _, err := plain.Put(&api.KVPair{Key: fmt.Sprint("event-gateway/other/", i), Value: []byte("v")}, nil); err != nil {
				t.Error(err)
				return
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

// TestIdle: an instance that waits while nothing happens asks seldom, whatever others write.
func TestIdle(t *testing.T) {
	t.Parallel()
	addr := server(t)
	c := startCounter(t, addr)
	s := open(t, c.addr)
	w := &storetest.Writer{T: t}
	w.Commit(s, 1)
	wait := func(d time.Duration) func() {
		return func() {
			if commits, _, err := s.Changes(t.Context(), "r", 1, d); len(commits) != 0 || err != nil {
				t.Errorf("got %v, %v", commits, err)
			}
		}
	}
	storetest.Eventually(t, "the watch runs", func() bool { return c.during(wait(50*time.Millisecond)) == 1 })
	defer others(t, addr)()
	// One or two requests of the watch, perhaps, and the read at the end.
	const d = 5 * time.Second
	if n := c.during(wait(d)); n > 3 {
		t.Errorf("%d requests in %v", n, d)
	}
}

// TestEmpty: as long as nobody wrote to the store, each write of others wakes those who wait for it.
func TestEmpty(t *testing.T) {
	t.Parallel()
	addr := server(t)
	c := startCounter(t, addr)
	s := open(t, c.addr)
	stop := others(t, addr)
	wait := func(d time.Duration) (n int, err error) {
		commits, _, err := s.Changes(t.Context(), "r", 0, d)
		return len(commits), err
	}
	const d = 4 * time.Second
	n := c.during(func() {
		if n, err := wait(d); n != 0 || err != nil {
			t.Errorf("got %d commits, %v", n, err)
		}
	})
	if n > 30 {
		t.Errorf("%d requests in %v", n, d)
	}
	first := make(chan error, 1)
	go func() {
		n, err := wait(time.Minute)
		if err == nil && n != 1 {
			err = fmt.Errorf("%d commits", n)
		}
		first <- err
	}()
	(&storetest.Writer{T: t}).Commit(open(t, addr), 1)
	select {
	case err := <-first:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the first commit was not noticed within 10 seconds")
	}
	stop()
	// A catch-up is one request, also one that finds something.
	if n := c.during(func() { s.Changes(t.Context(), "r", 0, 0) }); n > 2 { // and one of the watch, perhaps
		t.Errorf("%d requests for one change", n)
	}
	if n := c.during(func() { s.Heads(t.Context(), map[store.Realm]store.Rev{"r": 1}, 0) }); n > 2 {
		t.Errorf("%d requests for one head", n)
	}
}

// TestEntryComesWithTheHead: in shared mode an instance is told of a change by one answer.
func TestEntryComesWithTheHead(t *testing.T) {
	t.Parallel()
	addr := server(t)
	c := startCounter(t, addr)
	s, other := open(t, c.addr), open(t, addr)
	var head store.Head
	write := func(value string) {
		t.Helper()
		var err error
		ops := []store.Op{{Key: "k", Was: head.Rev, Value: []byte(value)}}
		if head, err = other.Commit(t.Context(), store.Shared, head, store.Commit{ID: "id-" + head.String(), Ops: ops}); err != nil {
			t.Fatal(err)
		}
	}
	write("v")
	storetest.Eventually(t, "the watch runs", func() bool {
		return c.during(func() { s.Changes(t.Context(), store.Shared, head.Rev, 50*time.Millisecond) }) == 1
	})
	f := func(value string, want int64) {
		t.Helper()
		before, after := c.txns.Load(), head.Rev
		woken := make(chan []store.Commit)
		go func() {
			commits, _, _ := s.Changes(t.Context(), store.Shared, after, time.Minute)
			woken <- commits
		}()
		write(value)
		if got := <-woken; len(got) != 1 || string(got[0].Ops[0].Value) != value {
			t.Errorf("%d bytes: got %d commits", len(value), len(got))
		}
		if n := c.txns.Load() - before; n != want {
			t.Errorf("%d bytes: %d reads, want %d", len(value), n, want)
		}
	}
	f("w", 0)
	f("x", 0)
	f(strings.Repeat("y", 5_000), 1)
	f("z", 0)
}
