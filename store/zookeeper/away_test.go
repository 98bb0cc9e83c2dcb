package zookeeper_test

import (
	"context"
	"errors"
	"log/slog"
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
	storetest.Restart(t, storetest.Server{
		Name: "ZooKeeper",
		Open: func(timeout time.Duration, log *slog.Logger) store.Database {
			return openWith(t, zookeeper.Options{Endpoints: cluster.Addrs(), Timeout: timeout, Logger: log})
		},
		Kill:  func() { cluster.Members[0].Kill(t) },
		Start: func() { cluster.Members[0].Start(t); cluster.WaitReady(t) },
	})
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
		storetest.Eventually(t, "the database is found", func() bool {
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
	w := &storetest.Writer{T: t}
	f := storetest.Follow(t, s)
	w.Commit(s, 1)
	f.Reaches(w)
	p.Hang()
	storetest.Away(t, s, w.Head.Rev, timeout, "")
	begin := time.Now()
	_, _, err := s.Changes(t.Context(), "r", 1, time.Minute)
	if took := time.Since(begin); err == nil || took > 10*time.Second {
		t.Errorf("after %v: got %v, want an error within 10 seconds", took, err)
	}
	w.Commit(open(t, addr), 3)
	time.Sleep(3 * time.Second) // the session is over
	p.Heal()
	begin = time.Now()
	f.Reaches(w)
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
		storetest.Eventually(t, "the database is found", func() bool {
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

func TestBreaks(t *testing.T) {
	t.Parallel()
	storetest.Breaks(t, func(t *testing.T) storetest.Break {
		addr := server(t)
		plain, way := plainClient(t, addr), servers.NewProxy(t, addr)
		return storetest.Break{
			Near: func() store.Store { return open(t, addr) },
			Far:  func() store.Store { return open(t, way.Addr()) },
			Cut:  way.Cut,
			Heal: way.Heal,
			Spoil: func() {
				remove(t, plain, root+"log/_")
				for path, value := range map[string]string{
					"records/_/0d4/noslash": "x", "records/_/0b3/functions%2Fdefault%2Fg": "x", "records/_/stray": "x", "i": "x", "log/_/x": "{",
				} {
					put(t, plain, root+path, value)
				}
			},
		}
	})
}
