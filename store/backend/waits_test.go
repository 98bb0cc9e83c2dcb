package backend_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
	"github.com/event-gateway/event-gateway/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// database is a store with a watch that sees what the test has it see.
type database struct {
	*memory.Store
	reads atomic.Int64
	watch func(ctx context.Context, seen *backend.Seen) error
}

func newDatabase() *database {
	d := &database{Store: memory.New()}
	d.watch = func(ctx context.Context, seen *backend.Seen) error {
		seen.Start(backend.Sightings{})
		<-ctx.Done()
		return ctx.Err()
	}
	return d
}

func (d *database) waits(ctx context.Context, wanted bool) *backend.Waits {
	return backend.NewWaits(ctx, "memory", backend.Reads{
		Changes: func(ctx context.Context, realm store.Realm, after store.Rev) ([]store.Commit, store.Head, error) {
			d.reads.Add(1)
			return d.Changes(ctx, realm, after, 0)
		},
		Heads: func(ctx context.Context, known map[store.Realm]store.Rev) (map[store.Realm]store.Head, error) {
			d.reads.Add(1)
			return d.Heads(ctx, known, 0)
		},
		Watch:  func(ctx context.Context, seen *backend.Seen) error { return d.watch(ctx, seen) },
		Wanted: wanted,
	}, slog.New(slog.DiscardHandler))
}

func (d *database) commit(t *testing.T, realm store.Realm) {
	t.Helper()
	head := d.head(t, realm)
	c := store.Commit{ID: head.String(), Ops: []store.Op{{Key: "k", Was: head.Rev, Value: []byte("v")}}}
	if _, err := d.Commit(t.Context(), realm, head, c); err != nil {
		t.Error(err)
	}
}

func (d *database) head(t *testing.T, realm store.Realm) store.Head {
	t.Helper()
	_, head, err := d.Load(t.Context(), realm)
	if err != nil {
		t.Error(err)
	}
	return head
}

// run runs f in a bubble, with waits that end when f does.
func run(t *testing.T, wanted bool, f func(t *testing.T, d *database, w *backend.Waits)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		defer d.Close()
		ctx, cancel := context.WithCancel(t.Context())
		w := d.waits(ctx, wanted)
		defer w.Close()
		defer cancel()
		f(t, d, w)
	})
}

// TestMissedByTheWatch: what the watch does not see is found when the wait is over.
func TestMissedByTheWatch(t *testing.T) {
	run(t, false, func(t *testing.T, d *database, w *backend.Waits) {
		if commits, _, err := w.Changes(t.Context(), "r", 0, time.Second); len(commits) != 0 || err != nil {
			t.Fatal(commits, err)
		}
		began, before := time.Now(), d.reads.Load()
		time.AfterFunc(time.Second, func() { d.commit(t, "r") })
		commits, _, err := w.Changes(t.Context(), "r", 0, time.Minute)
		if took := time.Since(began); len(commits) != 1 || err != nil || took != time.Minute {
			t.Errorf("got %v, %v after %v", commits, err, took)
		}
		if n := d.reads.Load() - before; n != 1 {
			t.Errorf("%d reads, want 1", n)
		}
		moved, err := w.Heads(t.Context(), map[store.Realm]store.Rev{"r": 0, "other": 0}, time.Minute)
		if len(moved) != 1 || moved["r"] != d.head(t, "r") || err != nil {
			t.Errorf("got %v, %v", moved, err)
		}
	})
}

// TestSeenByTheWatch: a head that is seen ends the wait, and an entry that came with it saves the read.
func TestSeenByTheWatch(t *testing.T) {
	run(t, false, func(t *testing.T, d *database, w *backend.Waits) {
		watching := make(chan *backend.Seen, 1)
		d.watch = func(ctx context.Context, s *backend.Seen) error {
			watching <- s
			s.Start(backend.Sightings{})
			<-ctx.Done()
			return ctx.Err()
		}
		var seen *backend.Seen
		for _, withEntry := range []bool{false, true} {
			after := d.head(t, "r").Rev
			time.AfterFunc(time.Second, func() {
				if seen == nil {
					seen = <-watching
				}
				d.commit(t, "r")
				d.reads.Store(0)
				commits, _, _ := d.Changes(t.Context(), "r", after, 0)
				entry, _ := commits[0].Encode()
				head := d.head(t, "r")
				seen.Update(func(s backend.Sightings) {
					s.Head("r", head)
					if withEntry {
						s.Entry("r", head.Rev, entry)
					}
				})
			})
			began := time.Now()
			commits, head, err := w.Changes(t.Context(), "r", after, time.Minute)
			if took := time.Since(began); len(commits) != 1 || head != d.head(t, "r") || err != nil || took != time.Second {
				t.Errorf("got %v, %v, %v after %v", commits, head, err, took)
			}
			if n := d.reads.Load(); (n == 0) != withEntry {
				t.Errorf("with the entry: %t: %d reads", withEntry, n)
			}
		}
	})
}

// TestWatchFails: it is started again, with growing pauses, and those who wait poll meanwhile, at worst.
func TestWatchFails(t *testing.T) {
	run(t, false, func(t *testing.T, d *database, w *backend.Waits) {
		starts := 0
		d.watch = func(context.Context, *backend.Seen) error {
			starts++
			return errors.New("lost")
		}
		time.AfterFunc(2*time.Second, func() { d.commit(t, "r") })
		began := time.Now()
		commits, _, err := w.Changes(t.Context(), "r", 0, time.Minute)
		if took := time.Since(began); len(commits) != 1 || err != nil || took > 10*time.Second {
			t.Errorf("got %v, %v after %v", commits, err, took)
		}
		if starts > 10 {
			t.Errorf("the watch was started %d times within %v", starts, time.Since(began))
		}
	})
}

func TestWanted(t *testing.T) {
	run(t, true, func(t *testing.T, d *database, w *backend.Waits) {
		asked := make(chan []store.Realm)
		d.watch = func(ctx context.Context, s *backend.Seen) error {
			s.Start(backend.Sightings{})
			for {
				realms, more := s.Wanted()
				slices.Sort(realms)
				select {
				case asked <- realms:
				case <-ctx.Done():
					return ctx.Err()
				}
				select {
				case <-more:
				case <-time.After(time.Minute):
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		wait := func(known map[store.Realm]store.Rev) {
			if moved, err := w.Heads(t.Context(), known, time.Second); len(moved) != 0 || err != nil {
				t.Error(moved, err)
			}
		}
		expect := func(want ...store.Realm) {
			t.Helper()
			if got := <-asked; !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		}
		go wait(map[store.Realm]store.Rev{"a": 0, "b": 0})
		expect("a", "b")
		time.Sleep(5 * time.Second)
		go wait(map[store.Realm]store.Rev{"a": 0, "c": 0})
		expect("a", "b", "c")
		for range 3 { // by then nobody has asked for long
			if len(<-asked) == 0 {
				return
			}
		}
		t.Error("realms that nobody waits for are still wanted")
	})
}

func TestEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		defer d.Close()
		ctx, cancel := context.WithCancel(t.Context())
		w := d.waits(ctx, false)
		time.AfterFunc(time.Second, cancel)
		if _, _, err := w.Changes(t.Context(), "r", 0, time.Minute); !errors.Is(err, store.ErrClosed) {
			t.Error(err)
		}
		w.Close()
		if _, err := w.Heads(t.Context(), nil, time.Minute); !errors.Is(err, store.ErrClosed) {
			t.Error(err)
		}
	})
}
