package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/memory"
	"github.com/event-gateway/event-gateway/store/storetest"
)

// bulky is a store that takes a while to be read whole.
type bulky struct {
	store.Store
	takes atomic.Int64 // in ns
	loads atomic.Int64
}

func (b *bulky) Load(ctx context.Context, realm store.Realm) ([]store.Item, store.Head, error) {
	b.loads.Add(1)
	select {
	case <-time.After(time.Duration(b.takes.Load())):
		return b.Store.Load(ctx, realm)
	case <-ctx.Done():
		return nil, store.Head{}, ctx.Err()
	}
}

// refused checks that a write that a rule refuses is refused by it, and at once.
func refused(t *testing.T, config *store.Config) {
	t.Helper()
	began := time.Now()
	_, err := config.DeleteFunction(t.Context(), "acme", "nowhere", nil)
	var e *store.Error
	if took := time.Since(began); !errors.As(err, &e) || e.Code != store.NotFound || took > 100*time.Millisecond {
		t.Errorf("%v after %v, want NotFound at once", err, took)
	}
}

// TestRestoredFurther: while a database that was set back and written to further is loaded, nothing is served that never was.
func TestRestoredFurther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before, after := memory.New(), memory.New()
		subscribe(t, before, store.Shared, "acme", "/a")
		subscribe(t, after, store.Shared, "acme", "/b")
		subscribe(t, after, store.Shared, "acme", "/c")
		r := &restorable{Store: before}
		s := &bulky{Store: r}
		i := newInstance(t, s)
		s.takes.Store(int64(4 * time.Second))
		r.mu.Lock()
		r.Store = after
		r.mu.Unlock()
		has := func() (now [3]bool) {
			for n, path := range []string{"/a", "/b", "/c"} {
				now[n] = routes(i.live.Snapshot(), path)
			}
			return now
		}
		for range 80 {
			if now := has(); now != [3]bool{true, false, false} && now != [3]bool{false, true, true} {
				t.Fatalf("of /a, /b and /c there are %v", now)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if now := has(); now != [3]bool{false, true, true} {
			t.Errorf("after the load there are %v", now)
		}
	})
}

// TestFileLoad: a load that is for the file alone holds up no write, and is no reason for another one.
func TestFileLoad(t *testing.T) {
	both(t, func(t *testing.T, hosted bool, realm store.Realm) {
		m := memory.New()
		s := &bulky{Store: m}
		k := keep(t, s, filepath.Join(t.TempDir(), "snapshot"), hosted)
		k.waitReady(t)
		subscribe(t, m, realm, "acme", "/a")
		config, err := k.Config(t.Context(), realm)
		if err != nil {
			t.Fatal(err)
		}
		resume := k.file.Stall()
		value, was := make([]byte, 1<<20), store.Rev(0)
		for n := range 20 {
			_, head, err := m.Load(t.Context(), realm)
			if err == nil {
				head, err = m.Commit(t.Context(), realm, head, store.Commit{ID: fmt.Sprint(n), Ops: []store.Op{{Key: "large", Was: was, Value: value}}})
			}
			if err != nil {
				t.Fatal(err)
			}
			was = head.Rev
			refused(t, config) // it has caught up then
		}
		resume()
		s.loads.Store(0)
		s.takes.Store(int64(4 * time.Second))
		for range 300 {
			refused(t, config)
			time.Sleep(time.Second)
		}
		if n, stats := s.loads.Load(), k.Stats(); n != 1 || stats.Mismatches > 0 || stats.Failures > 0 {
			t.Errorf("%d loads, want the one for the file; %+v", n, stats)
		}
	})
}

// TestMissedLarge: after a second miss, a realm that takes long to be loaded goes on being kept up by changes if they are right,
// and is loaded soon if they are not.
func TestMissedLarge(t *testing.T) {
	for name, mended := range map[string]bool{"changes": true, "load": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &faulty{Store: memory.New()}
				s := &bulky{Store: f}
				i, other := newInstance(t, s), newInstance(t, f.Store)
				s.takes.Store(int64(10 * time.Second))
				f.drop.Store(true)
				other.function(t, "acme", "one")
				time.Sleep(11 * time.Second)
				if i.live.Snapshot().Function("acme", "one") == nil {
					t.Fatal("the first miss was not made good")
				}
				other.function(t, "acme", "two")
				time.Sleep(10 * time.Millisecond)
				if i.live.Snapshot().Function("acme", "two") != nil {
					t.Fatal("there is no second miss")
				}
				if !mended {
					time.Sleep(21 * time.Second)
					if i.live.Snapshot().Function("acme", "two") == nil {
						t.Error("it was not loaded within 21 s")
					}
					return
				}
				f.drop.Store(false)
				refused(t, i.config)
				other.function(t, "acme", "three")
				time.Sleep(time.Second)
				for _, id := range []string{"two", "three"} {
					if i.live.Snapshot().Function("acme", id) == nil {
						t.Errorf("function %s did not arrive", id)
					}
				}
				if n := s.loads.Load(); n != 2 {
					t.Errorf("%d loads, want the first one and one for a miss", n)
				}
			})
		})
	}
}

// TestMissedIsNotAway: a store that leaves something out has answered, and is not called away.
func TestMissedIsNotAway(t *testing.T) {
	both(t, func(t *testing.T, hosted bool, realm store.Realm) {
		f := &faulty{Store: memory.New()}
		subscribe(t, f.Store, realm, "acme", "/a")
		logged := &storetest.Buffer{}
		rules := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil)
		r := store.NewRealms(f, rules, store.RealmsOptions{Hosted: hosted, Max: 10}, slog.New(slog.NewTextHandler(logged, nil)))
		defer run(r)()
		if err := r.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		request(t, r, realm, "/a")
		time.Sleep(time.Second)
		f.drop.Store(true)
		for n := range 20 {
			subscribe(t, f.Store, realm, "acme", fmt.Sprint("/b", n))
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		if !request(t, r, realm, "/b19") {
			t.Error("a route is missing")
		}
		if n := r.Stats().Failures; n > 0 || strings.Contains(logged.String(), "cannot be read") || strings.Contains(logged.String(), "is back") {
			t.Errorf("%d failures, and the log says\n%s", n, logged)
		}
		if !strings.Contains(logged.String(), "the snapshot missed a change") {
			t.Errorf("the log does not say what happened:\n%s", logged)
		}
	})
}
