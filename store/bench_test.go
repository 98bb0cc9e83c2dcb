package store_test

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/memory"
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
	rules := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil)
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
	rules := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil)
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

// BenchmarkFollow is one change of a realm of 100,000 subscriptions, as an instance sees it that follows a store, without a snapshot file and with
// one, whose writes are in the time.
func BenchmarkFollow(b *testing.B) {
	for _, name := range []string{"plain", "snapshot file"} {
		b.Run(name, func(b *testing.B) {
			s, f, live := benchFollow(b, name != "plain")
			value := []byte(`{"space":"team-00","functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`)
			_, head, err := s.Load(b.Context(), store.Shared)
			if err != nil {
				b.Fatal(err)
			}
			rev := store.Rev(1)
			b.ReportAllocs()
			b.ResetTimer()
			for n := range b.N {
				head, err = s.Commit(b.Context(), store.Shared, head, store.Commit{ID: fmt.Sprint(n), Ops: []store.Op{{Key: "functions/team-00/f", Was: rev, Value: value}}})
				rev = head.Rev
				if err == nil {
					err = live.CatchUp(b.Context())
				}
				if err != nil {
					b.Fatal(err)
				}
				if f != nil && n%1000 == 999 {
					f.Flush()
				}
			}
			b.StopTimer()
			if f != nil {
				if s := f.Stats(); s.Failures > 0 {
					b.Fatalf("%+v", s)
				}
			}
		})
	}
}

// benchFollow returns a store of 100,000 subscriptions, and what follows it.
func benchFollow(b *testing.B, kept bool) (s *memory.Store, f *store.SnapshotFile, live *store.Live) {
	b.Helper()
	rules := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil)
	s = memory.New()
	c := store.Commit{ID: "all"}
	for _, item := range benchItems(b, rules, 100_000) {
		c.Ops = append(c.Ops, store.Op{Key: item.Key, Value: item.Value})
	}
	if _, err := s.Commit(b.Context(), store.Shared, store.Head{}, c); err != nil {
		b.Fatal(err)
	}
	if kept {
		var err error
		if f, err = store.OpenSnapshotFile(filepath.Join(b.TempDir(), "snapshot"), "a-store", 1, slog.New(slog.DiscardHandler)); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = f.Close() })
	}
	r := store.NewRealms(s, rules, store.RealmsOptions{File: f}, slog.New(slog.DiscardHandler))
	for live = range r.All() {
	}
	if err := live.CatchUp(b.Context()); err != nil {
		b.Fatal(err)
	}
	if f != nil {
		f.Flush()
	}
	return s, f, live
}

// BenchmarkSnapshotFile100k is a start from a file of 100,000 subscriptions: opening it, and making the snapshot.
func BenchmarkSnapshotFile100k(b *testing.B) {
	_, f, _ := benchFollow(b, true)
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	away := newCounted()
	away.away.Store(true)
	for b.Loop() {
		again, err := store.OpenSnapshotFile(f.Path(), "a-store", 1, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		r := store.NewRealms(away, store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil), store.RealmsOptions{File: again}, slog.New(slog.DiscardHandler))
		for live := range r.All() {
			if live.CatchUp(b.Context()) == nil || live.Snapshot() == nil {
				b.Fatal("there is no snapshot")
			}
		}
		b.ReportMetric(float64(again.Stats().Bytes), "file-bytes")
		if err := again.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
