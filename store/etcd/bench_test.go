package etcd_test

import (
	"fmt"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/etcd"
)

// Each benchmark of the store stands beside one of what etcd's own client needs for the least that could do the same.

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
	value := strings.Repeat("v", 300)
	rev := int64(0)
	for b.Loop() {
		r, err := c.Txn(b.Context()).If(clientv3.Compare(clientv3.ModRevision("k"), "=", rev)).Then(clientv3.OpPut("k", value)).Commit()
		if err != nil || !r.Succeeded {
			b.Fatal(r, err)
		}
		rev = r.Header.Revision
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
	endpoint := server(b)
	fill(b, open(b, endpoint), 600)
	c := plainClient(b, endpoint)
	for b.Loop() {
		if r, err := c.Get(b.Context(), "/event-gateway/v1/heads/r"); err != nil || len(r.Kvs) != 1 {
			b.Fatal(r, err)
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

func BenchmarkRange100k(b *testing.B) {
	endpoint := server(b)
	fill(b, open(b, endpoint), 100_000)
	c := plainClient(b, endpoint)
	for b.Loop() {
		r, err := c.Get(b.Context(), "/event-gateway/v1/records/r/", clientv3.WithPrefix())
		if err != nil || len(r.Kvs) != 100_000 {
			b.Fatal(err)
		}
	}
}

// fill writes n items of 300 bytes.
func fill(b *testing.B, s *etcd.Store, n int) store.Head {
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
