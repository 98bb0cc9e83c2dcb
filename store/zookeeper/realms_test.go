package zookeeper_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// TestHostedThroughABreak: a hosted gateway holds many realms. It is cut off while each of them changes, and strangers ask for realms that it
// has to load meanwhile; afterwards each realm is what it should be, and follows.
func TestHostedThroughABreak(t *testing.T) {
	t.Parallel()
	const held = 60
	addr := server(t)
	way := servers.NewProxy(t, addr)
	writer, reader := newHosted(t, addr), newHosted(t, way.Addr())
	name := func(i int) string { return fmt.Sprintf("space-%d", i) }
	subscribe := func(i int, path string) {
		t.Helper()
		c, err := writer.Config(t.Context(), store.Realm(name(i)))
		if err != nil {
			t.Fatal(err)
		}
		if path == "/a" {
			f, _ := c.Rules().DecodeFunction([]byte(`{"functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`), name(i), "")
			if _, err := c.CreateFunction(t.Context(), f); err != nil {
				t.Fatal(err)
			}
		}
		s, err := c.Rules().DecodeSubscription(fmt.Appendf(nil, `{"functionId":"f","event":"http","method":"GET","path":%q}`, path), name(i))
		if err == nil {
			_, err = c.CreateSubscription(t.Context(), s)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	serves := func(i int, path string) bool {
		use, err := reader.Begin(t.Context(), store.Realm(name(i)))
		if err != nil {
			return false
		}
		defer use.End()
		var r store.Route
		use.Snapshot().Route("GET", path, store.Plain, &r)
		return r.Sync != nil
	}
	all := func(path string) bool {
		for i := range held {
			if !serves(i, path) {
				return false
			}
		}
		return true
	}
	for i := range held + 20 {
		subscribe(i, "/a")
	}
	if !all("/a") {
		t.Fatal("a realm cannot be loaded")
	}
	for i := range held {
		subscribe(i, "/b")
	}
	eventually(t, "all realms have followed", func() bool { return all("/b") })

	way.Cut()
	for i := range held {
		subscribe(i, "/c")
	}
	if !all("/b") {
		t.Error("a realm that is held is not served while the store is away")
	}
	if serves(held, "/a") {
		t.Error("a realm was loaded from a store that is away")
	}
	way.Heal()
	eventually(t, "all realms have what changed meanwhile", func() bool { return all("/c") })

	// Others are loaded all the time.
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for i := held; i < held+20; i++ {
			if !serves(i, "/a") {
				t.Errorf("realm %d was not loaded", i)
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	for i := range held {
		subscribe(i, "/d")
	}
	eventually(t, "all realms follow while others are loaded", func() bool { return all("/d") })
}

// newHosted returns the realms of a hosted gateway, which follow the store.
func newHosted(t *testing.T, addr string) *store.Realms {
	t.Helper()
	rules := store.NewRules([]store.FunctionType{{Name: "http", Fields: []store.Field{{Name: "url"}}}}, false)
	realms := store.NewRealms(open(t, addr), rules, store.RealmsOptions{Hosted: true, Max: 1000}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { realms.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	if err := realms.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	return realms
}
