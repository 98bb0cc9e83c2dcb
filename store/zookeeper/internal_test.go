package zookeeper

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

func openStore(t *testing.T) *Store {
	t.Helper()
	s, err := Open(Options{Endpoints: servers.ZooKeeper(t, 1).Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// fill makes n commits.
func fill(t *testing.T, s *Store, realm store.Realm, head store.Head, n int) store.Head {
	t.Helper()
	for range n {
		var err error
		c := store.Commit{ID: fmt.Sprint("id", head.Rev), Ops: []store.Op{{Key: "k", Was: head.Rev, Value: []byte("v")}}}
		if head, err = s.Commit(t.Context(), realm, head, c); err != nil {
			t.Fatal(err)
		}
	}
	return head
}

// logged returns the entries of a log.
func logged(t *testing.T, s *Store, realm store.Realm) map[string]bool {
	t.Helper()
	c, err := s.session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names, err := c.children(s.layout.log(realm))
	if err != nil {
		t.Fatal(err)
	}
	there := make(map[string]bool)
	for _, name := range names {
		there[name] = true
	}
	return there
}

func TestOldEntriesGo(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	head := fill(t, s, "r", store.Head{}, 3*trimStep)
	if n := len(logged(t, s, "r")); n != 3*trimStep {
		t.Fatalf("%d entries, want all %d, which are not old", n, 3*trimStep)
	}
	s.logAge = -time.Hour // so all are old
	want := 3 * trimStep
	for range 3 {
		head = fill(t, s, "r", head, trimEvery)
		want += trimEvery - trimStep
		if n := len(logged(t, s, "r")); n != want {
			t.Errorf("%d entries at revision %d, want %d", n, head.Rev, want)
		}
	}
	after := store.Rev(3 * trimStep)
	if commits, at, err := s.Changes(t.Context(), "r", after, 0); len(commits) != want || at != head || err != nil {
		t.Errorf("got %d commits, %v, %v", len(commits), at, err)
	}
	if _, _, err := s.Changes(t.Context(), "r", after-1, 0); !errors.Is(err, store.ErrTrimmed) {
		t.Errorf("got %v, want ErrTrimmed", err)
	}

	// Somebody has deleted more than one step, then deletes beside it, then makes an entry that cannot be deleted.
	c, err := s.session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	deleteUntil := func(last store.Rev) {
		for rev := after + 1; rev <= last; rev++ {
			if err := c.conn.Delete(s.layout.entry("r", rev), -1); err != nil && !errors.Is(err, zk.ErrNoNode) {
				t.Error(err)
			}
		}
	}
	s.logAge = store.LogAge
	head = fill(t, s, "r", head, 4*trimStep)
	deleteUntil(after + 2*trimStep)
	s.logAge = -time.Hour
	want = int(head.Rev-after) - 2*trimStep
	for range 4 {
		head = fill(t, s, "r", head, trimEvery)
		want += trimEvery
	}
	if want -= 2 * trimStep; len(logged(t, s, "r")) != want {
		t.Errorf("%d entries at revision %d, want %d", len(logged(t, s, "r")), head.Rev, want)
	}
	var stranger sync.WaitGroup
	stranger.Go(func() { deleteUntil(head.Rev - 10) })
	head = fill(t, s, "r", head, 4*trimEvery)
	stranger.Wait()
	s.logAge = store.LogAge
	head = fill(t, s, "r", head, trimEvery)
	for name := range logged(t, s, "r") {
		if _, err := c.conn.Create(s.layout.log("r")+"/"+name+"/below", nil, 0, s.acl()); err != nil {
			t.Fatal(err)
		}
	}
	s.logAge = -time.Hour
	head = fill(t, s, "r", head, 2*trimEvery)
	if commits, at, err := s.Changes(t.Context(), "r", head.Rev-10, 0); len(commits) != 10 || at != head || err != nil {
		t.Errorf("got %d commits, %v, %v", len(commits), at, err)
	}
}

// TestLargestTransaction: the worst keys, all buckets new, and entries that go.
func TestLargestTransaction(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	s.logAge = -time.Hour
	head := fill(t, s, "r", store.Head{}, 4*trimEvery-1)
	c := store.Commit{ID: "large"}
	for i := range store.MaxOps {
		key := strings.Repeat("\x01", store.MaxKeyBytes-4) + fmt.Sprintf("%04d", i)
		c.Ops = append(c.Ops, store.Op{Key: key, Value: make([]byte, store.MaxCommitBytes/store.MaxOps)})
	}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	head, err := s.Commit(t.Context(), "r", head, c)
	if err != nil {
		t.Fatal(err)
	}
	items, at, err := s.Load(t.Context(), "r")
	if len(items) != store.MaxOps+1 || at != head || err != nil {
		t.Errorf("got %d items, %v, %v", len(items), at, err)
	}
	if commits, _, err := s.Changes(t.Context(), "r", head.Rev-1, 0); len(commits) != 1 || len(commits[0].Ops) != store.MaxOps || err != nil {
		t.Errorf("got %v, %v", commits, err)
	}
}

// TestWatchForgets: what nobody waits for any more is not watched again, and if it is too much, the session goes.
func TestWatchForgets(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	head := fill(t, s, "gone", store.Head{}, 1)
	c, err := s.session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan error)
	reads := backend.Reads{Changes: s.changes, Wanted: true, Watch: func(ctx context.Context, seen *backend.Seen) error {
		w := &watcher{Store: s, session: c, seen: seen, watched: map[store.Realm]store.Rev{"gone": head.Rev}}
		_, err := w.watchWanted(ctx)
		c.note(zk.Event{Type: zk.EventNodeDataChanged, Path: s.layout.head("gone")})
		c.note(zk.Event{Type: zk.EventNodeDataChanged, Path: s.layout.head("r")})
		if err = errors.Join(err, w.watchFired(ctx)); err == nil && len(w.watched) != 1 {
			err = fmt.Errorf("watched are %v, want r", w.watched)
		}
		for i := range maxUnwanted + 1 {
			w.watched[store.Realm(fmt.Sprint(i))] = 0
		}
		if _, tooMany := w.watchWanted(ctx); tooMany == nil {
			err = errors.Join(err, errors.New("too many watches: no error"))
		}
		watched <- err
		<-ctx.Done()
		return ctx.Err()
	}}
	waits := backend.NewWaits(ctx, "ZooKeeper", reads, s.log)
	defer waits.Close()
	defer cancel()
	_, _, _ = waits.Changes(t.Context(), "r", 0, time.Millisecond) // starts the watch; its own read may meet the session that goes
	if err := <-watched; err != nil {
		t.Error(err)
	}
	<-c.lost
	if next, err := s.session(t.Context()); next == c || err != nil {
		t.Errorf("got %p, %v; want another session than %p", next, err, c)
	}
}
