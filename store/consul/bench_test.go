package consul_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/consul"
)

// Each benchmark of the store stands beside one of what Consul's own client needs for the least that could do the same.

func BenchmarkCommit(b *testing.B) {
	s := open(b, server(b))
	value := []byte(strings.Repeat("v", 300))
	var head store.Head
	i := 0
	for b.Loop() {
		i++
		c := store.Commit{ID: fmt.Sprint(i), Ops: []store.Op{{Key: "k", Was: head.Rev, Value: value}}}
		var err error
		if head, err = s.Commit(b.Context(), "r", head, c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTxn(b *testing.B) {
	c := plainClient(b, server(b))
	value := []byte(strings.Repeat("v", 300))
	index := uint64(0)
	i := uint64(0)
	for b.Loop() {
		i++
		ops := api.TxnOps{{KV: &api.KVTxnOp{Verb: api.KVCAS, Key: "k", Value: value, Flags: i, Index: index}}}
		ok, r, _, err := c.Txn().Txn(ops, new(api.QueryOptions).WithContext(b.Context()))
		if err != nil || !ok {
			b.Fatal(r, err)
		}
		index = r.Results[0].KV.ModifyIndex
	}
}

func BenchmarkChangesNothing(b *testing.B) {
	s := open(b, server(b))
	head := fill(b, s, 600)
	for b.Loop() {
		if commits, _, err := s.Changes(b.Context(), "r", head.Rev, 0); len(commits) != 0 || err != nil {
			b.Fatal(commits, err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	addr := server(b)
	fill(b, open(b, addr), 600)
	c := plainClient(b, addr)
	for b.Loop() {
		if p, _, err := c.KV().Get("event-gateway/v1/heads/r", &api.QueryOptions{RequireConsistent: true}); err != nil || p == nil {
			b.Fatal(p, err)
		}
	}
}

func BenchmarkLoad100k(b *testing.B) {
	s := open(b, server(b))
	fill(b, s, 100_000)
	for b.Loop() {
		if items, _, err := s.Load(b.Context(), "r"); len(items) != 100_000 || err != nil {
			b.Fatal(len(items), err)
		}
	}
}

func BenchmarkList100k(b *testing.B) {
	addr := server(b)
	fill(b, open(b, addr), 100_000)
	c := plainClient(b, addr)
	for b.Loop() {
		pairs, _, err := c.KV().List("event-gateway/v1/records/r/", &api.QueryOptions{RequireConsistent: true})
		if err != nil || len(pairs) != 100_000 {
			b.Fatal(len(pairs), err)
		}
	}
}

const watchers = 50

// BenchmarkFollow50 has 50 instances follow a realm, and reports how late they are told of a commit.
func BenchmarkFollow50(b *testing.B) {
	addr := server(b)
	writer := open(b, addr)
	c := store.Commit{ID: "first", Ops: []store.Op{{Key: "k", Value: []byte("v")}}}
	head, err := writer.Commit(b.Context(), store.Shared, store.Head{}, c)
	if err != nil {
		b.Fatal(err)
	}
	var stores [watchers]*consul.Store
	for i := range stores {
		stores[i] = open(b, addr)
	}
	late(b, func(i int, after uint64) (uint64, error) {
		commits, at, err := stores[i].Changes(b.Context(), store.Shared, store.Rev(after), time.Minute)
		if err == nil && len(commits) == 0 {
			err = fmt.Errorf("no commit")
		}
		return uint64(at.Rev), err
	}, uint64(head.Rev), func(i int) error {
		c := store.Commit{ID: fmt.Sprint("c", i), Ops: []store.Op{{Key: "k", Was: head.Rev, Value: []byte(fmt.Sprint(i))}}}
		head, err = writer.Commit(b.Context(), store.Shared, head, c)
		return err
	})
}

// BenchmarkWatch50 is the same for 50 of Consul's own clients and one key.
func BenchmarkWatch50(b *testing.B) {
	addr := server(b)
	writer := plainClient(b, addr)
	put := func(i int) error {
		_, err := writer.KV().Put(&api.KVPair{Key: "k", Value: []byte(fmt.Sprint(i))}, nil)
		return err
	}
	if err := put(-1); err != nil {
		b.Fatal(err)
	}
	first, _, err := writer.KV().Get("k", nil)
	if err != nil {
		b.Fatal(err)
	}
	var clients [watchers]*api.Client
	for i := range clients {
		clients[i] = plainClient(b, addr)
	}
	late(b, func(i int, after uint64) (uint64, error) {
		p, _, err := clients[i].KV().Get("k", (&api.QueryOptions{WaitIndex: after, WaitTime: time.Minute}).WithContext(b.Context()))
		if err != nil {
			return 0, err
		}
		return p.ModifyIndex, nil
	}, first.ModifyIndex, put)
}

// late has all watchers wait, writes, and reports when they were told, after the write began.
func late(b *testing.B, wait func(i int, after uint64) (uint64, error), at uint64, write func(i int) error) {
	var all []time.Duration
	n := 0
	for b.Loop() {
		var wg sync.WaitGroup
		var told [watchers]time.Time
		var reached [watchers]uint64
		for i := range watchers {
			wg.Go(func() {
				next, err := wait(i, at)
				if err != nil {
					b.Error(err)
				}
				told[i], reached[i] = time.Now(), next
			})
		}
		time.Sleep(100 * time.Millisecond) // until they wait, so that none finds it done
		began := time.Now()
		n++
		if err := write(n); err != nil {
			b.Fatal(err)
		}
		wg.Wait()
		for i := range told {
			if n > 1 { // the first time they connect
				all = append(all, told[i].Sub(began))
			}
		}
		at = reached[0]
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-us")
}

// fill writes n items of 300 bytes.
func fill(b *testing.B, s *consul.Store, n int) store.Head {
	b.Helper()
	value := []byte(strings.Repeat("v", 300))
	var head store.Head
	for i := 0; i < n; {
		c := store.Commit{ID: fmt.Sprint(i)}
		for len(c.Ops) < store.MaxOps && i < n {
			c.Ops = append(c.Ops, store.Op{Key: fmt.Sprintf("subscription/%06d", i), Value: value})
			i++
		}
		var err error
		if head, err = s.Commit(b.Context(), "r", head, c); err != nil {
			b.Fatal(err)
		}
	}
	return head
}
