package zookeeper_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
	"github.com/event-gateway/event-gateway/store/zookeeper"
)

// TestLiveThroughABreak: a gateway is cut off; meanwhile a route is deleted, another one made, the log deleted, and
// somebody writes nonsense. The gateway goes on as it was, and afterwards has what is there, without a restart.
func TestLiveThroughABreak(t *testing.T) {
	t.Parallel()
	addr := server(t)
	plain := plainClient(t, addr)
	way := servers.NewProxy(t, addr)
	a, _ := newLive(t, addr)
	b, live := newLive(t, way.Addr())
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

	way.Cut()
	if _, err := a.DeleteSubscription(t.Context(), "default", "http,GET,%2Fold", nil); err != nil {
		t.Fatal(err)
	}
	subscribe("/new")
	remove(t, plain, root+"log/_")
	for path, value := range map[string]string{
		"records/_/0d4/noslash": "x", "records/_/0b3/functions%2Fdefault%2Fg": "x", "records/_/stray": "x", "i": "x", "log/_/x": "{",
	} {
		put(t, plain, root+path, value)
	}
	if !serves(b, "/old") {
		t.Error("the gateway that was cut off lost its route")
	}
	way.Heal()

	eventually(t, "it has what is there", func() bool { return serves(b, "/new") && !serves(b, "/old") })
	_, head, err := open(t, addr).Load(t.Context(), store.Shared)
	if err != nil {
		t.Fatal(err)
	}
	if s := live.Snapshot(); s.Head != head || s.Corrupt() != 2 {
		t.Errorf("it is at %v with %d records left out; the store is at %v, with 2 that make no sense", s.Head, s.Corrupt(), head)
	}
	// It follows again, and another one starts with what is there.
	subscribe("/later")
	eventually(t, "it follows", func() bool { return serves(b, "/later") })
	c, _ := newLive(t, addr)
	if !serves(c, "/new") || serves(c, "/old") {
		t.Error("a gateway that starts now has other routes")
	}
}

// newLive returns what a gateway knows of the shared realm, once it has a snapshot.
func newLive(t *testing.T, addr string) (*store.Config, *store.Live) {
	t.Helper()
	s := openWith(t, zookeeper.Options{Endpoints: []string{addr}, Timeout: timeout})
	rules := store.NewRules([]store.FunctionType{{Name: "http", Fields: []store.Field{{Name: "url"}}}}, false)
	live := store.NewLive(s, store.Shared, rules, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { live.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	if err := live.WaitFor(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	return store.NewConfig(s, live, rules), live
}
