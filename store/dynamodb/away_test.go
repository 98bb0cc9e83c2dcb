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
	storetest.Restart(t, storetest.Server{
		Name: "dynamodb",
		Open: func(timeout time.Duration, log *slog.Logger) store.Database {
			o := options(server.URL())
			o.Timeout, o.Logger = timeout, log
			return openWith(t, o)
		},
		Kill:  server.Kill,
		Start: server.Start,
	})
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
	storetest.Eventually(t, "the table is missed", func() bool {
		_, _, err := s.Load(t.Context(), "r")
		return errors.Is(err, store.ErrUnusable)
	})
	server.CreateTable(table)
	if _, _, err := s.Load(t.Context(), "r"); err != nil {
		t.Error(err)
	}
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
	storetest.Eventually(t, "all connections are closed", func() bool { return count() == 0 })
}
