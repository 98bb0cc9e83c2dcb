package consul_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/consul"
	"github.com/event-gateway/event-gateway/store/storetest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

const timeout = 2 * time.Second // of a request, in these tests

func TestRestart(t *testing.T) {
	t.Parallel()
	cluster := servers.Consul(t, 1)
	member := cluster.Members[0]
	var logged storetest.Buffer
	log := slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := openWith(t, consul.Options{Endpoints: cluster.Addrs(), Timeout: timeout, Logger: log})
	w := &writer{t: t}
	f := startFollower(t, s)
	defer f.stop()

	w.commit(s, 3)
	f.reaches(w)
	for round := range 2 {
		member.Kill(t)
		failsSoon(t, s)
		eventually(t, "the follower is told", func() bool { return f.failures() > round })

		member.Start(t)
		cluster.WaitReady(t)
		w.commit(open(t, member.Addr()), 50)
		f.reaches(w)
		w.commit(open(t, member.Addr()), 1)
		f.reaches(w)
		for _, line := range []string{"consul is away", "consul is back"} {
			eventually(t, line+" is logged once more", func() bool { return strings.Count(logged.String(), line) == round+1 })
		}
	}
}

// failsSoon checks that each call fails while the database is away, well before its wait is over.
func failsSoon(t *testing.T, s *consul.Store) {
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
	known := map[store.Realm]store.Rev{"r": 0}
	fails("Load", func() error { _, _, err := s.Load(t.Context(), "r"); return err })
	fails("Changes", func() error { _, _, err := s.Changes(t.Context(), "r", 3, 0); return err })
	fails("Changes, waiting", func() error { _, _, err := s.Changes(t.Context(), "r", 3, time.Minute); return err })
	fails("Heads", func() error { _, err := s.Heads(t.Context(), known, 0); return err })
	fails("Heads, waiting", func() error { _, err := s.Heads(t.Context(), known, time.Minute); return err })
	fails("Commit", func() error { _, err := s.Commit(t.Context(), "r", store.Head{}, commit("k", 0)); return err })
	fails("Inspect", func() error { _, err := s.Inspect(t.Context()); return err })
	fails("Realms", func() error { _, err := s.Realms(t.Context()); return err })
}

func TestStartsBeforeItsDatabase(t *testing.T) {
	t.Parallel()
	cluster := servers.Consul(t, 1)
	member := cluster.Members[0]
	member.Kill(t)
	s := openWith(t, consul.Options{Endpoints: cluster.Addrs(), Timeout: timeout})
	_, _, err := s.Load(t.Context(), "r")
	if want := "consul at " + member.Addr() + " does not answer: "; err == nil || !strings.HasPrefix(err.Error(), want) ||
		!strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want %s...connection refused", err, want)
	}
	member.Start(t)
	eventually(t, "the database is found", func() bool {
		_, _, err := s.Load(t.Context(), "r")
		return err == nil
	})
}

// TestSilence cuts the connections so that neither side is told.
func TestSilence(t *testing.T) {
	t.Parallel()
	addr := server(t)
	p := servers.NewProxy(t, addr)
	s := openWith(t, consul.Options{Endpoints: []string{p.Addr()}, Timeout: timeout})
	w := &writer{t: t}
	w.commit(s, 1)
	if _, _, err := s.Changes(t.Context(), "r", 1, 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	p.Hang()
	impatient, cancel := context.WithTimeout(t.Context(), timeout/10)
	defer cancel()
	if _, _, err := s.Load(impatient, "r"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller whose own time is over: got %v", err)
	}
	begin := time.Now()
	_, _, err := s.Changes(t.Context(), "r", 1, time.Minute)
	if took := time.Since(begin); err == nil || took > 25*time.Second || !strings.Contains(err.Error(), "does not answer: nothing within 2s") {
		t.Errorf("after %v: got %v, want an error within 25 seconds", took, err)
	}
	p.Heal()
	w.commit(open(t, addr), 1)
	eventually(t, "the store is found again", func() bool {
		commits, _, err := s.Changes(t.Context(), "r", 1, time.Second)
		return err == nil && len(commits) == 1
	})
}

func TestCloseEndsCalls(t *testing.T) {
	t.Parallel()
	p := servers.NewProxy(t, server(t))
	s := openWith(t, consul.Options{Endpoints: []string{p.Addr()}, Timeout: time.Minute})
	p.Hang()
	got := make(chan error)
	go func() {
		_, _, err := s.Load(t.Context(), "r")
		got <- err
	}()
	time.Sleep(50 * time.Millisecond) // so that it is under way; if not, the test tests less
	s.Close()
	select {
	case err := <-got:
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the call goes on")
		<-got
	}
}
