package store_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/memory"
)

// systemOf returns who gets a system event of a space.
func systemOf(s *store.Snapshot, name, space string) []string {
	var got []string
	for _, target := range s.System(name, space, nil) {
		got = append(got, target.Subscription.Space+" "+target.Subscription.EventType)
		if target.Function == nil {
			got[len(got)-1] += " without a function"
		}
	}
	slices.Sort(got)
	return got
}

// systemItems are subscriptions on reserved names, as they may be stored.
func systemItems() []store.Item {
	var items []store.Item
	add := func(space, body string) {
		rules := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), true, nil)
		sub, err := rules.DecodeSubscription([]byte(body), space)
		if err != nil {
			panic(err)
		}
		text := strings.Replace(body, "{", fmt.Sprintf(`{"space":%q,`, space), 1)
		items = append(items, store.Item{Key: "subscriptions/" + space + "/" + sub.ID, Value: []byte(text), Rev: 1})
	}
	for _, space := range []string{"aaa", "aaab", "bbb"} {
		items = append(items, store.Item{Key: "functions/" + space + "/f", Rev: 1, Value: fmt.Appendf(nil,
			`{"space":%q,"functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`, space)})
		add(space, `{"functionId":"f","event":"gateway.function.invoked","path":"/"}`)
		add(space, `{"functionId":"f","type":"async","eventType":"eventgateway.function.invoked","path":"/","method":"POST"}`)
		add(space, `{"functionId":"f","event":"gateway.event.received","path":"/"}`)
	}
	// None of these gets anything.
	for _, path := range []string{"/", "/x", "/:x", "/*r"} {
		for _, name := range []string{"gateway.function.invoked", "eventgateway.function.invoked", "Gateway.function.invoked"} {
			if path != "/" || name != "gateway.function.invoked" {
				add("aaa", fmt.Sprintf(`{"functionId":"f","event":%q,"path":%q}`, name, path))
			}
			if path != "/" || name != "eventgateway.function.invoked" {
				add("aaa", fmt.Sprintf(`{"functionId":"f","type":"async","eventType":%q,"path":%q,"method":"POST"}`, name, path))
			}
			add("aaa", fmt.Sprintf(`{"functionId":"f","type":"async","eventType":%q,"path":%q,"method":"GET"}`, name, path))
			add("aaa", fmt.Sprintf(`{"functionId":"f","type":"sync","eventType":%q,"path":%q,"method":"POST"}`, name, path))
		}
	}
	return items
}

func newSnapshot(t *testing.T, realm store.Realm, compat bool, items []store.Item) *store.Snapshot {
	t.Helper()
	return store.NewSnapshot(store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), compat, nil), realm, items, store.Head{Rev: 1}, func(key string, why error) {
		if realm == store.Shared {
			t.Error(key, why)
		}
	})
}

// TestD: a system event goes to the subscriptions of its own space, in both shapes, and to no others; in 2018 it went to all.
func TestD(t *testing.T) {
	t.Parallel()
	items := systemItems()
	f := func(s *store.Snapshot, name, space string, want ...string) {
		t.Helper()
		if got := systemOf(s, name, space); !slices.Equal(got, want) {
			t.Errorf("%s of %q goes to %q, want %q", name, space, got, want)
		}
	}
	s := newSnapshot(t, store.Shared, false, items)
	if !s.HasSystem() {
		t.Error("nobody is subscribed")
	}
	f(s, "function.invoked", "aaa", "aaa eventgateway.function.invoked", "aaa gateway.function.invoked")
	f(s, "function.invoked", "aaab", "aaab eventgateway.function.invoked", "aaab gateway.function.invoked")
	f(s, "event.received", "bbb", "bbb gateway.event.received")
	f(s, "function.invoking", "aaa")
	f(s, "function", "aaa")
	f(s, "function.invoked", "aa")
	f(s, "function.invoked", "")
	all := []string{"aaa eventgateway.function.invoked", "aaa gateway.function.invoked", "aaab eventgateway.function.invoked", "aaab gateway.function.invoked",
		"bbb eventgateway.function.invoked", "bbb gateway.function.invoked"}
	old := newSnapshot(t, store.Shared, true, items)
	f(old, "function.invoked", "bbb", all...)
	f(old, "function.invoked", "nobody", all...)
	f(old, "function", "bbb")
	// A hosted realm is of one space, with -compat too.
	f(newSnapshot(t, "bbb", true, items), "function.invoked", "bbb", all[4:]...)

	// What is sent from outside under such a name finds none of them.
	for _, s := range []*store.Snapshot{s, old} {
		for _, name := range []string{"gateway.function.invoked", "eventgateway.function.invoked", "Gateway.function.invoked", "gateway.event.received"} {
			for _, method := range []string{"POST", "GET"} {
				for _, path := range []string{"/", "/x", "/x/y"} {
					var r store.Route
					if s.Route(method, path, name, &r); r.Sync != nil || len(r.Async) > 0 {
						t.Errorf("%s %s %s is routed to\n%s", name, method, path, describe(r))
					}
				}
			}
		}
	}
}

// TestSystemSubscriptionsGo: what is deleted gets no more events, and what it was to call is not lost sight of.
func TestSystemSubscriptionsGo(t *testing.T) {
	t.Parallel()
	s := memory.New()
	i := newInstance(t, s)
	i.function(t, "default", "f")
	typ, err := i.rules.DecodeEventType([]byte(`{"name":"eventgateway.function.invoked"}`), "default", "")
	if err == nil {
		_, err = i.config.CreateEventType(t.Context(), typ)
	}
	if err != nil {
		t.Fatal(err)
	}
	const async = `{"type":"async","eventType":"eventgateway.function.invoked","functionId":"f"}`
	for _, body := range []string{`{"event":"gateway.function.invoked","functionId":"f"}`, async} {
		if err := i.subscribe("default", body); err != nil {
			t.Fatal(err)
		}
	}
	before := i.live.Snapshot()
	for sub := range before.Subscriptions("default") {
		if _, err := i.config.DeleteSubscription(t.Context(), "default", sub.ID, nil); err != nil {
			t.Fatal(err)
		}
	}
	if s := i.live.Snapshot(); s.HasSystem() || len(systemOf(s, "function.invoked", "default")) > 0 {
		t.Error("deleted subscriptions are still there")
	}
	if got := systemOf(before, "function.invoked", "default"); len(got) != 2 {
		t.Error("the snapshot of before has changed:", got)
	}
	if err := i.subscribe("default", async); err != nil {
		t.Fatal(err)
	}
	commitRaw(t, s, map[string]string{"functions/default/f": "nonsense"})
	if err := i.live.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := systemOf(i.live.Snapshot(), "function.invoked", "default"); !slices.Equal(got, []string{"default eventgateway.function.invoked without a function"}) {
		t.Error(got)
	}
}

// TestStoredSystemSubscriptions: what -compat let in can still be read, changed and deleted without it; only new ones are refused.
func TestStoredSystemSubscriptions(t *testing.T) {
	t.Parallel()
	i := newInstance(t, memory.New())
	i.function(t, "default", "f")
	const body = `{"event":"gateway.nothing","functionId":"f"}`
	if err := i.subscribe("default", body); err == nil {
		t.Error("it was taken")
	}
	old := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), true, nil)
	live := store.NewLive(i.Store, store.Shared, old, slog.New(slog.DiscardHandler))
	if err := live.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	sub, err := old.DecodeSubscription([]byte(body), "default")
	if err == nil {
		_, err = store.NewConfig(i.Store, live, old).CreateSubscription(t.Context(), sub)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := i.live.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	next, err := i.rules.DecodeSubscription([]byte(`{"event":"gateway.nothing","functionId":"f","cors":{}}`), "default")
	if err == nil {
		next, err = i.config.UpdateSubscription(context.Background(), sub.ID, next, nil)
	}
	if err != nil || next.CORS == nil {
		t.Error(next, err)
	}
	if _, err := i.config.DeleteSubscription(t.Context(), "default", sub.ID, nil); err != nil {
		t.Error(err)
	}
}
