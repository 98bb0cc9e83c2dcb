package consul_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/consul"
)

// writer commits to realm r.
type writer struct {
	t       *testing.T
	head    store.Head
	ids     []string
	unknown int
}

func commit(key string, was store.Rev) store.Commit {
	return store.Commit{ID: "id", Ops: []store.Op{{Key: key, Was: was, Value: []byte("v")}}}
}

func (w *writer) commit(s *consul.Store, n int) {
	w.t.Helper()
	for range n {
		w.commitOps(s, []store.Op{{Key: "k", Was: w.head.Rev, Value: []byte("v")}})
	}
}

func (w *writer) commitOps(s *consul.Store, ops []store.Op) {
	w.t.Helper()
	c := store.Commit{ID: "id-" + w.head.String(), Ops: ops}
	head, err := s.Commit(w.t.Context(), "r", w.head, c)
	if err != nil {
		w.t.Fatal(err)
	}
	w.head, w.ids = head, append(w.ids, c.ID)
}

// commitSometime commits once, and finds out what became of it when the store does not say.
func (w *writer) commitSometime(s *consul.Store) {
	c := store.Commit{ID: "id-" + w.head.String(), Ops: []store.Op{{Key: "k", Was: w.head.Rev, Value: []byte("v")}}}
	for unknown := false; w.t.Context().Err() == nil; unknown = true {
		head, err := s.Commit(w.t.Context(), "r", w.head, c)
		if errors.Is(err, store.ErrConflict) {
			commits, at, logErr := s.Changes(w.t.Context(), "r", w.head.Rev, 0)
			switch {
			case logErr != nil:
				err = logErr
			case !unknown || len(commits) != 1 || commits[0].ID != c.ID:
				w.t.Errorf("a conflict with nobody: at %v after %v, %v", at, w.head, commits)
				return
			default:
				head, err = at, nil
			}
		}
		if err == nil {
			w.head, w.ids = head, append(w.ids, c.ID)
			return
		}
		if !unknown {
			w.unknown++
		}
		if errors.Is(err, store.ErrUnusable) {
			w.t.Error(err)
		}
	}
}

// follower waits for changes of realm r, again and again.
type follower struct {
	t      *testing.T
	cancel context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	ids    []string
	failed int
}

func startFollower(t *testing.T, s *consul.Store) *follower {
	ctx, cancel := context.WithCancel(t.Context())
	f := &follower{t: t, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(f.done)
		after := store.Rev(0)
		for ctx.Err() == nil {
			commits, head, err := s.Changes(ctx, "r", after, 30*time.Second)
			if err == nil {
				after = head.Rev
			}
			f.mu.Lock()
			for _, c := range commits {
				f.ids = append(f.ids, c.ID)
			}
			if err != nil {
				f.failed++
			}
			f.mu.Unlock()
		}
	}()
	return f
}

func (f *follower) stop() {
	f.cancel()
	<-f.done
}

func (f *follower) failures() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

func (f *follower) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.ids)
}

// reaches waits until the follower has all commits of the writer, each once and in order.
func (f *follower) reaches(w *writer) {
	f.t.Helper()
	eventually(f.t, fmt.Sprintf("the follower has all %d commits", len(w.ids)), func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.Equal(f.ids, w.ids)
	})
}
