package invoke_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/store"
)

// benchStructured is a CloudEvent of 1 KB.
var benchStructured = []byte(`{"specversion":"1.0","id":"b7c5e1de-1b6f-4f39-9d6c-0d6f8e3f0a11","source":"/shop/orders","type":"order.created",` +
	`"time":"2026-03-04T05:06:07.123456Z","datacontenttype":"application/json","subject":"o/42","data":{"items":[` +
	strings.Repeat(`{"sku":"abc-1","n":3,"price":12.5,"tags":["a","b"]},`, 14) + `{}]}}`)

// snapshotWith returns one with a function, a thousand subscriptions, and those given.
func snapshotWith(b testing.TB, subscriptions ...string) *store.Snapshot {
	items := []store.Item{{Key: "functions/default/f", Rev: 1, Value: []byte(`{"space":"default","functionId":"f","type":"http","provider":{"url":"http://localhost"}}`)}}
	add := func(id, value string) {
		items = append(items, store.Item{Key: "subscriptions/default/" + id, Rev: 1, Value: []byte(value)})
	}
	for i := range 1000 {
		path := fmt.Sprintf("/orders/%d", i)
		add("order.created,f,"+strings.ReplaceAll(path, "/", "%2F"), fmt.Sprintf(`{"space":"default","event":"order.created","functionId":"f","path":%q}`, path))
	}
	for _, name := range subscriptions {
		add(name+",f,%2F", fmt.Sprintf(`{"space":"default","event":%q,"functionId":"f","path":"/"}`, name))
	}
	s := store.NewSnapshot(store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil), store.Shared, items, store.Head{Rev: 1}, func(key string, why error) {
		b.Fatal(key, why)
	})
	return s
}

// The two are to be compared: to parse, route and encode an event may cost 3 times what its bytes cost to check and copy.

func BenchmarkStructured(b *testing.B) {
	s := snapshotWith(b)
	r := &http.Request{Method: "POST", URL: mustURL("http://localhost/orders/42"), Header: http.Header{"Content-Type": {"application/cloudevents+json"}, "User-Agent": {"bench"}}}
	var route store.Route
	dst := make([]byte, 0, 8<<10)
	received := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		ev, err := event.FromRequest(r, "/orders/42", benchStructured, received)
		if err != nil {
			b.Fatal(err)
		}
		s.Route(r.Method, "/orders/42", ev.Type, &route)
		if len(route.Async) != 1 {
			b.Fatal("no route")
		}
		dst = ev.Append(dst[:0], event.CloudEvents, event.Params{})
	}
}

func BenchmarkValidAndCopy(b *testing.B) {
	dst := make([]byte, 0, 8<<10)
	b.ReportAllocs()
	for b.Loop() {
		if !json.Valid(benchStructured) {
			b.Fatal("not valid")
		}
		dst = append(dst[:0], benchStructured...)
	}
}

// BenchmarkReceived is what system events cost that nobody has subscribed to.
func BenchmarkReceived(b *testing.B) {
	s := snapshotWith(b)
	d := invoke.NewDispatcher(invoke.Options{Backlog: 10}, invoke.NewEgress(invoke.EgressOptions{}), invoke.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	b.Cleanup(func() { d.Drain(context.Background()) })
	ev := &event.Event{Type: "order.created"}
	header := http.Header{"Content-Type": {"application/json"}}
	targets := []store.Target{{Function: s.Function("default", "f")}}
	b.ReportAllocs()
	for b.Loop() {
		d.Received(b.Context(), &invoke.Arrival{Event: ev, Snapshot: s, Targets: targets, Space: "default", Path: "/", Header: header})()
	}
}

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}
