package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// single is the realm of Writers and Followers.
const single = store.Realm("r")

// Writer is the only one that commits to realm "r".
type Writer struct {
	T    *testing.T
	Head store.Head
	IDs  []string // of all commits
}

// Commit returns a commit of one record.
func Commit(key string, was store.Rev) store.Commit {
	return store.Commit{ID: "id", Ops: []store.Op{{Key: key, Was: was, Value: []byte("v")}}}
}

// Commit commits n times, always to the key "k".
func (w *Writer) Commit(s store.Store, n int) {
	w.T.Helper()
	for range n {
		w.CommitOps(s, Commit("k", w.Head.Rev).Ops)
	}
}

// CommitOps commits the ops.
func (w *Writer) CommitOps(s store.Store, ops []store.Op) {
	w.T.Helper()
	c := store.Commit{ID: "id-" + w.Head.String(), Ops: ops}
	head, err := s.Commit(w.T.Context(), single, w.Head, c)
	if err != nil {
		w.T.Fatal(err)
	}
	w.Head, w.IDs = head, append(w.IDs, c.ID)
}

// CommitSometime commits once to the key "k", and finds out what became of it when the store does not say: then its outcome was unknown for
// a while. It is a mistake of the store if there is a conflict with anything but that.
func (w *Writer) CommitSometime(s store.Store) (unknown bool) {
	ctx, cancel := context.WithTimeout(w.T.Context(), deadline)
	defer cancel()
	c := Commit("k", w.Head.Rev)
	c.ID = "id-" + w.Head.String()
	for {
		head, err := s.Commit(ctx, single, w.Head, c)
		if errors.Is(err, store.ErrConflict) {
			if !unknown {
				w.T.Errorf("at %v: a conflict with nobody", w.Head)
				return false
			}
			var commits []store.Commit
			commits, head, err = s.Changes(ctx, single, w.Head.Rev, 0)
			if err == nil && (len(commits) != 1 || commits[0].ID != c.ID) {
				w.T.Errorf("a conflict with nobody: at %v after %v, %v", head, w.Head, commits)
				return true
			}
		}
		switch {
		case err == nil:
			w.Head, w.IDs = head, append(w.IDs, c.ID)
			return unknown
		case ctx.Err() != nil || errors.Is(err, store.ErrUnusable):
			w.T.Errorf("a commit did not land: %v", err)
			return unknown
		}
		unknown = true
	}
}

// Follower keeps a copy of realm "r" by waiting for its changes, again and again, until the test ends. It checks each change against the contract.
type Follower struct {
	t *testing.T

	mu       sync.Mutex
	copy     follower
	failures int
}

// Follow starts a follower.
func Follow(t *testing.T, s store.Store) *Follower {
	ctx, cancel := context.WithCancel(t.Context())
	f := &Follower{t: t, copy: follower{realm: single, items: make(map[string]store.Item)}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for after := store.Rev(0); ctx.Err() == nil; {
			commits, head, err := s.Changes(ctx, single, after, long)
			if err == nil {
				after = head.Rev
			}
			f.apply(commits, head, err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return f
}

func (f *Follower) apply(commits []store.Commit, head store.Head, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.failures++
	} else if err := f.copy.tryApply(commits, head); err != nil {
		f.t.Error(err)
	}
}

// Failures returns how many waits have failed.
func (f *Follower) Failures() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failures
}

// IDs returns those of all commits that the follower has.
func (f *Follower) IDs() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.copy.ids
}

// Reaches waits until the follower has all commits of the writer, each once and in order.
func (f *Follower) Reaches(w *Writer) {
	f.t.Helper()
	Eventually(f.t, "the follower has all commits", func() bool { return slices.Equal(f.IDs(), w.IDs) })
}

// Opened returns a store that was just opened, and closes it when the test ends.
func Opened[S store.Store](t testing.TB, s S, err error) S {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Eventually fails the test if f has not returned true after 20 seconds.
func Eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after 20 seconds: %s", what)
		}
	}
}
