package store_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
)

// benchItems are n subscriptions of 50 spaces, a quarter of each way to be called, with their functions and event types.
func benchItems(b *testing.B, rules *store.Rules, n int) []store.Item {
	b.Helper()
	var items []store.Item
	add := func(key, value string) {
		items = append(items, store.Item{Key: key, Value: []byte(value), Rev: 1})
	}
	for i := range 50 {
		space := fmt.Sprintf("team-%02d", i)
		add("functions/"+space+"/f", fmt.Sprintf(`{"space":%q,"functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`, space))
		add("eventtypes/"+space+"/e", fmt.Sprintf(`{"space":%q,"name":"e"}`, space))
	}
	for i := range n {
		space := fmt.Sprintf("team-%02d", i%50)
		body := []string{
			`{"functionId":"f","event":"http","method":"GET","path":"/%s/shops/%d/orders/:order"}`,
			`{"functionId":"f","event":"e","path":"/%s/shops/%d"}`,
			`{"functionId":"f","type":"sync","eventType":"http.request","method":"POST","path":"/%s/shops/%d/items/:item/reviews"}`,
			`{"functionId":"f","type":"async","eventType":"e","method":"POST","path":"/%s/customers/%d"}`,
		}[i/50%4]
		sub, err := rules.DecodeSubscription(fmt.Appendf(nil, body, space, i), space)
		if err != nil {
			b.Fatal(err)
		}
		value, err := json.Marshal(sub)
		if err != nil {
			b.Fatal(err)
		}
		add("subscriptions/"+space+"/"+sub.ID, string(value))
	}
	return items
}

// BenchmarkSnapshot100k makes a snapshot of 100,000 subscriptions, and reports the memory that it keeps of each.
func BenchmarkSnapshot100k(b *testing.B) {
	const n = 100_000
	rules := store.NewRules(invoke.FunctionTypes(false), false)
	report := func(key string, why error) { b.Fatal(key, why) }
	build := func(items []store.Item) *store.Snapshot {
		return store.NewSnapshot(rules, store.Shared, items, store.Head{Rev: 1}, report)
	}
	before := heap()
	s := build(benchItems(b, rules, n))
	bytes := float64(heap() - before)
	if s.Corrupt() > 0 {
		b.Fatal(s.Corrupt())
	}
	runtime.KeepAlive(s)
	items := benchItems(b, rules, n)
	runtime.GC()
	b.ReportAllocs()
	for b.Loop() {
		build(items)
	}
	b.ReportMetric(bytes/n, "heap-bytes/subscription")
}

// BenchmarkApply is one change of a realm of 100,000 subscriptions.
func BenchmarkApply(b *testing.B) {
	rules := store.NewRules(invoke.FunctionTypes(false), false)
	report := func(key string, why error) { b.Fatal(key, why) }
	items := benchItems(b, rules, 100_000)
	s := store.NewSnapshot(rules, store.Shared, items, store.Head{Rev: 1}, report)
	changed := items[len(items)/2]
	c := []store.Commit{{ID: "c", Rev: s.Head.Rev + 1, Ops: []store.Op{{Key: changed.Key, Was: changed.Rev, Value: changed.Value}}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Apply(c, report); err != nil {
			b.Fatal(err)
		}
	}
}
