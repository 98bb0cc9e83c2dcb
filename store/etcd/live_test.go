package etcd_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/etcd"
	"github.com/event-gateway/event-gateway/store/storetest"
)

// TestLiveThroughABreak: a gateway is cut off; meanwhile a route is deleted, another one made, the log trimmed and etcd compacted, and
// somebody writes nonsense. The gateway goes on as it was, and afterwards has what is there, without a restart.
func TestLiveThroughABreak(t *testing.T) {
	t.Parallel()
	endpoint := server(t)
	plain := plainClient(t, endpoint)
	way := newWay(t, endpoint)
	a, _ := newLive(t, endpoint)
	b, live := newLive(t, way.addr)
	f, err := a.Rules().DecodeFunction([]byte(`{"functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`), "default", "")
	if err == nil {
		_, err = a.CreateFunction(t.Context(), f)
	}
	if err != nil {
		t.Fatal(err)
	}
	subscribe := func(path string) {
		t.Helper()
		s, err := a.Rules().DecodeSubscription(fmt.Appendf(nil, `{"functionId":"f","event":"http","method":"GET","path":%q}`, path), "default")
		if err == nil {
			_, err = a.CreateSubscription(t.Context(), s)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	serves := func(c *store.Config, path string) bool {
		s, err := c.Snapshot()
		if err != nil {
			return false
		}
		var r store.Route
		s.Route("GET", path, store.Plain, &r)
		return r.Sync != nil
	}
	subscribe("/old")
	eventually(t, "the other gateway has the route", func() bool { return serves(b, "/old") })

	way.cut()
	if _, err := a.DeleteSubscription(t.Context(), "default", "http,GET,%2Fold", nil); err != nil {
		t.Fatal(err)
	}
	subscribe("/new")
	if _, err := plain.Delete(t.Context(), "/event-gateway/v1/log/_/", clientv3.WithPrefix()); err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{"records/_/noslash": "x", "records/_/functions/default/g": "x", "i": "x", "log/_/x": "{"} {
		if _, err := plain.Put(t.Context(), "/event-gateway/v1/"+key, value); err != nil {
			t.Fatal(err)
		}
	}
	compact(t, endpoint)
	if !serves(b, "/old") {
		t.Error("the gateway that was cut off lost its route")
	}
	way.heal()

	eventually(t, "it has what is there", func() bool { return serves(b, "/new") && !serves(b, "/old") })
	_, head, err := open(t, endpoint).Load(t.Context(), store.Shared)
	if err != nil {
		t.Fatal(err)
	}
	if s := live.Snapshot(); s.Head != head || s.Corrupt() != 2 {
		t.Errorf("it is at %v with %d records left out; the store is at %v, with 2 that make no sense", s.Head, s.Corrupt(), head)
	}
	// It follows again, and another one starts with what is there.
	subscribe("/later")
	eventually(t, "it follows", func() bool { return serves(b, "/later") })
	c, _ := newLive(t, endpoint)
	if !serves(c, "/new") || serves(c, "/old") {
		t.Error("a gateway that starts now has other routes")
	}
}

// newLive returns what a gateway knows of the shared realm, once it has a snapshot.
func newLive(t *testing.T, endpoint string) (*store.Config, *store.Live) {
	t.Helper()
	s, err := etcd.Open(etcd.Options{Endpoints: []string{endpoint}, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	rules := store.NewRules([]store.FunctionType{{Name: "http", Fields: []store.Field{{Name: "url"}}}}, false)
	live := store.NewLive(s, store.Shared, rules, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { live.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		s.Close()
	})
	if err := live.WaitFor(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	return store.NewConfig(s, live, rules), live
}

// way is a network to a server that can be cut.
type way struct {
	t        *testing.T
	addr, to string
	wg       sync.WaitGroup

	mu    sync.Mutex
	l     net.Listener
	conns []net.Conn
}

func newWay(t *testing.T, to string) *way {
	w := &way{t: t, to: to, addr: storetest.FreeAddr(t)}
	w.heal()
	t.Cleanup(func() {
		w.cut()
		w.wg.Wait()
	})
	return w
}

// heal lets connections through.
func (w *way) heal() {
	l, err := net.Listen("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	w.l = l
	w.mu.Unlock()
	w.wg.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", w.to)
			if err != nil {
				from.Close()
				continue
			}
			w.mu.Lock()
			w.conns = append(w.conns, from, to)
			w.mu.Unlock()
			for _, ends := range [][2]net.Conn{{from, to}, {to, from}} {
				w.wg.Go(func() {
					_, _ = io.Copy(ends[0], ends[1])
					ends[0].Close()
				})
			}
		}
	})
}

// cut ends all connections and refuses others.
func (w *way) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.l.Close()
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}
