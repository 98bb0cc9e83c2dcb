package dynamodb_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/dynamodb"
)

// writer commits to realm r.
type writer struct {
	t    *testing.T
	head store.Head
	ids  []string
}

func commit(key string, was store.Rev) store.Commit {
	return store.Commit{ID: "id", Ops: []store.Op{{Key: key, Was: was, Value: []byte("v")}}}
}

func (w *writer) commit(s *dynamodb.Store, n int) {
	w.t.Helper()
	for range n {
		c := commit("k", w.head.Rev)
		c.ID = "id-" + w.head.String()
		head, err := s.Commit(w.t.Context(), "r", w.head, c)
		if err != nil {
			w.t.Fatal(err)
		}
		w.head, w.ids = head, append(w.ids, c.ID)
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

func startFollower(t *testing.T, s *dynamodb.Store) *follower {
	ctx, cancel := context.WithCancel(t.Context())
	f := &follower{t: t, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(f.done)
		after := store.Rev(0)
		for ctx.Err() == nil {
			commits, head, err := s.Changes(ctx, "r", after, time.Minute)
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

// reaches waits until the follower has all commits of the writer, each once and in order.
func (f *follower) reaches(w *writer) {
	f.t.Helper()
	eventually(f.t, "the follower has all commits", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.Equal(f.ids, w.ids)
	})
}
