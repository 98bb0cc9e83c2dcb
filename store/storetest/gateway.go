package storetest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/event-gateway/event-gateway/store"
)

func rules() *store.Rules {
	return store.NewRules([]store.FunctionType{{Name: "http", Fields: []store.Field{{Name: "url"}}}}, false, nil)
}

// NewLive returns what a gateway knows of a realm, once it has a snapshot. It follows the realm until the test ends.
func NewLive(t *testing.T, s store.Store, realm store.Realm) (*store.Config, *store.Live) {
	t.Helper()
	live := store.NewLive(s, realm, rules(), slog.New(slog.DiscardHandler))
	runs(t, live.Run)
	if err := live.WaitFor(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	return store.NewConfig(s, live, rules()), live
}

// newRealms returns the realms of a hosted gateway, which follow the store until the test ends.
func newRealms(t *testing.T, s store.Store) *store.Realms {
	t.Helper()
	realms := store.NewRealms(s, rules(), store.RealmsOptions{Hosted: true, Max: 1000}, slog.New(slog.DiscardHandler))
	runs(t, realms.Run)
	if err := realms.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	return realms
}

// runs runs f until the test ends.
func runs(t *testing.T, f func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { f(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
}

// CreateFunction creates the function that Subscribe subscribes.
func CreateFunction(t *testing.T, c *store.Config, space string) {
	t.Helper()
	f, err := c.Rules().DecodeFunction([]byte(`{"functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`), space, "")
	if err == nil {
		_, err = c.CreateFunction(t.Context(), f)
	}
	if err != nil {
		t.Error(err)
	}
}

// Subscribe makes a route to the function.
func Subscribe(t *testing.T, c *store.Config, space, path string) {
	t.Helper()
	s, err := c.Rules().DecodeSubscription(fmt.Appendf(nil, `{"functionId":"f","event":"http","method":"GET","path":%q}`, path), space)
	if err == nil {
		_, err = c.CreateSubscription(t.Context(), s)
	}
	if err != nil {
		t.Error(err)
	}
}

func serves(s *store.Snapshot, path string) bool {
	var r store.Route
	s.Route("GET", path, store.Plain, &r)
	return r.Sync != nil
}
