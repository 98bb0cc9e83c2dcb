package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

func (s suite) ends(t *testing.T) {
	s.test(t, "each call ends soon after its ctx does", endsWithContext)
	s.test(t, "a call whose ctx has ended fails", endsBefore)
	s.test(t, "Close ends the calls under way", endsWithClose)
	s.test(t, "every call after Close is ErrClosed", endsAfterClose)
}

// waits are the calls that wait, of a realm that is at a revision and that nobody writes to.
func waits(s store.Store, realm store.Realm, at store.Rev) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Changes": func(ctx context.Context) error {
			_, _, err := s.Changes(ctx, realm, at, long)
			return err
		},
		"Heads": func(ctx context.Context) error {
			_, err := s.Heads(ctx, map[store.Realm]store.Rev{realm: at}, long)
			return err
		},
	}
}

func calls(s store.Store, realm store.Realm, at store.Rev) map[string]func(context.Context) error {
	all := waits(s, realm, at)
	all["Load"] = func(ctx context.Context) error {
		_, _, err := s.Load(ctx, realm)
		return err
	}
	all["Changes now"] = func(ctx context.Context) error {
		_, _, err := s.Changes(ctx, realm, at, 0)
		return err
	}
	all["Heads now"] = func(ctx context.Context) error {
		_, err := s.Heads(ctx, map[store.Realm]store.Rev{realm: at}, 0)
		return err
	}
	all["Commit"] = func(ctx context.Context) error {
		c := store.Commit{ID: newID(), Ops: []store.Op{put("k", "v")}}
		_, err := s.Commit(ctx, realm, store.Head{}, c)
		return err
	}
	return all
}

func endsWithContext(t *testing.T, e env) {
	for name, call := range waits(e.Open(), e.realm, 0) {
		ctx, cancel := context.WithCancel(e.ctx)
		time.AfterFunc(50*time.Millisecond, cancel)
		e.within(t, soon, name, func(context.Context) {
			if err := call(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got %v, want context.Canceled", name, err)
			}
		})
		ctx, cancel = context.WithTimeout(e.ctx, 50*time.Millisecond)
		defer cancel()
		e.within(t, soon, name, func(context.Context) {
			if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got %v, want context.DeadlineExceeded", name, err)
			}
		})
	}
}

func endsBefore(t *testing.T, e env) {
	ended, cancel := context.WithCancel(e.ctx)
	cancel()
	for name, call := range calls(e.Open(), e.realm, 0) {
		e.within(t, soon, name, func(context.Context) {
			if err := call(ended); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got %v, want context.Canceled", name, err)
			}
		})
	}
}

func endsWithClose(t *testing.T, e env) {
	s := e.Open()
	errs := make(chan error)
	under := waits(s, e.realm, 0)
	for _, call := range under {
		go func() { errs <- call(e.ctx) }()
	}
	time.Sleep(50 * time.Millisecond) // as in waitSoon
	e.within(t, soon, "Close", func(context.Context) {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for range under {
			if err := <-errs; !errors.Is(err, store.ErrClosed) {
				t.Errorf("got %v, want ErrClosed", err)
			}
		}
	})
}

func endsAfterClose(t *testing.T, e env) {
	used, unused := e.Open(), e.Open()
	if _, _, err := used.Changes(e.ctx, e.realm, 0, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	for _, s := range []store.Store{used, unused} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for name, call := range calls(s, e.realm, 0) {
			if err := call(e.ctx); !errors.Is(err, store.ErrClosed) {
				t.Errorf("%s: got %v, want ErrClosed", name, err)
			}
		}
	}
}
