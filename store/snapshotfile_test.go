package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/memory"
	"github.com/event-gateway/event-gateway/store/storetest"
)

// keeper is a gateway with a snapshot file.
type keeper struct {
	*store.Realms
	file   *store.SnapshotFile
	rules  *store.Rules
	logged *storetest.Buffer
	stop   func()
}

func keep(t *testing.T, s store.Store, path string, hosted bool) *keeper {
	t.Helper()
	k := &keeper{logged: &storetest.Buffer{}, rules: store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil)}
	log := slog.New(slog.NewTextHandler(k.logged, nil))
	var err error
	if path != "" {
		if k.file, err = store.OpenSnapshotFile(path, "a-store", 10, log); err != nil {
			t.Fatal(err)
		}
	}
	k.Realms = store.NewRealms(s, k.rules, store.RealmsOptions{Hosted: hosted, Max: 10, File: k.file}, log)
	follow := run(k.Realms)
	k.stop = sync.OnceFunc(func() {
		follow()
		if err := k.file.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(k.stop)
	return k
}

func (k *keeper) waitReady(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := k.WaitReady(ctx); err != nil {
		t.Fatal("not ready:", err)
	}
}

func (k *keeper) count(line string) int { return strings.Count(k.logged.String(), line) }

// Commit is refused while the store is away.
func (s *counted) Commit(ctx context.Context, realm store.Realm, at store.Head, c store.Commit) (store.Head, error) {
	if s.away.Load() {
		return store.Head{}, errAway
	}
	return s.Store.Commit(ctx, realm, at, c)
}

// unsubscribe deletes a route, as another process does.
func unsubscribe(t *testing.T, s store.Store, realm store.Realm, space, path string) {
	t.Helper()
	rules := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil)
	live := store.NewLive(s, realm, rules, slog.New(slog.DiscardHandler))
	if err := live.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := "http,GET," + strings.ReplaceAll(path, "/", "%2F")
	if _, err := store.NewConfig(s, live, rules).DeleteSubscription(t.Context(), space, id, nil); err != nil {
		t.Fatal(err)
	}
}

// both runs a test in shared and in hosted mode, where the realm is acme.
func both(t *testing.T, test func(t *testing.T, hosted bool, realm store.Realm)) {
	for name, realm := range map[string]store.Realm{"shared": store.Shared, "hosted": "acme"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, name == "hosted", realm) })
		})
	}
}

// TestFileStart: a gateway that starts while its store is away serves what the file holds. Afterwards it is at what the store holds, whatever
// happened to that meanwhile, and a route that was there all the time never vanished.
func TestFileStart(t *testing.T) {
	for name, meanwhile := range map[string]func(t *testing.T, m *memory.Store, realm store.Realm) store.Store{
		"nothing": func(_ *testing.T, m *memory.Store, _ store.Realm) store.Store { return m },
		"changes": func(t *testing.T, m *memory.Store, realm store.Realm) store.Store {
			subscribe(t, m, realm, "acme", "/c")
			unsubscribe(t, m, realm, "acme", "/b")
			return m
		},
		"trimmed": func(t *testing.T, m *memory.Store, realm store.Realm) store.Store {
			unsubscribe(t, m, realm, "acme", "/b")
			m.Trim(realm, 100)
			return m
		},
		"older": func(t *testing.T, _ *memory.Store, realm store.Realm) store.Store {
			old := memory.New()
			subscribe(t, old, realm, "acme", "/a")
			return old
		},
		"another past, at the same revision": func(t *testing.T, _ *memory.Store, realm store.Realm) store.Store {
			other := memory.New()
			subscribe(t, other, realm, "acme", "/a")
			subscribe(t, other, realm, "acme", "/c")
			return other
		},
		"another past, further": func(t *testing.T, _ *memory.Store, realm store.Realm) store.Store {
			other := memory.New()
			subscribe(t, other, realm, "acme", "/c")
			subscribe(t, other, realm, "acme", "/a")
			subscribe(t, other, realm, "acme", "/d")
			return other
		},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, hosted bool, realm store.Realm) {
				path := filepath.Join(t.TempDir(), "snapshot")
				m := memory.New()
				s := &counted{Store: m}
				k := keep(t, s, path, hosted)
				k.waitReady(t)
				subscribe(t, s, realm, "acme", "/a")
				request(t, k.Realms, realm, "/a")
				time.Sleep(time.Minute)
				subscribe(t, s, realm, "acme", "/b")
				time.Sleep(10 * time.Minute)
				k.stop()

				s.away.Store(true)
				time.Sleep(time.Hour)
				s.reads()
				k = keep(t, s, path, hosted)
				k.waitReady(t)
				k.served(t, realm, "/a", "/b")
				time.Sleep(time.Minute)
				if n := k.count("what the snapshot file holds is served"); n != 1 || k.count("store cannot be read; trying again") != 1 || k.count("waiting") != 0 {
					t.Error(k.logged)
				}
				for live := range k.All() {
					if age := live.Age(); age < 61*time.Minute || age > 62*time.Minute {
						t.Errorf("it says that it is %v old", age)
					}
				}
				k.refuses(t, realm)
				watch := k.watch(realm, "/a")
				s.Store = meanwhile(t, m, realm)
				s.away.Store(false)
				time.Sleep(5 * time.Second)
				if n := watch(); n > 0 {
					t.Errorf("a route was gone for %d ms", n)
				}
				k.like(t, s, realm)
				for live := range k.All() {
					if live.Age() > time.Minute {
						t.Errorf("it says that it is %v old", live.Age())
					}
				}
				if k.count("store is back") != 1 {
					t.Error(k.logged)
				}
				// The file is at the same, and goes on from there.
				subscribe(t, s, realm, "acme", "/e")
				time.Sleep(time.Second)
				k.stop()
				s.away.Store(true)
				k = keep(t, s, path, hosted)
				k.waitReady(t)
				k.served(t, realm, "/a", "/e")
				s.away.Store(false)
				k.like(t, s, realm)
			})
		})
	}
}

func (k *keeper) served(t *testing.T, realm store.Realm, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if !request(t, k.Realms, realm, path) {
			t.Errorf("%s is not served", path)
		}
	}
}

// refuses checks that a write is answered with Unavailable.
func (k *keeper) refuses(t *testing.T, realm store.Realm) {
	t.Helper()
	config, err := k.Config(t.Context(), realm)
	if err != nil {
		t.Fatal(err)
	}
	if f, err := config.Function("acme", "f"); err != nil || f == nil {
		t.Error("a function cannot be read:", err)
	}
	f, err := k.rules.DecodeFunction([]byte(`{"functionId":"g","type":"http","provider":{"url":"http://localhost:1"}}`), "acme", "")
	if err == nil {
		_, err = config.CreateFunction(t.Context(), f)
	}
	var e *store.Error
	if !errors.As(err, &e) || e.Code != store.Unavailable {
		t.Errorf("a write ended with %v", err)
	}
}

// watch asks for a route each millisecond, and returns how often it was not there.
func (k *keeper) watch(realm store.Realm, path string) (stop func() int) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	gone := 0
	wg.Go(func() {
		for ; ctx.Err() == nil; time.Sleep(time.Millisecond) {
			u, err := k.Begin(ctx, realm)
			if err != nil || !routes(u.Snapshot(), path) {
				gone++
			}
		}
	})
	return func() int { cancel(); wg.Wait(); return gone }
}

// like checks that the realm is what the store has.
func (k *keeper) like(t *testing.T, s store.Store, realm store.Realm) {
	t.Helper()
	time.Sleep(5 * time.Second)
	u, err := k.Begin(t.Context(), realm)
	if err != nil {
		t.Fatal(err)
	}
	want := store.NewLive(s, realm, k.rules, slog.New(slog.DiscardHandler))
	if err := want.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if u.Snapshot().Head != want.Snapshot().Head {
		t.Errorf("it is at %v, the store at %v", u.Snapshot().Head, want.Snapshot().Head)
	}
	for _, path := range []string{"/a", "/b", "/c", "/d", "/e"} {
		if got, want := routes(u.Snapshot(), path), routes(want.Snapshot(), path); got != want {
			t.Errorf("%s is there: %t, in the store: %t", path, got, want)
		}
	}
}

// TestFileSilent: a store that does not even say that it is away holds up a start for a bounded time.
func TestFileSilent(t *testing.T) {
	both(t, func(t *testing.T, hosted bool, realm store.Realm) {
		path := filepath.Join(t.TempDir(), "snapshot")
		s := newCounted()
		subscribe(t, s, realm, "acme", "/a")
		k := keep(t, s, path, hosted)
		k.waitReady(t)
		k.served(t, realm, "/a")
		k.stop()
		s.hangs.Store(true)
		began := time.Now()
		k = keep(t, s, path, hosted)
		k.waitReady(t)
		ready := time.Since(began)
		k.served(t, realm, "/a")
		if took := time.Since(began); ready > 6*time.Second || took > ready {
			t.Errorf("it was ready after %v, and the first request was over after %v", ready, took)
		}
		s.hangs.Store(false)
	})
}

// TestFileOther: what the file does not hold is not served, and is said to be away rather than unknown.
func TestFileOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "snapshot")
		s := newCounted()
		subscribe(t, s, store.Shared, "acme", "/a")
		subscribe(t, s, "acme", "acme", "/a")
		k := keep(t, s, path, false)
		k.waitReady(t)
		k.stop()
		s.away.Store(true)
		k = keep(t, s, path, true) // the other layout
		time.Sleep(time.Minute)
		var e *store.Error
		if _, err := k.Begin(t.Context(), "acme"); !errors.As(err, &e) || e.Code != store.Unavailable {
			t.Errorf("got %v, want Unavailable", err)
		}
		if k.Ready() {
			t.Error("it is ready with nothing to serve")
		}
		s.away.Store(false)
		k.waitReady(t)
		k.served(t, "acme", "/a")
		k.stop()
		s.away.Store(true)
		k = keep(t, s, path, false)
		time.Sleep(time.Minute)
		k.served(t, store.Shared, "/a") // the other layout took nothing from it
	})
}

// TestFileCrowded: a realm that was let go comes from the file only if the store does not answer, and not because too many ask, or have no time.
func TestFileCrowded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newCounted()
		subscribe(t, s, "one", "one", "/a")
		subscribe(t, s, "two", "two", "/a")
		k := keep(t, s, filepath.Join(t.TempDir(), "snapshot"), true)
		r := store.NewRealms(s, k.rules, store.RealmsOptions{Hosted: true, Max: 1, File: k.file}, slog.New(slog.DiscardHandler))
		defer run(r)()
		if err := r.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		request(t, r, "one", "/a")
		time.Sleep(time.Second)
		request(t, r, "two", "/a") // makes the other go
		unsubscribe(t, s, "one", "one", "/a")
		unavailable := func(ctx context.Context, why string) {
			t.Helper()
			var e *store.Error
			if _, err := r.Begin(ctx, "one"); !errors.As(err, &e) || e.Code != store.Unavailable {
				t.Errorf("%s: got %v, want Unavailable", why, err)
			}
		}

		s.slow.Store(true)
		hurried, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		unavailable(hurried, "no time")
		time.Sleep(time.Second)

		var wg sync.WaitGroup
		for i := range 20 { // more than are asked at once
			wg.Go(func() { _, _ = r.Begin(t.Context(), realmName(i)) })
			synctest.Wait()
		}
		for i := range 1000 {
			wg.Go(func() { _, _ = r.Begin(t.Context(), realmName(100+i)) })
		}
		synctest.Wait()
		unavailable(t.Context(), "a crowd")
		wg.Wait()

		s.away.Store(true)
		if !request(t, r, "one", "/a") {
			t.Error("the store is away, and the file is not used")
		}
	})
}

// TestWaitsOnce: without a file the gateway waits for its store, and says so once.
func TestWaitsOnce(t *testing.T) {
	both(t, func(t *testing.T, hosted bool, realm store.Realm) {
		for _, path := range []string{"", filepath.Join(t.TempDir(), "empty")} {
			s := newCounted()
			subscribe(t, s, realm, "acme", "/a")
			s.away.Store(true)
			k := keep(t, s, path, hosted)
			time.Sleep(10 * time.Minute)
			if k.Ready() || k.count("\n") != 1 || k.count("waiting for the configuration store; the gateway is not ready") != 1 || k.count(errAway.Error()) != 1 {
				t.Error(k.Ready(), k.logged)
			}
			s.away.Store(false)
			k.waitReady(t)
			k.served(t, realm, "/a")
			time.Sleep(5 * time.Second)
			if k.count("\n") != 2 || k.count("the configuration store is back") != 1 {
				t.Error(k.logged)
			}
			k.stop()
		}
	})
}

// unloadable is a store that is too slow to be read whole, if told so.
type unloadable struct {
	store.Store
	slow  atomic.Bool
	loads atomic.Int64
}

func (u *unloadable) Load(ctx context.Context, realm store.Realm) ([]store.Item, store.Head, error) {
	if u.loads.Add(1); u.slow.Load() {
		return nil, store.Head{}, context.DeadlineExceeded
	}
	return u.Store.Load(ctx, realm)
}

// TestFileBehind: a file that lacks changes, as the disk was too slow, gets the whole realm again. It is followed all the time, also if that fails.
func TestFileBehind(t *testing.T) {
	both(t, func(t *testing.T, hosted bool, realm store.Realm) {
		path := filepath.Join(t.TempDir(), "snapshot")
		m := memory.New()
		s := &unloadable{Store: m}
		k := keep(t, s, path, hosted)
		k.waitReady(t)
		subscribe(t, m, realm, "acme", "/a")
		time.Sleep(time.Second)
		k.served(t, realm, "/a")
		resume := k.file.Stall()
		var live *store.Live
		for live = range k.All() {
		}
		value, was := make([]byte, 1<<20), store.Rev(0)
		for range 20 {
			_, head, err := m.Changes(t.Context(), realm, live.Snapshot().Head.Rev, 0)
			if err == nil {
				_, err = m.Commit(t.Context(), realm, head, store.Commit{ID: head.String(), Ops: []store.Op{{Key: "large", Was: was, Value: value}}})
			}
			if err == nil {
				err = live.CatchUp(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			was = live.Snapshot().Head.Rev
		}
		s.slow.Store(true)
		resume()
		s.loads.Store(0)
		for i := range 10 {
			added := fmt.Sprint("/b", i)
			subscribe(t, m, realm, "acme", added)
			time.Sleep(50 * time.Millisecond)
			k.served(t, realm, added)
			time.Sleep(time.Minute)
		}
		if n := s.loads.Load(); n < 3 || n > 10 {
			t.Errorf("%d loads for the file in ten minutes", n)
		}
		s.slow.Store(false)
		time.Sleep(2 * time.Minute)
		s.loads.Store(0)
		subscribe(t, m, realm, "acme", "/c")
		time.Sleep(5 * time.Minute)
		if n := s.loads.Load(); n != 0 {
			t.Errorf("%d loads though the file has all", n)
		}
		k.stop()
		away := &counted{Store: m}
		away.away.Store(true)
		k = keep(t, away, path, hosted)
		time.Sleep(time.Second)
		k.served(t, realm, "/a", "/b9", "/c")
	})
}
