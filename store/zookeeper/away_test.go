package zookeeper_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
	"github.com/event-gateway/event-gateway/store/zookeeper"
)

const (
	timeout = time.Second // of a request, in these tests
	long    = time.Minute // a wait that must not be waited for to its end
)

func TestRestart(t *testing.T) {
	t.Parallel()
	cluster := servers.ZooKeeper(t, 1)
	server := cluster.Members[0]
	var logged storetest.Buffer
	s := openWith(t, zookeeper.Options{
		Endpoints: []string{server.Addr()}, Timeout: timeout,
		Logger: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	w := &writer{t: t}
	f := startFollower(t, s)
	defer f.stop()

	w.commit(s, 3)
	f.reaches(w)
	for round := range 2 {
		server.Kill(t)
		failsSoon(t, s)
		eventually(t, "the follower is told", func() bool { return f.failures() > round })

		server.Start(t)
		cluster.WaitReady(t)
		w.commit(open(t, server.Addr()), 50)
		f.reaches(w)
		w.commit(open(t, server.Addr()), 1)
		f.reaches(w)
	}
	for _, line := range []string{"ZooKeeper is away", "ZooKeeper is back"} {
		eventually(t, line+" is logged twice", func() bool { return strings.Count(logged.String(), line) >= 2 })
	}
}

// failsSoon checks that each call fails while the database is away, well before its wait is over.
func failsSoon(t *testing.T, s *zookeeper.Store) {
	t.Helper()
	fails := func(name string, call func() error) {
		t.Helper()
		begin := time.Now()
		err := call()
		if err == nil || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrTrimmed) || errors.Is(err, store.ErrUnusable) {
			t.Errorf("%s: got %v, want the database to be away", name, err)
		}
		if took := time.Since(begin); took > timeout+3*time.Second {
			t.Errorf("%s: failed after %v", name, took)
		}
	}
	fails("Load", func() error { _, _, err := s.Load(t.Context(), "r"); return err })
	fails("Changes", func() error { _, _, err := s.Changes(t.Context(), "r", 3, 0); return err })
	fails("Changes, waiting", func() error { _, _, err := s.Changes(t.Context(), "r", 3, time.Minute); return err })
	fails("Heads", func() error { _, err := s.Heads(t.Context(), map[store.Realm]store.Rev{"r": 0}, 0); return err })
	fails("Heads, waiting", func() error {
		_, err := s.Heads(t.Context(), map[store.Realm]store.Rev{"r": 0}, time.Minute)
		return err
	})
	fails("Commit", func() error { _, err := s.Commit(t.Context(), "r", store.Head{}, commit("k", 0)); return err })
	fails("Inspect", func() error { _, err := s.Inspect(t.Context()); return err })
	fails("Realms", func() error { _, err := s.Realms(t.Context()); return err })
}

func TestStartsBeforeItsDatabase(t *testing.T) {
	t.Parallel()
	server := servers.ZooKeeper(t, 1).Members[0]
	server.Kill(t)
	var stores []*zookeeper.Store
	for _, user := range []string{"", "user"} {
		endpoints := []string{"no-such-host.invalid:2181", server.Addr()}
		s := openWith(t, zookeeper.Options{Endpoints: endpoints, Timeout: timeout, Username: user, Password: user})
		stores = append(stores, s)
		begin := time.Now()
		_, _, err := s.Load(t.Context(), "r")
		if took := time.Since(begin); took < timeout || took > 15*time.Second {
			t.Errorf("failed after %v, want %v", took, timeout)
		}
		want := "ZooKeeper at no-such-host.invalid:2181," + server.Addr() + " does not answer: dial tcp"
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") || errors.Is(err, store.ErrUnusable) {
			t.Errorf("user %q: got %v, want %s...", user, err, want)
		}
	}
	impatient, cancel := context.WithTimeout(t.Context(), timeout/10)
	defer cancel()
	if _, _, err := stores[0].Load(impatient, "r"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller whose own time is over: got %v", err)
	}
	server.Start(t)
	for _, s := range stores {
		eventually(t, "the database is found", func() bool {
			_, _, err := s.Load(t.Context(), "r")
			return err == nil
		})
	}
}

// TestSilence cuts the connection so that neither side is told, for longer than the session lasts: so it is for a process that is frozen.
func TestSilence(t *testing.T) {
	t.Parallel()
	addr := server(t)
	p := servers.NewProxy(t, addr)
	s := openWith(t, zookeeper.Options{Endpoints: []string{p.Addr()}, Timeout: timeout, Session: 2 * time.Second})
	w := &writer{t: t}
	f := startFollower(t, s)
	defer f.stop()
	w.commit(s, 1)
	f.reaches(w)
	p.Hang()
	failsSoon(t, s)
	begin := time.Now()
	_, _, err := s.Changes(t.Context(), "r", 1, time.Minute)
	if took := time.Since(begin); err == nil || took > 10*time.Second {
		t.Errorf("after %v: got %v, want an error within 10 seconds", took, err)
	}
	w.commit(open(t, addr), 3)
	time.Sleep(3 * time.Second) // the session is over
	p.Heal()
	begin = time.Now()
	f.reaches(w)
	t.Logf("the follower is there %v after the heal", time.Since(begin))

	// Closing does not wait for a server that does not answer.
	other := openWith(t, zookeeper.Options{Endpoints: []string{p.Addr()}})
	if _, _, err := other.Load(t.Context(), "r"); err != nil {
		t.Fatal(err)
	}
	p.Hang()
	begin = time.Now()
	other.Close()
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("Close took %v", took)
	}
}

// TestManyCallsWhileAway: each ends in time, and they leave nothing behind that would hold up those that come later.
func TestManyCallsWhileAway(t *testing.T) {
	t.Parallel()
	p := servers.NewProxy(t, server(t))
	s := openWith(t, zookeeper.Options{Endpoints: []string{p.Addr()}, Timeout: timeout / 4})
	found := func() {
		t.Helper()
		eventually(t, "the database is found", func() bool {
			_, _, err := s.Load(t.Context(), "r")
			return err == nil
		})
	}
	found()
	for _, away := range []func(){p.Hang, p.Cut} {
		away()
		for range 5 {
			var calls sync.WaitGroup
			for range 500 {
				calls.Go(func() {
					begin := time.Now()
					if _, _, err := s.Load(t.Context(), "r"); err == nil {
						t.Error("Load: no error")
					}
					if took := time.Since(begin); took > 5*time.Second {
						t.Errorf("Load took %v", took)
					}
				})
			}
			calls.Wait()
		}
		p.Heal()
		found()
	}
}

// writer commits to realm r.
type writer struct {
	t    *testing.T
	head store.Head
	ids  []string
}

func commit(key string, was store.Rev) store.Commit {
	return store.Commit{ID: "id", Ops: []store.Op{{Key: key, Was: was, Value: []byte("v")}}}
}

func (w *writer) commit(s *zookeeper.Store, n int) {
	w.t.Helper()
	for range n {
		c := commit("k", w.head.Rev)
		c.ID = "id-" + w.head.String()
		head, err := s.Commit(w.t.Context(), "r", w.head, c)
		if err != nil {
			w.t.Fatal(err)
		}
		w.head, w.ids = head, append(w.ids, c.ID)
	}
}

// follower waits for changes of realm r, again and again.
type follower struct {
	t      *testing.T
	cancel context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	ids    []string
	failed int
}

func startFollower(t *testing.T, s *zookeeper.Store) *follower {
	ctx, cancel := context.WithCancel(t.Context())
	f := &follower{t: t, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(f.done)
		after := store.Rev(0)
		for ctx.Err() == nil {
			commits, head, err := s.Changes(ctx, "r", after, time.Minute)
			if err == nil {
				after = head.Rev
			}
			f.mu.Lock()
			for _, c := range commits {
				f.ids = append(f.ids, c.ID)
			}
			if err != nil {
				f.failed++
			}
			f.mu.Unlock()
		}
	}()
	return f
}

func (f *follower) stop() {
	f.cancel()
	<-f.done
}

func (f *follower) failures() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// reaches waits until the follower has all commits of the writer, each once and in order.
func (f *follower) reaches(w *writer) {
	f.t.Helper()
	eventually(f.t, "the follower has all commits", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.Equal(f.ids, w.ids)
	})
}
