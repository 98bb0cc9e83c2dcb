package zookeeper

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

const maxRequest = 1<<20 - 1 // what ZooKeeper takes unless it is told otherwise

// TestLargestCommit: with the longest prefix and realm, the worst keys, all buckets new and entries of the log that go, a commit is a request that
// ZooKeeper takes.
func TestLargestCommit(t *testing.T) {
	t.Parallel()
	var largest atomic.Int64
	addr := measure(t, servers.ZooKeeper(t, 1).Members[0].Addr(), &largest)
	prefix, realm := "/"+strings.Repeat("p", maxPrefix-1), store.Realm(strings.Repeat("r", store.MaxKeyBytes))
	if _, err := Open(Options{Endpoints: []string{addr}, Prefix: prefix + "p"}); err == nil {
		t.Error("a longer prefix: no error")
	}
	s, err := Open(Options{Endpoints: []string{addr}, Prefix: prefix, Username: "user", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	head := fill(t, s, realm, store.Head{}, 4*trimEvery-1)
	s.logAge = -time.Hour // so twice as many entries go as come
	c := store.Commit{ID: "large"}
	for i := range store.MaxOps {
		key := strings.Repeat("\x01", store.MaxKeyBytes-4) + fmt.Sprintf("%04d", i)
		c.Ops = append(c.Ops, store.Op{Key: key, Value: make([]byte, store.MaxCommitBytes/store.MaxOps)})
	}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), realm, head, c); err != nil {
		t.Fatal(err)
	}
	if n := largest.Load(); n > maxRequest {
		t.Errorf("a request of %d bytes, want at most %d", n, maxRequest)
	}
	t.Logf("%d bytes", largest.Load())
}

// measure starts a proxy that notes how large the largest request is.
func measure(t *testing.T, to string, largest *atomic.Int64) string {
	t.Helper()
	return storetest.Forward(t, to, func(server io.Writer, client io.Reader) (int64, error) {
		for {
			head := make([]byte, 4)
			if _, err := io.ReadFull(client, head); err != nil {
				return 0, err
			}
			n := int64(binary.BigEndian.Uint32(head))
			largest.Store(max(n, largest.Load()))
			server.Write(head)
			if _, err := io.CopyN(server, client, n); err != nil {
				return 0, err
			}
		}
	}, io.Copy)
}

// TestLargestBucket: a realm of a million items, with the longest keys and those that grow most by escaping, has nodes whose names fill more than
// 1 MB.
func TestLargestBucket(t *testing.T) {
	t.Parallel()
	const most = 1100 // of a million items in one bucket, far more than the mean
	s := openStore(t)
	var ops []store.Op
	names := 0
	for i := 0; len(ops) < most; i++ {
		key := strings.Repeat("\x01", store.MaxKeyBytes-7) + fmt.Sprintf("%07d", i)
		if bucket(key) == "000" {
			ops = append(ops, store.Op{Key: key, Value: []byte("v")})
			names += len(escape(key))
		}
	}
	if names < maxRequest*3/2 {
		t.Fatalf("the test is wrong: %d bytes of names", names)
	}
	var head store.Head
	for i := 0; i < len(ops); i += store.MaxOps {
		var err error
		c := store.Commit{ID: fmt.Sprint(i), Ops: ops[i:min(i+store.MaxOps, len(ops))]}
		if head, err = s.Commit(t.Context(), "r", head, c); err != nil {
			t.Fatal(err)
		}
	}
	if items, at, err := s.Load(t.Context(), "r"); len(items) != most || at != head || err != nil {
		t.Errorf("got %d items at %v, %v; want %d at %v", len(items), at, err, most, head)
	}
}
