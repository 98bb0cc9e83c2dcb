package store

import (
	"fmt"
	"testing"
	"time"
)

// many is a snapshot with one record of a kind in each of n spaces, all for the same requests, and one record more to add to it.
func many(n int, record func(space string) any) (*Snapshot, any) {
	e := emptySnapshot(&Rules{}, Shared).edit()
	for i := range n {
		e.insert(Item{Key: fmt.Sprint("key/", i), Rev: 1}, record(fmt.Sprint("space-", i)), func(string, error) {})
	}
	return e.snapshot(1, 0), record("one-more")
}

// change adds a record and takes it away again, each as a change of its own.
func change(s *Snapshot, rec any) *Snapshot {
	e := s.edit()
	e.insert(Item{Key: "one/more", Rev: 2}, rec, func(string, error) {})
	e = e.snapshot(2, 0).edit()
	e.delete("one/more")
	return e.snapshot(3, 0)
}

func systemRecord(space string) any {
	return (&seedBody{Event: "gateway.function.invoked", FunctionID: "f"}).subscription(space)
}

func corsRecord(space string) any { return (&corsBody{Method: "GET", Path: "/:x"}).record(space) }

// TestManySpacesAlike: a change costs about the same, however many spaces have subscribed the same system event, or have a CORS record for the
// same requests; and so does finding that of one space. In a list it would cost a hundred times as much.
func TestManySpacesAlike(t *testing.T) {
	for name, record := range map[string]func(string) any{"system events": systemRecord, "CORS": corsRecord} {
		few, one := many(100, record)
		lots, _ := many(10_000, record)
		for what, f := range map[string]func(s *Snapshot){
			"change": func(s *Snapshot) { change(s, one) },
			"look-up": func(s *Snapshot) {
				if len(s.System("function.invoked", "space-7", nil)) != 1 && s.CORS("space-7", "GET", "/a") == nil {
					t.Fatal("nothing is found")
				}
			},
		} {
			ratio := float64(quickest(func() { f(lots) })) / float64(quickest(func() { f(few) }))
			t.Logf("%s, %s: 10,000 spaces against 100: %.1f", name, what, ratio)
			if ratio > 10 {
				t.Errorf("%s: a %s with 10,000 spaces costs %.1f times as much as with 100", name, what, ratio)
			}
		}
		none, _ := many(0, record)
		if n := change(none, one); n.system.Len()+n.cors.records.Len()+n.cors.tree.Len()+n.cors.shapes.Len() > 0 {
			t.Errorf("%s: something is left of what was added and taken away", name)
		}
	}
}

// TestRegistryScan: a list of many event types goes through the subscriptions once.
func TestRegistryScan(t *testing.T) {
	list := func(types int) func() {
		s := emptySnapshot(&Rules{}, Shared)
		for i := range 1000 {
			sub := (&seedBody{Event: fmt.Sprint("e", i%10), FunctionID: "f", Path: fmt.Sprint("/", i)}).subscription("default")
			s.items.Set(subscriptionKey("default", sub.ID), sub)
		}
		for i := range types {
			s.items.Set(eventTypeKey("default", fmt.Sprint("e", i)), &EventType{Space: "default", Name: fmt.Sprint("e", i)})
		}
		return func() {
			uses := 0
			for typ := range s.RegisteredTypes("default") {
				uses += *typ.Subscriptions
			}
			if uses != 100*min(types, 10) {
				t.Fatalf("%d subscriptions use %d types", uses, types)
			}
		}
	}
	ratio := float64(quickest(list(500))) / float64(quickest(list(1)))
	t.Logf("500 types against one: %.1f", ratio)
	if ratio > 50 {
		t.Errorf("a list of 500 types costs %.1f times as much as one of one", ratio)
	}
}

// quickest returns the least time that f took, which says more than the average where others use the processor.
func quickest(f func()) time.Duration {
	least := time.Hour
	for range 20 {
		began := time.Now()
		for range 50 {
			f()
		}
		least = min(least, time.Since(began))
	}
	return least
}

func BenchmarkSystemChange(b *testing.B) { benchmarkChange(b, systemRecord) }
func BenchmarkCORSChange(b *testing.B)   { benchmarkChange(b, corsRecord) }

func benchmarkChange(b *testing.B, record func(string) any) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, one := many(n, record)
			b.ReportAllocs()
			for b.Loop() {
				change(s, one)
			}
		})
	}
}
