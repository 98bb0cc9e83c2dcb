package zookeeper_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/zookeeper"
)

// Each benchmark of the store stands beside one of what zk's own client needs for the least that could do the same.

func BenchmarkCommit(b *testing.B) {
	benchmarkCommit(b, func(int) string { return "k" })
}

func BenchmarkCommitNew(b *testing.B) {
	benchmarkCommit(b, func(i int) string { return fmt.Sprint(i) })
}

func benchmarkCommit(b *testing.B, key func(i int) string) {
	s := open(b, server(b))
	value := []byte(strings.Repeat("v", 300))
	var head store.Head
	written := make(map[string]store.Rev)
	i := 0
	loop(b, func() error {
		i++
		key := key(i)
		c := store.Commit{ID: fmt.Sprint(i), Ops: []store.Op{{Key: key, Was: written[key], Value: value}}}
		next, err := s.Commit(b.Context(), "r", head, c)
		head, written[key] = next, next.Rev
		return err
	})
}

func BenchmarkMulti(b *testing.B) {
	c := plainClient(b, server(b))
	value := []byte(strings.Repeat("v", 300))
	create(b, c, "/k", value)
	version := int32(0)
	loop(b, func() error {
		_, err := c.Multi(&zk.SetDataRequest{Path: "/k", Data: value, Version: version})
		version++
		return err
	})
}

func BenchmarkChangesNothing(b *testing.B) {
	s := open(b, server(b))
	head := fill(b, s, 600)
	loop(b, func() error {
		commits, _, err := s.Changes(b.Context(), "r", head.Rev, 0)
		if len(commits) != 0 {
			b.Fatal(commits)
		}
		return err
	})
}

// BenchmarkSyncGet is what ZooKeeper calls a read that is not stale; it may be, see session.catchUp.
func BenchmarkSyncGet(b *testing.B) {
	addr := server(b)
	fill(b, open(b, addr), 600)
	c := plainClient(b, addr)
	loop(b, func() error {
		if _, err := c.Sync("/event-gateway/v1/heads/r"); err != nil {
			return err
		}
		_, _, err := c.Get("/event-gateway/v1/heads/r")
		return err
	})
}

// loop measures f once the server is warm: Java compiles what it has done often.
func loop(b *testing.B, f func() error) {
	b.Helper()
	for range 3000 {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
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

// BenchmarkGet100k knows the names already, and has as many requests under way as Load.
func BenchmarkGet100k(b *testing.B) {
	addr := server(b)
	fill(b, open(b, addr), 100_000)
	c := plainClient(b, addr)
	var paths []string
	parents, _, err := c.Children("/event-gateway/v1/records/r")
	if err != nil {
		b.Fatal(err)
	}
	for _, parent := range parents {
		parent = "/event-gateway/v1/records/r/" + parent
		names, _, err := c.Children(parent)
		if err != nil {
			b.Fatal(err)
		}
		for _, name := range names {
			paths = append(paths, parent+"/"+name)
		}
	}
	for b.Loop() {
		var next atomic.Int64
		var readers sync.WaitGroup
		for range 128 {
			readers.Go(func() {
				for i := next.Add(1) - 1; int(i) < len(paths); i = next.Add(1) - 1 {
					if _, _, err := c.Get(paths[i]); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		readers.Wait()
	}
}

// fill writes n items of 300 bytes.
func fill(b *testing.B, s *zookeeper.Store, n int) store.Head {
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

func create(t testing.TB, c *zk.Conn, path string, value []byte) {
	t.Helper()
	if _, err := c.Create(path, value, 0, zk.WorldACL(zk.PermAll)); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

const instances = 50

// BenchmarkTold measures how long it takes from a commit's begin until each of 50 instances that wait has it.
func BenchmarkTold(b *testing.B) {
	addr := server(b)
	writer := open(b, addr)
	head := fill(b, writer, 1)
	told := make(chan time.Time, instances)
	ctx, cancel := context.WithCancel(b.Context())
	var readers sync.WaitGroup
	defer readers.Wait()
	defer cancel()
	for range instances {
		s := open(b, addr)
		readers.Go(func() {
			for after := head.Rev; ctx.Err() == nil; {
				commits, head, err := s.Changes(ctx, "r", after, time.Minute)
				if err == nil && len(commits) > 0 {
					after = head.Rev
					told <- time.Now()
				}
			}
		})
	}
	i := 0
	commitAndWait(b, told, func() {
		i++
		c := store.Commit{ID: fmt.Sprint(i), Ops: []store.Op{{Key: "k", Was: 0, Value: []byte(strings.Repeat("v", 300))}}}
		if i > 1 {
			c.Ops[0].Was = head.Rev
		}
		var err error
		if head, err = writer.Commit(b.Context(), "r", head, c); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkWatch measures how long it takes from a put's begin until each of 50 clients has the value, which ZooKeeper's events do not bring.
func BenchmarkWatch(b *testing.B) {
	addr := server(b)
	writer := plainClient(b, addr)
	create(b, writer, "/k", nil)
	told := make(chan time.Time, instances)
	ctx, cancel := context.WithCancel(b.Context())
	var readers sync.WaitGroup
	defer readers.Wait()
	defer cancel()
	for range instances {
		c := plainClient(b, addr)
		_, _, event, err := c.GetW("/k")
		if err != nil {
			b.Fatal(err)
		}
		readers.Go(func() {
			for {
				select {
				case <-event:
				case <-ctx.Done():
					return
				}
				if _, _, event, err = c.GetW("/k"); err != nil {
					b.Error(err)
					return
				}
				told <- time.Now()
			}
		})
	}
	commitAndWait(b, told, func() {
		if _, err := writer.Set("/k", []byte(strings.Repeat("v", 300)), -1); err != nil {
			b.Fatal(err)
		}
	})
}

// commitAndWait reports the 99th percentile of how long after the begin of write the instances were told of it.
func commitAndWait(b *testing.B, told <-chan time.Time, write func()) {
	b.Helper()
	var took []time.Duration
	for b.Loop() {
		begin := time.Now()
		write()
		for range instances {
			took = append(took, (<-told).Sub(begin))
		}
		time.Sleep(10 * time.Millisecond) // until all wait again
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
