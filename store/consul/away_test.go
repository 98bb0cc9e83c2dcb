package consul_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/consul"
	"github.com/event-gateway/event-gateway/store/storetest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

const timeout = 2 * time.Second // of a request, in these tests

func TestRestart(t *testing.T) {
	t.Parallel()
	cluster := servers.Consul(t, 1)
	storetest.Restart(t, storetest.Server{
		Name: "consul",
		Open: func(timeout time.Duration, log *slog.Logger) store.Database {
			return openWith(t, consul.Options{Endpoints: cluster.Addrs(), Timeout: timeout, Logger: log})
		},
		Kill:  func() { cluster.Members[0].Kill(t) },
		Start: func() { cluster.Members[0].Start(t); cluster.WaitReady(t) },
	})
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
	storetest.Eventually(t, "the database is found", func() bool {
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
	w := &storetest.Writer{T: t}
	w.Commit(s, 1)
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
	w.Commit(open(t, addr), 1)
	storetest.Eventually(t, "the store is found again", func() bool {
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

func TestBreaks(t *testing.T) {
	t.Parallel()
	storetest.Breaks(t, func(t *testing.T) storetest.Break {
		addr := server(t)
		plain, way := plainClient(t, addr).KV(), servers.NewProxy(t, addr)
		return storetest.Break{
			Near: func() store.Store { return open(t, addr) },
			Far: func() store.Store {
				return openWith(t, consul.Options{Endpoints: []string{way.Addr()}, Timeout: timeout})
			},
			Cut:  way.Cut,
			Heal: way.Heal,
			Spoil: func() {
				if _, err := plain.DeleteTree("event-gateway/v1/log/_/", nil); err != nil {
					t.Fatal(err)
				}
				for _, key := range []string{"records/_/00/noslash", "records/_/functions/default/g", "i", "log/_/x"} {
					if _, err := plain.Put(&api.KVPair{Key: "event-gateway/v1/" + key, Value: []byte("x")}, nil); err != nil {
						t.Fatal(err)
					}
				}
			},
		}
	})
}
