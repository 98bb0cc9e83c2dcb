package dynamodb_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	emulator "github.com/event-gateway/event-gateway/store/storetest/dynamodb"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// TestLiveThroughABreak: a gateway is cut off; meanwhile a route is deleted, another one made, the log trimmed, and somebody writes
// nonsense. The gateway goes on as it was, and afterwards has what is there, without a restart.
func TestLiveThroughABreak(t *testing.T) {
	t.Parallel()
	server := start(t)
	plain := plainClient(t, server.URL())
	way := servers.NewProxy(t, strings.TrimPrefix(server.URL(), "http://"))
	a, _ := newLive(t, server.URL())
	b, live := newLive(t, "http://"+way.Addr())
	makeFunction(t, a, "default")
	subscribe(t, a, "default", "/old")
	eventually(t, "the other gateway has the route", func() bool { return serves(b, "/old") })

	way.Cut()
	if _, err := a.DeleteSubscription(t.Context(), "default", "http,GET,%2Fold", nil); err != nil {
		t.Fatal(err)
	}
	subscribe(t, a, "default", "/new")
	trim(t, plain, table, store.Shared, 4)
	for _, item := range []attributes{
		with(key("_", "v1/records/noslash"), attributes{"value": binary("x")}),
		key("_", "v1/records/functions/default/g"),
		with(key("_", "v1/log/x"), attributes{"entry": binary("{")}),
	} {
		put(t, plain, item)
	}
	if !serves(b, "/old") {
		t.Error("the gateway that was cut off lost its route")
	}
	way.Heal()

	eventually(t, "it has what is there", func() bool { return serves(b, "/new") && !serves(b, "/old") })
	_, head, err := open(t, server.URL()).Load(t.Context(), store.Shared)
	if err != nil {
		t.Fatal(err)
	}
	if s := live.Snapshot(); s.Head != head || s.Corrupt() != 2 {
		t.Errorf("it is at %v with %d records left out; the store is at %v, with 2 that make no sense", s.Head, s.Corrupt(), head)
	}
	// It follows again, and another one starts with what is there.
	subscribe(t, a, "default", "/later")
	eventually(t, "it follows", func() bool { return serves(b, "/later") })
	c, _ := newLive(t, server.URL())
	if !serves(c, "/new") || serves(c, "/old") {
		t.Error("a gateway that starts now has other routes")
	}
}

// TestHostedThroughABreak: a hosted gateway holds many realms. It is cut off while each of them changes; afterwards each realm is what it
// should be, and follows.
func TestHostedThroughABreak(t *testing.T) {
	t.Parallel()
	const held = 40
	server := start(t)
	way := servers.NewProxy(t, strings.TrimPrefix(server.URL(), "http://"))
	writer, reader := newHosted(t, server.URL()), newHosted(t, "http://"+way.Addr())
	name := func(i int) string { return fmt.Sprintf("space-%d", i) }
	subscribeAll := func(path string) {
		t.Helper()
		for i := range held {
			c, err := writer.Config(t.Context(), store.Realm(name(i)))
			if err != nil {
				t.Fatal(err)
			}
			if path == "/a" {
				makeFunction(t, c, name(i))
			}
			subscribe(t, c, name(i), path)
		}
	}
	all := func(path string) bool {
		for i := range held {
			use, err := reader.Begin(t.Context(), store.Realm(name(i)))
			if err != nil {
				return false
			}
			var r store.Route
			use.Snapshot().Route("GET", path, store.Plain, &r)
			use.End()
			if r.Sync == nil {
				return false
			}
		}
		return true
	}
	subscribeAll("/a")
	if !all("/a") {
		t.Fatal("a realm cannot be loaded")
	}
	subscribeAll("/b")
	eventually(t, "all realms have followed", func() bool { return all("/b") })

	way.Cut()
	subscribeAll("/c")
	if !all("/b") {
		t.Error("a realm that is held is not served while the store is away")
	}
	way.Heal()
	eventually(t, "all realms have what changed meanwhile", func() bool { return all("/c") })
	subscribeAll("/d")
	eventually(t, "all realms follow", func() bool { return all("/d") })
}

// TestWritesThroughFaults: much goes wrong. Each write of two gateways lands once, and both know it.
func TestWritesThroughFaults(t *testing.T) {
	t.Parallel()
	const writers, each = 3, 15
	server := start(t)
	a, first := newLive(t, server.URL())
	b, second := newLive(t, server.URL())
	makeFunction(t, a, "default")
	if err := second.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	faults := emulator.Faults{Seed: 1, Hold: 2 * time.Millisecond}
	befall := func(rate float64, ops []string, kinds ...emulator.Kind) {
		for _, kind := range kinds {
			faults.List = append(faults.List, emulator.Fault{Kind: kind, Ops: ops, Rate: rate})
		}
	}
	befall(0.05, []string{"TransactWriteItems", "TransactGetItems"},
		emulator.Throttle, emulator.Conflict, emulator.Internal, emulator.InternalAfter, emulator.Close, emulator.CloseAfter)
	befall(0.01, []string{"GetItem", "BatchGetItem", "Query"},
		emulator.Throttle, emulator.ThrottleRequests, emulator.InternalAfter, emulator.CloseAfter)
	server.Set(faults)
	var wg sync.WaitGroup
	for g, c := range []*store.Config{a, b} {
		for n := range writers {
			wg.Go(func() {
				for i := range each {
					subscribe(t, c, "default", fmt.Sprintf("/%d/%d/%d", g, n, i))
				}
			})
		}
	}
	wg.Wait()
	server.Set(emulator.Faults{})
	for i, live := range []*store.Live{first, second} {
		if err := live.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := live.Stats().Mismatches; n != 0 {
			t.Errorf("gateway %d missed changes %d times", i, n)
		}
	}
	items, head, err := open(t, server.URL()).Load(t.Context(), store.Shared)
	if err != nil || len(items) != 2*writers*each+1 || head != first.Snapshot().Head || head != second.Snapshot().Head {
		t.Errorf("the store holds %d items at %v, %v; the gateways are at %v and %v", len(items), head, err, first.Snapshot().Head, second.Snapshot().Head)
	}
	t.Logf("%d writes in %d commits and %d tries", 2*writers*each, head.Rev-1, server.Calls("TransactWriteItems")-1)
}

func makeFunction(t *testing.T, c *store.Config, space string) {
	t.Helper()
	f, err := c.Rules().DecodeFunction([]byte(`{"functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`), space, "")
	if err == nil {
		_, err = c.CreateFunction(t.Context(), f)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func subscribe(t *testing.T, c *store.Config, space, path string) {
	t.Helper()
	s, err := c.Rules().DecodeSubscription(fmt.Appendf(nil, `{"functionId":"f","event":"http","method":"GET","path":%q}`, path), space)
	if err == nil {
		_, err = c.CreateSubscription(t.Context(), s)
	}
	if err != nil {
		t.Error(err)
	}
}

func serves(c *store.Config, path string) bool {
	s, err := c.Snapshot()
	if err != nil {
		return false
	}
	var r store.Route
	s.Route("GET", path, store.Plain, &r)
	return r.Sync != nil
}

func rules() *store.Rules {
	return store.NewRules([]store.FunctionType{{Name: "http", Fields: []store.Field{{Name: "url"}}}}, false)
}

// newLive returns what a gateway knows of the shared realm, once it has a snapshot.
func newLive(t *testing.T, endpoint string) (*store.Config, *store.Live) {
	t.Helper()
	return newLiveOf(t, endpoint, store.Shared)
}

func newLiveOf(t *testing.T, endpoint string, realm store.Realm) (*store.Config, *store.Live) {
	t.Helper()
	s := impatient(t, endpoint)
	live := store.NewLive(s, realm, rules(), slog.New(slog.DiscardHandler))
	run(t, live.Run)
	if err := live.WaitFor(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	return store.NewConfig(s, live, rules()), live
}

// newHosted returns the realms of a hosted gateway, which follow the store.
func newHosted(t *testing.T, endpoint string) *store.Realms {
	t.Helper()
	realms := store.NewRealms(impatient(t, endpoint), rules(), store.RealmsOptions{Hosted: true, Max: 1000}, slog.New(slog.DiscardHandler))
	run(t, realms.Run)
	if err := realms.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	return realms
}

// run runs f until the test ends.
func run(t *testing.T, f func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { f(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
}
