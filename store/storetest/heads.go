package storetest

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

func (s suite) heads(t *testing.T) {
	s.test(t, "returns those realms that are not at the revision", headsMoved)
	s.test(t, "many realms are asked for at once", headsMany)
	s.test(t, "waits for one of the realms to move", headsWait)
	s.test(t, "returns none when the wait is over", headsOver)
	s.test(t, "misses no commit", headsNoLoss)
}

func sameHeads(t *testing.T, got, want map[store.Realm]store.Head, err error) {
	t.Helper()
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func headsMoved(t *testing.T, e env) {
	a, b := e.follow(t), e.follow(t)
	a.realm, b.realm = e.realm+"a", e.realm+"b"
	nobodys := e.realm + "nobodys"
	a.commit(put("k", "v"))
	a.commit(put("k", "w"))
	b.commit(put("k", "v"))
	reader := e.Open()
	heads := func(known map[store.Realm]store.Rev, want map[store.Realm]store.Head) {
		t.Helper()
		got, err := reader.Heads(e.ctx, known, 0)
		sameHeads(t, got, want, err)
	}
	heads(nil, nil)
	heads(map[store.Realm]store.Rev{a.realm: 2, b.realm: 1, nobodys: 0}, nil)
	heads(map[store.Realm]store.Rev{a.realm: 0, b.realm: 0}, map[store.Realm]store.Head{a.realm: a.head, b.realm: b.head})
	heads(map[store.Realm]store.Rev{a.realm: 1, b.realm: 1}, map[store.Realm]store.Head{a.realm: a.head})
	// Realms that are behind what is known.
	want := map[store.Realm]store.Head{b.realm: b.head, nobodys: {}}
	heads(map[store.Realm]store.Rev{a.realm: 2, b.realm: 7, nobodys: 3}, want)
	e.within(t, soon, "Heads", func(ctx context.Context) {
		got, err := reader.Heads(ctx, map[store.Realm]store.Rev{a.realm: 2, b.realm: 7, nobodys: 3}, long)
		sameHeads(t, got, want, err)
	})
	nowhere := ^store.Rev(0) // for those who want all heads
	heads(map[store.Realm]store.Rev{a.realm: nowhere, nobodys: nowhere}, map[store.Realm]store.Head{a.realm: a.head, nobodys: {}})
	a.commit(put("k", "x"))
	heads(map[store.Realm]store.Rev{a.realm: 2, b.realm: 1}, map[store.Realm]store.Head{a.realm: a.head})
}

func headsMany(t *testing.T, e env) {
	const n = 300
	f := e.follow(t)
	known := make(map[store.Realm]store.Rev)
	for i := range n {
		known[e.realm+store.Realm(fmt.Sprint(i))] = 0
	}
	want := make(map[store.Realm]store.Head)
	for _, i := range []int{0, 127, 128, 299} {
		f := follower{t: t, ctx: e.ctx, store: f.store, realm: e.realm + store.Realm(fmt.Sprint(i))}
		f.items = make(map[string]store.Item)
		f.commit(put("k", "v"))
		want[f.realm] = f.head
	}
	for _, wait := range []time.Duration{0, long} {
		got, err := f.store.Heads(e.ctx, known, wait)
		sameHeads(t, got, want, err)
	}
}

func headsWait(t *testing.T, e env) {
	writer, reader := e.follow(t), e.Open()
	known := map[store.Realm]store.Rev{e.realm: 0, e.realm + "other": 0}
	for i := range 5 {
		wait := beside(t, func() error {
			time.Sleep(20 * time.Millisecond) // as in waitSoon
			return writer.commitMany("k", 1)
		})
		defer wait() // also if this ends here
		e.within(t, soon, "Heads", func(ctx context.Context) {
			got, err := reader.Heads(ctx, known, long)
			if err != nil || len(got) != 1 || got[e.realm].Rev != store.Rev(i+1) {
				t.Fatalf("got %v, %v; want %s at revision %d", got, err, e.realm, i+1)
			}
		})
		known[e.realm]++
		wait()
	}
}

func headsOver(t *testing.T, e env) {
	const wait = 200 * time.Millisecond
	f := e.follow(t)
	f.commit(put("k", "v"))
	for range 2 {
		begin := time.Now()
		got, err := f.store.Heads(e.ctx, map[store.Realm]store.Rev{e.realm: 1, e.realm + "nobodys": 0}, wait)
		sameHeads(t, got, nil, err)
		if took := time.Since(begin); took < wait || took > wait+soon {
			t.Errorf("returned after %v of %v", took, wait)
		}
	}
}

func headsNoLoss(t *testing.T, e env) {
	const n = 150
	writer, reader := e.follow(t), e.Open()
	defer beside(t, func() error { return writer.commitMany("k", n) })()
	known := map[store.Realm]store.Rev{e.realm: 0}
	for known[e.realm] < n {
		e.within(t, soon, "Heads", func(ctx context.Context) {
			got, err := reader.Heads(ctx, known, soon)
			if err != nil || got[e.realm].Rev <= known[e.realm] {
				t.Fatalf("at %d: got %v, %v", known[e.realm], got, err)
			}
			known[e.realm] = got[e.realm].Rev
		})
	}
}
