package dynamodb_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest"
	emulator "github.com/event-gateway/event-gateway/store/storetest/dynamodb"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

func TestBreaks(t *testing.T) {
	t.Parallel()
	storetest.Breaks(t, func(t *testing.T) storetest.Break {
		server := start(t)
		way := servers.NewProxy(t, strings.TrimPrefix(server.URL(), "http://"))
		return storetest.Break{
			Near: func() store.Store { return open(t, server.URL()) },
			Far:  func() store.Store { return open(t, "http://"+way.Addr()) },
			Cut:  way.Cut,
			Heal: way.Heal,
			Spoil: func() {
				plain := plainClient(t, server.URL())
				trim(t, plain, table, store.Shared, 4)
				put(t, plain, with(key("_", "v1/records/noslash"), attributes{"value": binary("x")}))
				put(t, plain, key("_", "v1/records/functions/default/g"))
				put(t, plain, with(key("_", "v1/log/x"), attributes{"entry": binary("{")}))
			},
		}
	})
}

// TestWritesThroughFaults: much goes wrong. Each write of two gateways lands once, and both know it.
func TestWritesThroughFaults(t *testing.T) {
	t.Parallel()
	const writers, each = 3, 15
	server := start(t)
	a, first := storetest.NewLive(t, impatient(t, server.URL()), store.Shared)
	b, second := storetest.NewLive(t, impatient(t, server.URL()), store.Shared)
	storetest.CreateFunction(t, a, "default")
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
					storetest.Subscribe(t, c, "default", fmt.Sprintf("/%d/%d/%d", g, n, i))
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
