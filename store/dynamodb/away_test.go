package dynamodb_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/dynamodb"
	"github.com/event-gateway/event-gateway/store/storetest"
	emulator "github.com/event-gateway/event-gateway/store/storetest/dynamodb"
)

func TestRestart(t *testing.T) {
	t.Parallel()
	server := start(t)
	var logged storetest.Buffer
	o := options(server.URL())
	o.Timeout = timeout
	o.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := openWith(t, o)
	w := &writer{t: t}
	f := startFollower(t, s)
	defer f.stop()

	w.commit(s, 3)
	f.reaches(w)
	for round := range 2 {
		server.Kill()
		failsSoon(t, s, "does not answer: ")
		eventually(t, "the follower is told", func() bool { return f.failures() > round })

		server.Start()
		w.commit(open(t, server.URL()), 50)
		f.reaches(w)
		w.commit(open(t, server.URL()), 1)
		f.reaches(w)
	}
	for _, line := range []string{"dynamodb is away", "dynamodb is back"} {
		eventually(t, line+" is logged twice", func() bool { return strings.Count(logged.String(), line) >= 2 })
	}
}

// failsSoon checks that each call fails while the database is away, well before its wait is over.
func failsSoon(t *testing.T, s *dynamodb.Store, why string) {
	t.Helper()
	fails := func(name string, call func() error) {
		t.Helper()
		begin := time.Now()
		err := call()
		if err == nil || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrTrimmed) || errors.Is(err, store.ErrUnusable) {
			t.Errorf("%s: got %v, want the database to be away", name, err)
		} else if !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %q", name, err, why)
		}
		if took := time.Since(begin); took > timeout+3*time.Second {
			t.Errorf("%s: failed after %v", name, took)
		}
	}
	fails("Inspect", func() error { _, err := s.Inspect(t.Context()); return err })
	fails("Realms", func() error { _, err := s.Realms(t.Context()); return err })
	fails("Load", func() error { _, _, err := s.Load(t.Context(), "r"); return err })
	fails("Changes", func() error { _, _, err := s.Changes(t.Context(), "r", 3, 0); return err })
	fails("Changes, waiting", func() error { _, _, err := s.Changes(t.Context(), "r", 3, time.Minute); return err })
	fails("Heads", func() error { _, err := s.Heads(t.Context(), map[store.Realm]store.Rev{"r": 0}, 0); return err })
	fails("Heads, waiting", func() error {
		_, err := s.Heads(t.Context(), map[store.Realm]store.Rev{"r": 0}, time.Minute)
		return err
	})
	fails("Commit", func() error { _, err := s.Commit(t.Context(), "r", store.Head{}, commit("k", 0)); return err })
}

// TestStartsBeforeItsDatabase: also before its table.
func TestStartsBeforeItsDatabase(t *testing.T) {
	t.Parallel()
	server := emulator.Start(t)
	server.Kill()
	s := impatient(t, server.URL())
	_, _, err := s.Load(t.Context(), "r")
	want := "the DynamoDB table gateway in eu-west-1 at " + server.URL() + " does not answer: dial tcp "
	if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.HasSuffix(err.Error(), "connection refused") {
		t.Errorf("got %v, want %s...connection refused", err, want)
	}
	ended, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if _, _, err := s.Load(ended, "r"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller whose own time is over: got %v", err)
	}
	server.Start()
	eventually(t, "the table is missed", func() bool {
		_, _, err := s.Load(t.Context(), "r")
		return errors.Is(err, store.ErrUnusable)
	})
	server.CreateTable(table)
	if _, _, err := s.Load(t.Context(), "r"); err != nil {
		t.Error(err)
	}
}

// TestFrozen: the database hangs and goes on, and so does the store.
func TestFrozen(t *testing.T) {
	t.Parallel()
	server := start(t)
	s := impatient(t, server.URL())
	w := &writer{t: t}
	f := startFollower(t, s)
	defer f.stop()
	w.commit(s, 1)
	f.reaches(w)
	server.Freeze()
	eventually(t, "the follower is told", func() bool { return f.failures() > 0 })
	server.Thaw()
	w.commit(s, 10)
	f.reaches(w)
}

// TestCloseHangsUp: no connection is left.
func TestCloseHangsUp(t *testing.T) {
	t.Parallel()
	to, err := url.Parse(start(t).URL())
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	open := make(map[net.Conn]bool)
	front := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(to))
	front.Config.ConnState = func(c net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		if open[c] = true; state == http.StateClosed {
			delete(open, c)
		}
	}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(open)
	}
	front.Start()
	defer front.Close()
	s, err := dynamodb.Open(options(front.URL))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, _, err := s.Load(t.Context(), "r"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if count() == 0 {
		t.Error("no connection was kept")
	}
	s.Close()
	eventually(t, "all connections are closed", func() bool { return count() == 0 })
}
