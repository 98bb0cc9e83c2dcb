package faults_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
)

const space = "shop-7"

// gateway is what one instance of the gateway knows of the configuration, and writes it by.
type gateway struct {
	store.Database
	realm  store.Realm
	rules  *store.Rules
	realms *store.Realms
	stop   func() // when the test ends, at the latest
}

// startGateway returns an instance that follows the database until the test ends, once it is ready. In hosted mode the space is a realm.
func startGateway(t testing.TB, s store.Database, hosted bool) *gateway {
	t.Helper()
	g := &gateway{Database: s, realm: store.Shared, rules: store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil)}
	if hosted {
		g.realm = space
	}
	g.realms = store.NewRealms(s, g.rules, store.RealmsOptions{Hosted: hosted, Max: 10}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { g.realms.Run(ctx) })
	g.stop = func() { cancel(); wg.Wait() }
	t.Cleanup(g.stop)
	if err := g.realms.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.config(t)
	return g
}

func (g *gateway) config(t testing.TB) *store.Config {
	c, err := g.realms.Config(context.Background(), g.realm)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// snapshot returns the current one.
func (g *gateway) snapshot() *store.Snapshot {
	for live := range g.realms.All() {
		return live.Snapshot()
	}
	return nil
}

// function creates a function.
func (g *gateway) function(t testing.TB, id string) {
	t.Helper()
	f, err := g.rules.DecodeFunction(fmt.Appendf(nil, `{"functionId":%q,"type":"http","provider":{"url":"http://localhost:1"}}`, id), space, "")
	if err == nil {
		_, err = g.config(t).CreateFunction(t.Context(), f)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// subscription makes one to plain requests, or to the event if that is not empty.
func (g *gateway) subscription(function, event, path string) (*store.Subscription, error) {
	body := fmt.Sprintf(`{"functionId":%q,"event":"http","method":"GET","path":%q}`, function, path)
	if event != "" {
		body = fmt.Sprintf(`{"functionId":%q,"event":%q,"path":%q}`, function, event, path)
	}
	return g.rules.DecodeSubscription([]byte(body), space)
}
