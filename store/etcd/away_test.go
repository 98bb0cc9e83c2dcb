package etcd_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/event-gateway/event-gateway/app/embed"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/etcd"
	"github.com/event-gateway/event-gateway/store/storetest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

const timeout = 500 * time.Millisecond // of a request, in these tests

func TestRestart(t *testing.T) {
	t.Parallel()
	o := embed.Options{DataDir: t.TempDir(), ClientAddr: storetest.FreeAddr(t)}
	server := serve(t, o)
	storetest.Restart(t, storetest.Server{
		Name: "etcd",
		Open: func(timeout time.Duration, log *slog.Logger) store.Database {
			return openWith(t, etcd.Options{Endpoints: []string{o.ClientAddr}, Timeout: timeout, Logger: log})
		},
		Kill:    func() { server.Close() },
		Start:   func() { server = serve(t, o) },
		Compact: func() { compact(t, plainClient(t, o.ClientAddr)) },
	})
}

func TestStartsBeforeItsDatabase(t *testing.T) {
	t.Parallel()
	endpoint := storetest.FreeAddr(t)
	var stores []*etcd.Store
	for _, user := range []string{"", "user"} {
		s := openWith(t, etcd.Options{Endpoints: []string{endpoint}, Timeout: timeout, Username: user, Password: user})
		stores = append(stores, s)
		begin := time.Now()
		_, _, err := s.Load(t.Context(), "r")
		if took := time.Since(begin); took < timeout || took > 15*time.Second {
			t.Errorf("failed after %v, want %v", took, timeout)
		}
		if want := "etcd at " + endpoint + " does not answer: "; err == nil || !strings.HasPrefix(err.Error(), want) ||
			!strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "\n") {
			t.Errorf("user %q: got %v, want %s...connection refused", user, err, want)
		}
	}
	impatient, cancel := context.WithTimeout(t.Context(), timeout/10)
	defer cancel()
	if _, _, err := stores[0].Load(impatient, "r"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller whose own time is over: got %v", err)
	}
	serve(t, embed.Options{DataDir: t.TempDir(), ClientAddr: endpoint})
	for _, s := range stores {
		storetest.Eventually(t, "the database is found", func() bool {
			_, _, err := s.Load(t.Context(), "r")
			return err == nil
		})
	}
}

// TestSilence cuts the connection so that neither side is told.
func TestSilence(t *testing.T) {
	t.Parallel()
	p := servers.NewProxy(t, server(t))
	s := open(t, p.Addr())
	(&storetest.Writer{T: t}).Commit(s, 1)
	if _, _, err := s.Changes(t.Context(), "r", 1, 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	p.Hang()
	begin := time.Now()
	_, _, err := s.Changes(t.Context(), "r", 1, time.Minute)
	if took := time.Since(begin); err == nil || took > 25*time.Second {
		t.Errorf("after %v: got %v, want an error within 25 seconds", took, err)
	}
}

// TestBreaks has etcd compacted, too.
func TestBreaks(t *testing.T) {
	t.Parallel()
	storetest.Breaks(t, func(t *testing.T) storetest.Break {
		endpoint := server(t)
		plain, way := plainClient(t, endpoint), servers.NewProxy(t, endpoint)
		return storetest.Break{
			Near: func() store.Store { return open(t, endpoint) },
			Far:  func() store.Store { return open(t, way.Addr()) },
			Cut:  way.Cut,
			Heal: way.Heal,
			Spoil: func() {
				if _, err := plain.Delete(t.Context(), "/event-gateway/v1/log/_/", clientv3.WithPrefix()); err != nil {
					t.Fatal(err)
				}
				for key, value := range map[string]string{"records/_/noslash": "x", "records/_/functions/default/g": "x", "i": "x", "log/_/x": "{"} {
					if _, err := plain.Put(t.Context(), "/event-gateway/v1/"+key, value); err != nil {
						t.Fatal(err)
					}
				}
				compact(t, plain)
			},
		}
	})
}

// compact has etcd forget all revisions but the newest.
func compact(t *testing.T, plain *clientv3.Client) {
	t.Helper()
	r, err := plain.Get(t.Context(), "any")
	if err == nil {
		_, err = plain.Compact(t.Context(), r.Header.Revision, clientv3.WithCompactPhysical())
	}
	if err != nil {
		t.Fatal(err)
	}
}
