package dynamodb_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest"
)

// TestCost: how many requests and capacity units calls need.
func TestCost(t *testing.T) {
	t.Parallel()
	server := start(t)
	s := open(t, server.URL())
	head := storetest.Fill(t, s, "r", 600)
	costs := func(what string, want map[string]int, units float64, call func() error) {
		t.Helper()
		before := server.Counts()
		if err := call(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		after := server.Counts()
		maps.DeleteFunc(after.Calls, func(name string, n int) bool {
			after.Calls[name] = n - before.Calls[name]
			return after.Calls[name] == 0
		})
		if used := after.Read - before.Read + after.Write - before.Write; !maps.Equal(after.Calls, want) || math.Abs(used-units) > 0.01*units {
			t.Errorf("%s: %v and %v units, want %v and %v", what, after.Calls, used, want, units)
		}
	}
	known := make(map[store.Realm]store.Rev)
	for i := range 250 {
		known[store.Realm(fmt.Sprint(i))] = 0
	}
	costs("Changes with nothing new", map[string]int{"GetItem": 1}, 1, func() error {
		_, _, err := s.Changes(t.Context(), "r", head.Rev, 0)
		return err
	})
	costs("Commit of 1 record", map[string]int{"TransactWriteItems": 1}, 6, func() error {
		_, err := s.Commit(t.Context(), "other", store.Head{}, storetest.Commit("k", 0))
		return err
	})
	costs("Changes with one commit of 1 record", map[string]int{"GetItem": 1, "Query": 1}, 2, func() error {
		_, _, err := s.Changes(t.Context(), "other", 0, 0)
		return err
	})
	costs("Load of 600 records of 360 bytes", map[string]int{"GetItem": 2, "Query": 1}, 600*360/4096+2, func() error {
		_, _, err := s.Load(t.Context(), "r")
		return err
	})
	costs("Heads of 250 realms", map[string]int{"BatchGetItem": 3}, 250, func() error {
		_, err := s.Heads(t.Context(), known, 0)
		return err
	})
}

// TestIdleTraffic: those who wait for one realm cost one read of its head a poll, however many they are, and one at the end of each wait.
func TestIdleTraffic(t *testing.T) {
	t.Parallel()
	server := start(t)
	o := options(server.URL())
	o.Poll = 100 * time.Millisecond
	s := openWith(t, o)
	w := &storetest.Writer{T: t}
	w.Commit(s, 1)
	before, begin := server.Counts(), time.Now()
	const waits, wait = 10, 2 * time.Second
	var wg sync.WaitGroup
	for range waits {
		wg.Go(func() {
			if commits, _, err := s.Changes(t.Context(), "r", 1, wait); len(commits) != 0 || err != nil {
				t.Errorf("got %v, %v", commits, err)
			}
		})
	}
	wg.Wait()
	after, took := server.Counts(), time.Since(begin)
	polls, reads := after.Calls["BatchGetItem"]-before.Calls["BatchGetItem"], after.Calls["GetItem"]-before.Calls["GetItem"]
	// A busy machine polls less; at first some find that there is no watch yet.
	if most := int(took/o.Poll) + 2; polls > most || polls < 2 || reads < waits || reads > 2*waits {
		t.Errorf("%d polls and %d reads of heads, want at most %d and about %d", polls, reads, most, waits)
	}
	if units := int(after.Read - before.Read); units != polls+reads && units != polls+reads-1 { // a poll may be under way
		t.Errorf("%d units for %d reads", units, polls+reads)
	}
	t.Logf("%d polls and %d reads in %v", polls, reads, took)
}

// TestNobodyWaits: without those who wait nothing is asked.
func TestNobodyWaits(t *testing.T) {
	t.Parallel()
	server := start(t)
	s := open(t, server.URL())
	for range 3 {
		if _, _, err := s.Changes(t.Context(), "r", 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(5 * poll) // if something is asked after this, the test tests less
	if calls := server.Counts().Calls; !maps.Equal(calls, map[string]int{"GetItem": 3}) {
		t.Errorf("got %v", calls)
	}
}

// TestNewRealmAtOnce: a realm that is waited for from now on does not wait for the next poll, and does not make the others be asked for again.
func TestNewRealmAtOnce(t *testing.T) {
	t.Parallel()
	server := start(t)
	o := options(server.URL())
	o.Poll = time.Hour
	s := openWith(t, o)
	known := make(map[store.Realm]store.Rev)
	for i := range 120 {
		known[store.Realm(fmt.Sprint(i))] = 0
	}
	storetest.Eventually(t, "the watch runs, so that a wait reads only at its end", func() bool {
		before := server.Calls("BatchGetItem")
		if moved, err := s.Heads(t.Context(), known, 50*time.Millisecond); len(moved) != 0 || err != nil {
			t.Fatalf("got %v, %v", moved, err)
		}
		return server.Calls("BatchGetItem") == before+2
	})
	before := server.Counts()
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error)
	go func() {
		_, err := s.Heads(ctx, map[store.Realm]store.Rev{"7": 0, "new": 0}, time.Hour)
		waited <- err
	}()
	units := func() float64 { return server.Counts().Read - before.Read } // counted after the call is
	storetest.Eventually(t, "the new one is polled", func() bool { return server.Calls("BatchGetItem") > before.Calls["BatchGetItem"] && units() > 0 })
	if calls := server.Calls("BatchGetItem") - before.Calls["BatchGetItem"]; calls != 1 || units() != 1 {
		t.Errorf("%d calls and %v units", calls, units())
	}
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
