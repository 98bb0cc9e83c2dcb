package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/memory"
)

// counted is a store that counts what it is asked, and can be away.
type counted struct {
	store.Store
	loads, changes, heads atomic.Int64
	away                  atomic.Bool
	hangs                 atomic.Bool  // it does not even say that it is away
	slow                  atomic.Bool  // it takes 100 ms to answer
	broken                atomic.Value // of store.Realm: its changes cannot be read
	lame                  atomic.Value // of store.Realm: its changes take 20 s
	closed                atomic.Bool
}

// Close leaves the store open for others.
func (s *counted) Close() error { s.closed.Store(true); return nil }

var errAway = errors.New("the store is away")

func newCounted() *counted { return &counted{Store: memory.New()} }

func (s *counted) asked(ctx context.Context, n *atomic.Int64) error {
	n.Add(1)
	if s.slow.Load() {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	switch {
	case s.hangs.Load():
		<-ctx.Done()
		return ctx.Err()
	case s.away.Load():
		return errAway
	}
	return nil
}

func (s *counted) Load(ctx context.Context, realm store.Realm) ([]store.Item, store.Head, error) {
	if err := s.asked(ctx, &s.loads); err != nil {
		return nil, store.Head{}, err
	}
	return s.Store.Load(ctx, realm)
}

func (s *counted) Changes(ctx context.Context, realm store.Realm, after store.Rev, wait time.Duration) ([]store.Commit, store.Head, error) {
	if err := s.asked(ctx, &s.changes); err != nil {
		return nil, store.Head{}, err
	}
	if s.broken.Load() == realm {
		return nil, store.Head{}, errors.New("broken")
	}
	if s.lame.Load() == realm {
		time.Sleep(20 * time.Second)
	}
	return s.Store.Changes(ctx, realm, after, wait)
}

func (s *counted) Heads(ctx context.Context, known map[store.Realm]store.Rev, wait time.Duration) (map[store.Realm]store.Head, error) {
	if err := s.asked(ctx, &s.heads); err != nil {
		return nil, err
	}
	return s.Store.Heads(ctx, known, wait)
}

// reads returns how often the store was asked since the last call.
func (s *counted) reads() int64 { return s.loads.Swap(0) + s.changes.Swap(0) + s.heads.Swap(0) }

func newRealms(s store.Store, o store.RealmsOptions) *store.Realms {
	return store.NewRealms(s, store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil), o, slog.New(slog.DiscardHandler))
}

// subscribe makes a function and a route to it, as another process does.
func subscribe(t *testing.T, s store.Store, realm store.Realm, space, path string) {
	t.Helper()
	rules := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil)
	live := store.NewLive(s, realm, rules, slog.New(slog.DiscardHandler))
	if err := live.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	config := store.NewConfig(s, live, rules)
	if live.Snapshot().Function(space, "f") == nil {
		f, err := rules.DecodeFunction([]byte(`{"functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`), space, "")
		if err == nil {
			_, err = config.CreateFunction(t.Context(), f)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	sub, err := rules.DecodeSubscription(fmt.Appendf(nil, `{"event":"http","functionId":"f","method":"GET","path":%q}`, path), space)
	if err == nil {
		_, err = config.CreateSubscription(t.Context(), sub)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func routes(s *store.Snapshot, path string) bool {
	var r store.Route
	s.Route("GET", path, store.Plain, &r)
	return r.Sync != nil
}

// request is what a handler does with a realm. It says whether the path has a route, and whether it had to look twice.
func request(t *testing.T, r *store.Realms, realm store.Realm, path string) (found bool) {
	t.Helper()
	u, err := r.Begin(t.Context(), realm)
	if err != nil {
		t.Fatal(err)
	}
	defer u.End()
	s := u.Snapshot()
	if routes(s, path) {
		return true
	}
	newer := u.Newer(t.Context(), s)
	return newer != nil && routes(newer, path)
}

const staleness = 30 * time.Second

func frozen(s store.Store) (*store.Realms, *atomic.Int64) {
	redials := new(atomic.Int64)
	return newRealms(s, store.RealmsOptions{Frozen: &store.Frozen{MaxStaleness: staleness, Redial: func() { redials.Add(1) }}}), redials
}

// TestFrozenAge: the age of the snapshot says what a request does.
func TestFrozenAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newCounted()
		subscribe(t, s, store.Shared, "default", "/a")
		s.reads()
		r, _ := frozen(s)
		step := func(what string, reads int64, path string, found bool) {
			t.Helper()
			if got := request(t, r, store.Shared, path); got != found {
				t.Errorf("%s: the route was found: %t", what, got)
			}
			if got := s.reads(); got != reads {
				t.Errorf("%s: %d reads of the store, want %d", what, got, reads)
			}
		}
		step("the first request", 1, "/a", true)
		step("a young snapshot", 0, "/a", true)
		time.Sleep(1900 * time.Millisecond)
		step("a young snapshot", 0, "/a", true)
		time.Sleep(200 * time.Millisecond)
		step("an older one", 1, "/a", true)
		step("after it", 0, "/a", true)

		time.Sleep(10 * time.Second)
		subscribe(t, s, store.Shared, "default", "/b")
		s.reads()
		s.slow.Store(true)
		u, _ := r.Begin(t.Context(), store.Shared)
		if u.Snapshot() == nil || routes(u.Snapshot(), "/b") {
			t.Error("a request does not wait for what is done beside it")
		}
		u.End()
		if !routes(u.Snapshot(), "/b") || s.reads() != 1 {
			t.Error("what is done beside a request is done when it ends")
		}

		time.Sleep(staleness)
		subscribe(t, s, store.Shared, "default", "/c")
		s.reads()
		u, _ = r.Begin(t.Context(), store.Shared)
		if !routes(u.Snapshot(), "/c") || s.reads() != 1 {
			t.Error("a request waits for a snapshot that is older than allowed")
		}
		u.End()
	})
}

// TestFrozenMiss: a request that has no route looks once more, at most once a second.
func TestFrozenMiss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newCounted()
		r, _ := frozen(s)
		request(t, r, store.Shared, "/a")
		time.Sleep(1500 * time.Millisecond)
		subscribe(t, s, store.Shared, "default", "/a")
		s.reads()
		if !request(t, r, store.Shared, "/a") || s.reads() != 1 {
			t.Error("a new route is not found in a young snapshot")
		}
		for range 250 {
			request(t, r, store.Shared, "/nowhere")
			time.Sleep(10 * time.Millisecond)
		}
		if n := s.reads(); n != 2 {
			t.Errorf("misses of two and a half seconds made %d reads, want 2", n)
		}
		time.Sleep(10 * time.Second)
		request(t, r, store.Shared, "/nowhere")
		if n := s.reads(); n != 1 {
			t.Errorf("a miss of an older snapshot made %d reads: the one beside the request is enough", n)
		}
	})
}

// TestFrozenAway: the old snapshot serves while the store is away, and each try is bounded.
func TestFrozenAway(t *testing.T) {
	for name, silent := range map[string]bool{"refused": false, "silent": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newCounted()
				subscribe(t, s, store.Shared, "default", "/a")
				r, redials := frozen(s)
				request(t, r, store.Shared, "/a")
				s.away.Store(!silent)
				s.hangs.Store(silent)
				s.reads()

				within := func(limit time.Duration) {
					t.Helper()
					began := time.Now()
					if !request(t, r, store.Shared, "/a") {
						t.Error("the route is gone")
					}
					if took := time.Since(began); took > limit {
						t.Errorf("a request took %v, want at most %v", took, limit)
					}
				}
				time.Sleep(10 * time.Second)
				within(600 * time.Millisecond)
				if s.reads() != 2 || redials.Load() != 1 {
					t.Errorf("%d redials, want one try on each of two connections", redials.Load())
				}
				within(0) // it is left alone for a while
				time.Sleep(staleness)
				within(4 * time.Second)
				within(0)
				if stale := r.Stats().Stale; stale != 2 {
					t.Errorf("%d requests were counted as stale, want 2", stale)
				}
				s.away.Store(false)
				s.hangs.Store(false)
				time.Sleep(3 * time.Second)
				s.reads()
				within(0)
				if s.reads() != 1 {
					t.Error("the store is back, but was not asked")
				}
			})
		})
	}
}

// TestFrozenRedial: a connection that died while the process was frozen is replaced within the request.
func TestFrozenRedial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newCounted()
		dead := &counted{Store: s.Store} // another connection to the same
		open := []store.Store{dead, s}
		redialed, err := store.NewRedialed(func() (store.Store, error) {
			next := open[0]
			open = open[1:]
			return next, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		r := newRealms(redialed, store.RealmsOptions{Frozen: &store.Frozen{MaxStaleness: staleness, Redial: redialed.Redial}})
		request(t, r, store.Shared, "/a")
		subscribe(t, s, store.Shared, "default", "/a")
		dead.hangs.Store(true)
		time.Sleep(staleness)
		began := time.Now()
		u, err := r.Begin(t.Context(), store.Shared)
		if err != nil || !routes(u.Snapshot(), "/a") || time.Since(began) > 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		u.End()
		if !dead.closed.Load() {
			t.Error("the dead connection is still there")
		}
		if err := redialed.Close(); err != nil || !s.closed.Load() {
			t.Error("the last connection is still there", err)
		}
		redialed.Redial() // which would panic if it opened a third one
	})
}

// TestFrozenDeadline: a store that says nothing leaves most of a short time to the request.
func TestFrozenDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newCounted()
		subscribe(t, s, store.Shared, "default", "/a")
		r, _ := frozen(s)
		request(t, r, store.Shared, "/a")
		s.hangs.Store(true)
		time.Sleep(staleness)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		u, err := r.Begin(ctx, store.Shared)
		if took := time.Since(began); err != nil || !routes(u.Snapshot(), "/a") || took > time.Second {
			t.Errorf("%v after %v of 3 s", err, took)
		}
		u.End()
	})
}

// TestFrozenLarge: a configuration that takes seconds to read is read, at first and when its log is gone.
func TestFrozenLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory.New()
		s := &large{Store: m}
		subscribe(t, m, store.Shared, "default", "/a")
		r, redials := frozen(s)
		if !request(t, r, store.Shared, "/a") || redials.Load() != 0 {
			t.Error("it was not read at first")
		}
		subscribe(t, m, store.Shared, "default", "/b")
		m.Trim(store.Shared, 3)
		time.Sleep(10 * time.Second)
		request(t, r, store.Shared, "/a") // beside which there is too little time
		time.Sleep(3 * time.Second)
		if !request(t, r, store.Shared, "/b") {
			t.Error("it was not read when its log was gone")
		}
	})
}

// large is a store that takes three seconds to be read whole.
type large struct{ store.Store }

func (s *large) Load(ctx context.Context, realm store.Realm) ([]store.Item, store.Head, error) {
	select {
	case <-time.After(3 * time.Second):
		return s.Store.Load(ctx, realm)
	case <-ctx.Done():
		return nil, store.Head{}, ctx.Err()
	}
}

// TestFrozenMissed: that changes were missed is no reason for another connection.
func TestFrozenMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{Store: memory.New()}
		f.drop.Store(true)
		r, redials := frozen(f)
		request(t, r, store.Shared, "/0")
		for n := range 3 {
			subscribe(t, f.Store, store.Shared, "acme", fmt.Sprint("/", n))
			if _, err := r.Config(t.Context(), store.Shared); err != nil {
				t.Fatal(err)
			}
		}
		if n := r.Stats().Failures; n > 0 || redials.Load() > 0 {
			t.Errorf("%d failures, %d other connections", n, redials.Load())
		}
		time.Sleep(staleness)
		if !request(t, r, store.Shared, "/2") {
			t.Error("a route is missing")
		}
	})
}

// TestFrozenStart: without a snapshot and a store there is nothing to route by.
func TestFrozenStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newCounted()
		s.hangs.Store(true)
		r, _ := frozen(s)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // the deadline of the process
		defer cancel()
		began := time.Now()
		_, err := r.Begin(ctx, store.Shared)
		var e *store.Error
		if !errors.As(err, &e) || e.Code != store.Unavailable || time.Since(began) > time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func hosted(s store.Store, max int) *store.Realms {
	return newRealms(s, store.RealmsOptions{Hosted: true, Max: max})
}

func realmName(i int) store.Realm { return store.Realm(fmt.Sprintf("space-%d", i)) }

// run follows the store until the test, or the bubble, ends.
func run(r *store.Realms) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { r.Run(ctx) })
	return func() { cancel(); wg.Wait() }
}

// TestHostedUse: memory and reads follow the realms that are used.
func TestHostedUse(t *testing.T) {
	const all, kept = 1000, 300
	populated := func(t *testing.T) *counted {
		s := newCounted()
		for i := range all {
			subscribe(t, s, realmName(i), string(realmName(i)), "/a")
		}
		s.reads()
		return s
	}
	t.Run("each once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := populated(t)
			r := hosted(s, all)
			defer run(r)()
			before := heap()
			for range 3 {
				for i := 0; i < all; i += 2 {
					if !request(t, r, realmName(i), "/a") {
						t.Fatal(i)
					}
				}
			}
			if loads := r.Stats().Loads; loads != all/2 {
				t.Errorf("%d loads for %d realms", loads, all/2)
			}
			if each := (heap() - before) / (all / 2); each > 16<<10 {
				t.Errorf("%d bytes of memory for each of %d small realms", each, all/2)
			}
			time.Sleep(time.Second)
			s.reads()
			for i := 0; i < all; i += 2 {
				request(t, r, realmName(i), "/a")
			}
			subscribe(t, s, realmName(1), string(realmName(1)), "/b") // which is not used
			own := s.loads.Swap(0)
			time.Sleep(10 * time.Second)
			if loads, heads := s.loads.Load(), s.heads.Load(); loads > 0 || heads > 3 || own != 1 {
				t.Errorf("%d loads, and %d questions in 10 s, while nothing that is used changed", loads, heads)
			}
			runtime.KeepAlive(r)
		})
	})
	t.Run("the least used go", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := hosted(populated(t), kept)
			for i := range all {
				time.Sleep(time.Millisecond)
				request(t, r, realmName(i), "/a")
				time.Sleep(time.Millisecond)
				request(t, r, realmName(0), "/a") // always used
			}
			held := map[store.Realm]bool{}
			for live := range r.All() {
				held[live.Snapshot().Realm] = true
			}
			if len(held) != kept || !held[realmName(0)] || !held[realmName(all-1)] || held[realmName(1)] {
				t.Errorf("%d realms are held, want the %d that were used last", len(held), kept)
			}
			if loads := r.Stats().Loads; loads != all {
				t.Errorf("%d loads, want one for each of %d realms", loads, all)
			}
		})
	})
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // what pools held goes with the second one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestHostedUnknown: requests for realms that do not exist cost a bounded number of questions, and do not keep others out.
func TestHostedUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newCounted()
		subscribe(t, s, "acme", "acme", "/a")
		s.reads()
		r := hosted(s, 100)
		began := time.Now()
		var wg sync.WaitGroup
		for i := range 1000 {
			if i%5 == 0 {
				time.Sleep(10 * time.Millisecond)
			}
			wg.Go(func() {
				var e *store.Error
				if _, err := r.Begin(t.Context(), realmName(i)); !errors.As(err, &e) || e.Code != store.NotFound {
					t.Errorf("realm %d: %v", i, err)
				}
			})
		}
		asked := time.Now()
		if !request(t, r, "acme", "/a") || time.Since(asked) > 200*time.Millisecond {
			t.Errorf("a realm that exists waited %v", time.Since(asked))
		}
		wg.Wait()
		if loads := s.loads.Load(); loads != 1 {
			t.Errorf("%d loads, want the one of the realm that exists", loads)
		}
		if most := int64(time.Since(began)/(100*time.Millisecond)) + 12; s.heads.Load() > most {
			t.Errorf("%d questions in %v, want at most %d", s.heads.Load(), time.Since(began), most)
		}
		held := 0
		for range r.All() {
			held++
		}
		if held != 1 {
			t.Errorf("%d realms are held, want 1", held)
		}
	})
}

// TestHostedLooked: a realm that an operator looked at, but nobody wrote to, is none; and one as soon as somebody writes.
func TestHostedLooked(t *testing.T) {
	for name, open := range map[string]func(store.Store) *store.Realms{
		"server": func(s store.Store) *store.Realms { return hosted(s, 10) },
		"frozen": func(s store.Store) *store.Realms {
			return newRealms(s, store.RealmsOptions{Hosted: true, Max: 10, Frozen: &store.Frozen{MaxStaleness: staleness, Redial: func() {}}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newCounted()
				r := open(s)
				if name == "server" {
					defer run(r)()
				}
				if _, err := r.Config(t.Context(), "acme"); err != nil {
					t.Fatal(err)
				}
				var e *store.Error
				if _, err := r.Begin(t.Context(), "acme"); !errors.As(err, &e) || e.Code != store.NotFound {
					t.Errorf("got %v, want NotFound", err)
				}
				time.Sleep(1500 * time.Millisecond)
				subscribe(t, s, "acme", "acme", "/a")
				time.Sleep(50 * time.Millisecond)
				if !request(t, r, "acme", "/a") {
					t.Error("the realm is there now, but its route is not found")
				}
			})
		})
	}
}

// TestHostedTogether: many first requests for a realm load it once.
func TestHostedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newCounted()
		subscribe(t, s, "acme", "acme", "/a")
		s.reads()
		r := hosted(s, 100)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if !request(t, r, "acme", "/a") {
					t.Error("no route")
				}
			})
		}
		wg.Wait()
		if s.loads.Load() != 1 || s.heads.Load() != 1 {
			t.Errorf("%d loads and %d questions, want one of each", s.loads.Load(), s.heads.Load())
		}
	})
}

// TestHostedGone: those who wait for a realm get it also when the request that came first goes away.
func TestHostedGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newCounted()
		subscribe(t, s, "acme", "acme", "/a")
		r := hosted(s, 100)
		s.slow.Store(true)
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() { // one goes while its question is put, others while they wait for the next one, or for the load
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(10+60*i)*time.Millisecond)
				defer cancel()
				gone, stop := context.WithCancel(context.WithoutCancel(ctx))
				defer context.AfterFunc(ctx, stop)()
				_, _ = r.Begin(gone, "acme")
			})
		}
		time.Sleep(time.Millisecond)
		if !request(t, r, "acme", "/a") {
			t.Error("no route")
		}
		wg.Wait()
	})
}

// TestHostedFollow: changes of the realms that are held arrive; those of others cost nothing; one that is broken does not hold up the others.
func TestHostedFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newCounted()
		for _, realm := range []store.Realm{"one", "two", "three"} {
			subscribe(t, s, realm, string(realm), "/a")
		}
		r := hosted(s, 100)
		if r.Ready() {
			t.Error("ready before the store was asked")
		}
		defer run(r)()
		if err := r.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		request(t, r, "one", "/a")
		request(t, r, "two", "/a")
		time.Sleep(50 * time.Millisecond)

		s.reads()
		subscribe(t, s, "one", "one", "/b")
		s.loads.Add(-1) // the writer's own
		s.changes.Store(0)
		time.Sleep(50 * time.Millisecond)
		if !request(t, r, "one", "/b") || s.loads.Load() != 0 {
			t.Error("the change did not arrive, or by a load")
		}

		s.reads()
		subscribe(t, s, "three", "three", "/b")
		own := s.reads()
		time.Sleep(time.Second)
		if n := s.reads(); n > 0 || own == 0 {
			t.Errorf("%d reads after a change of a realm that is not used", n)
		}

		s.broken.Store(store.Realm("one"))
		subscribe2(t, s, "one", "/c")
		time.Sleep(50 * time.Millisecond)
		subscribe(t, s, "two", "two", "/c")
		time.Sleep(50 * time.Millisecond)
		if !request(t, r, "two", "/c") || !request(t, r, "one", "/a") {
			t.Error("one realm that cannot be read holds up another, or is gone")
		}
		s.reads()
		time.Sleep(10 * time.Second)
		if n := s.changes.Load(); n > 9 {
			t.Errorf("a broken realm was asked about %d times in 10 s", n)
		}
		s.broken.Store(store.Realm(""))
		time.Sleep(3 * time.Second)
		if !request(t, r, "one", "/c") {
			t.Error("a realm that is mended did not catch up")
		}
	})
}

// TestHostedTrickle: a realm that is held follows the store also while others are loaded all the time, and when one takes long to catch up.
func TestHostedTrickle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newCounted()
		const all = 3000
		for i := range all {
			subscribe(t, s, realmName(i), string(realmName(i)), "/a")
		}
		r := hosted(s, all)
		s.slow.Store(true)
		defer run(r)()
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() {
			for i := 2; i < all; i++ {
				request(t, r, realmName(i), "/a")
			}
		})
		request(t, r, realmName(0), "/a")
		request(t, r, realmName(1), "/a")
		s.lame.Store(realmName(1))
		for i := range 20 {
			path := fmt.Sprint("/b", i)
			subscribe(t, s.Store, realmName(0), string(realmName(0)), path)
			subscribe(t, s.Store, realmName(1), string(realmName(1)), path)
			time.Sleep(5 * time.Second)
			if !request(t, r, realmName(0), path) {
				t.Fatalf("change %d of a realm did not arrive within 5 s", i)
			}
		}
		s.lame.Store(store.Realm(""))
		time.Sleep(30 * time.Second)
		if !request(t, r, realmName(1), "/b19") {
			t.Error("the realm that took long did not catch up")
		}
	})
}

// TestHostedAge: each realm that is held is confirmed now and then, also if others change all the time.
func TestHostedAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newCounted()
		subscribe(t, s, "busy", "busy", "/a")
		subscribe(t, s, "idle", "idle", "/a")
		r := hosted(s, 10)
		defer run(r)()
		request(t, r, "busy", "/a")
		request(t, r, "idle", "/a")
		for i := range 100 {
			subscribe(t, s.Store, "busy", "busy", fmt.Sprint("/b", i))
			time.Sleep(time.Second)
		}
		for live := range r.All() {
			if live.Age() > 35*time.Second {
				t.Errorf("%s was last confirmed %v ago", live.Snapshot().Realm, live.Age())
			}
		}
	})
}

// Heads asks the database that there is now.
func (r *restorable) Heads(ctx context.Context, known map[store.Realm]store.Rev, wait time.Duration) (map[store.Realm]store.Head, error) {
	return r.now().Heads(ctx, known, wait)
}

// TestHostedRestored: a database that was set back and written to up to the same revision is noticed when all realms are asked about.
func TestHostedRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before, after := memory.New(), memory.New()
		subscribe(t, before, "acme", "acme", "/a")
		subscribe(t, after, "acme", "acme", "/b")
		r := &restorable{Store: before}
		realms := hosted(r, 10)
		defer run(realms)()
		request(t, realms, "acme", "/a")
		time.Sleep(time.Minute)
		r.mu.Lock()
		r.Store = after
		r.mu.Unlock()
		time.Sleep(2*30*time.Second + time.Second) // a wait, and a round
		if request(t, realms, "acme", "/a") || !request(t, realms, "acme", "/b") {
			t.Error("what was there before the restore is served")
		}
		if loads := realms.Stats().Loads; loads != 2 {
			t.Errorf("%d loads, want 2", loads)
		}
	})
}

// unheaded is a store in which the head of a realm cannot be read.
type unheaded struct {
	*counted
	realm store.Realm
}

func (u *unheaded) Heads(ctx context.Context, known map[store.Realm]store.Rev, wait time.Duration) (map[store.Realm]store.Head, error) {
	heads, err := u.counted.Heads(ctx, known, wait)
	delete(heads, u.realm)
	return heads, err
}

// TestHostedConfirmed: of the realms that did not change, those are confirmed that the store has said something of; which costs one question for all.
func TestHostedConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &unheaded{newCounted(), "broken"}
		subscribe(t, s.Store, "broken", "broken", "/a")
		subscribe(t, s.Store, "idle", "idle", "/a")
		r := hosted(s, 10)
		defer run(r)()
		if err := r.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, realm := range []store.Realm{"broken", "idle", "empty"} {
			if _, err := r.Config(t.Context(), realm); err != nil { // nobody wrote to the last one
				t.Fatal(err)
			}
		}
		s.broken.Store(store.Realm("broken"))
		time.Sleep(time.Second)
		s.reads()
		time.Sleep(10 * time.Minute)
		for live := range r.All() {
			if age, realm := live.Age(), live.Snapshot().Realm; (age > 10*time.Minute) != (realm == "broken") || age > 35*time.Second && realm != "broken" {
				t.Errorf("%s was last confirmed %v ago", realm, age)
			}
		}
		if loads, changes, heads := s.loads.Load(), s.changes.Load(), s.heads.Load(); loads > 0 || changes > 21 || heads > 90 {
			t.Errorf("%d loads, %d and %d questions in ten minutes", loads, changes, heads)
		}
	})
}

// TestHostedFrozenAway: in a frozen process a realm that is not there yet, while the store is away, is unavailable, and not unknown.
func TestHostedFrozenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newCounted()
		subscribe(t, s, "acme", "acme", "/a")
		r := newRealms(s, store.RealmsOptions{Hosted: true, Max: 1, Frozen: &store.Frozen{MaxStaleness: staleness, Redial: func() {}}})
		s.hangs.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		var e *store.Error
		if _, err := r.Begin(ctx, "acme"); !errors.As(err, &e) || e.Code != store.Unavailable || ctx.Err() != nil {
			t.Errorf("got %v, want Unavailable in time", err)
		}
		s.hangs.Store(false)
		if !request(t, r, "acme", "/a") {
			t.Error("the store is back, and the route is not found")
		}
	})
}

// subscribe2 writes past the fault of a broken realm.
func subscribe2(t *testing.T, s *counted, space, path string) {
	t.Helper()
	subscribe(t, s.Store, store.Realm(space), space, path)
}

// TestHostedStranger: a realm serves no record of another space, whatever the database holds.
func TestHostedStranger(t *testing.T) {
	s := memory.New()
	subscribe(t, s, store.Shared, "victim", "/a")
	items, _, err := s.Load(t.Context(), store.Shared)
	if err != nil {
		t.Fatal(err)
	}
	c := store.Commit{ID: "x"}
	for _, item := range items {
		c.Ops = append(c.Ops, store.Op{Key: item.Key, Value: item.Value})
	}
	if _, err := s.Commit(t.Context(), "attacker", store.Head{}, c); err != nil {
		t.Fatal(err)
	}
	r := hosted(s, 10)
	if request(t, r, "attacker", "/a") {
		t.Error("a record of another space is routed to")
	}
	for live := range r.All() {
		if live.Snapshot().Corrupt() != 2 {
			t.Errorf("%d records are counted as unreadable, want 2", live.Snapshot().Corrupt())
		}
	}
}

// TestLabels: in hosted mode a space's name is part of a host name.
func TestLabels(t *testing.T) {
	r := hosted(memory.New(), 10)
	for space, ok := range map[string]bool{
		"acme": true, "a-1": true, "000": true, strings.Repeat("a", 63): true,
		"": false, "ab": false, "_": false, "Acme": false, "-acme": false, "acme-": false, "ac.me": false, "ac_me": false, "acmé": false,
		"ac/me": false, "acme\x00": false, strings.Repeat("a", 64): false,
	} {
		if _, err := r.Of(space); (err == nil) != ok {
			t.Errorf("%q: %v", space, err)
		}
	}
	if realm, err := newRealms(memory.New(), store.RealmsOptions{}).Of("Any.thing_goes"); realm != store.Shared || err != nil {
		t.Errorf("%q, %v", realm, err)
	}
}
