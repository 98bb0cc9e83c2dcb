package etcd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/event-gateway/event-gateway/app/embed"
	"github.com/event-gateway/event-gateway/store"
)

// hookedKV counts the requests that read, and calls a hook after each transaction.
type hookedKV struct {
	clientv3.KV
	reads atomic.Int64
	after func()
}

func (k *hookedKV) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	k.reads.Add(1)
	return k.KV.Get(ctx, key, opts...)
}

func (k *hookedKV) Txn(ctx context.Context) clientv3.Txn {
	k.reads.Add(1)
	return hookedTxn{k.KV.Txn(ctx), k}
}

type hookedTxn struct {
	clientv3.Txn
	kv *hookedKV
}

func (t hookedTxn) Then(ops ...clientv3.Op) clientv3.Txn { return hookedTxn{t.Txn.Then(ops...), t.kv} }

func (t hookedTxn) Commit() (*clientv3.TxnResponse, error) {
	r, err := t.Txn.Commit()
	if t.kv.after != nil {
		t.kv.after()
	}
	return r, err
}

// hooked returns a store whose requests pass through a hookedKV, and the plain client.
func hooked(t *testing.T) (*Store, *hookedKV, clientv3.KV) {
	t.Helper()
	server, err := embed.Start(t.Context(), embed.Options{DataDir: t.TempDir(), UnsafeNoFsync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	s, err := Open(Options{Endpoints: []string{server.Endpoint()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	c, err := s.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	plain := c.KV
	kv := &hookedKV{KV: plain}
	c.KV = kv
	return s, kv, plain
}

func fill(t *testing.T, s *Store, n int) (head store.Head) {
	t.Helper()
	var ops []store.Op
	for i := range n {
		ops = append(ops, store.Op{Key: fmt.Sprint(i), Value: []byte("v")})
	}
	for chunk := range slices.Chunk(ops, store.MaxOps) {
		var err error
		if head, err = s.Commit(t.Context(), "r", head, store.Commit{ID: "id", Ops: chunk}); err != nil {
			t.Fatal(err)
		}
	}
	return head
}

func TestLoadMeetsCompaction(t *testing.T) {
	t.Parallel()
	s, kv, plain := hooked(t)
	want := fill(t, s, firstPage+200)
	compactions := 0
	kv.after = func() { // what the next page is of is gone
		if compactions--; compactions < 0 {
			return
		}
		r, err := plain.Put(t.Context(), "other", "v")
		if err == nil {
			_, err = plain.Compact(t.Context(), r.Header.Revision)
		}
		if err != nil {
			t.Error(err)
		}
	}
	compactions = loadTries - 1
	if items, head, err := s.Load(t.Context(), "r"); len(items) != firstPage+200 || head != want || err != nil {
		t.Errorf("got %d items, %v, %v; want %v", len(items), head, err, want)
	}
	compactions = 1000
	if _, _, err := s.Load(t.Context(), "r"); !errors.Is(err, rpctypes.ErrCompacted) {
		t.Errorf("with endless compactions: got %v", err)
	}
}

func TestQuietWaitReadsOnce(t *testing.T) {
	t.Parallel()
	s, kv, _ := hooked(t)
	head := fill(t, s, 1)
	known := map[store.Realm]store.Rev{"r": head.Rev, "nobodys": 0}
	wait := func() {
		t.Helper()
		if commits, got, err := s.Changes(t.Context(), "r", head.Rev, 50*time.Millisecond); len(commits) != 0 || got != head || err != nil {
			t.Fatalf("got %v, %v, %v; want %v", commits, got, err, head)
		}
		if moved, err := s.Heads(t.Context(), known, 50*time.Millisecond); len(moved) != 0 || err != nil {
			t.Fatalf("got %v, %v", moved, err)
		}
	}
	deadline := time.Now().Add(20 * time.Second)
	for reads := int64(0); reads != 2; { // the first ones find the watch not running yet
		if time.Now().After(deadline) {
			t.Fatalf("after 20 s: %d requests at the end of two waits in which nothing happened, want 2", reads)
		}
		before := kv.reads.Load()
		wait()
		reads = kv.reads.Load() - before
	}
	other, err := Open(s.options)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	// The watch brings a commit with its head; only a large one is read.
	for _, value := range [][]byte{[]byte("w"), make([]byte, 4<<10)} {
		before := kv.reads.Load()
		c := store.Commit{ID: fmt.Sprint("id", len(value)), Ops: []store.Op{{Key: "0", Was: head.Rev, Value: value}}}
		type result struct {
			commits []store.Commit
			head    store.Head
			err     error
		}
		woken := make(chan result)
		go func() {
			commits, at, err := s.Changes(t.Context(), "r", head.Rev, time.Minute)
			woken <- result{commits, at, err}
		}()
		next, err := other.Commit(t.Context(), "r", head, c)
		if err != nil {
			t.Fatal(err)
		}
		got := <-woken
		if got.err != nil || got.head != next || len(got.commits) != 1 || got.commits[0].ID != c.ID || !bytes.Equal(got.commits[0].Ops[0].Value, value) {
			t.Errorf("%d bytes: got %d commits at %v, %v", len(value), len(got.commits), got.head, got.err)
		}
		if n, large := kv.reads.Load()-before, len(value) > 1; n > 1 || (n == 1) != large {
			t.Errorf("%d requests for one change of %d bytes", n, len(value))
		}
		head = next
	}
}

func TestLeaseIsReplaced(t *testing.T) {
	t.Parallel()
	s, _, _ := hooked(t)
	first, err1 := s.currentLease(t.Context())
	again, err2 := s.currentLease(t.Context())
	s.lease.granted = s.lease.granted.Add(-store.LogAge)
	next, err3 := s.currentLease(t.Context())
	if first != again || first == next || err1 != nil || err2 != nil || err3 != nil {
		t.Errorf("got %x, %x, and when too old %x; %v, %v, %v", first, again, next, err1, err2, err3)
	}
}
