package consul_test

import (
	"errors"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest"
)

// TestRestored: somebody sets the whole of Consul back, and its index with it.
func TestRestored(t *testing.T) {
	t.Parallel()
	addr := server(t)
	plain := plainClient(t, addr)
	s := open(t, addr)
	w := &storetest.Writer{T: t}
	w.Commit(s, 3)
	was := *w
	snapshot, _, err := plain.Snapshot().Save(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	w.Commit(s, 30)
	if _, _, err := s.Changes(t.Context(), "r", w.Head.Rev, 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if err := plain.Snapshot().Restore(nil, snapshot); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Changes(t.Context(), "r", w.Head.Rev, time.Second); !errors.Is(err, store.ErrTrimmed) {
		t.Errorf("got %v, want ErrTrimmed", err)
	}
	if _, err := s.Commit(t.Context(), "r", w.Head, storetest.Commit("k", 0)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("at a head that is gone: got %v, want ErrConflict", err)
	}
	w = &was
	f := storetest.Follow(t, s)
	f.Reaches(w)
	w.Commit(open(t, addr), 3)
	f.Reaches(w)
}

// TestMadeAnew: an operator deletes a realm, and somebody writes to it again.
func TestMadeAnew(t *testing.T) {
	t.Parallel()
	addr := server(t)
	plain := plainClient(t, addr).KV()
	s := open(t, addr)
	w := &storetest.Writer{T: t}
	w.Commit(s, 3)
	if _, _, err := s.Changes(t.Context(), "r", 3, 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	remove := func(prefix string) {
		t.Helper()
		if _, err := plain.DeleteTree("event-gateway/v1/"+prefix, nil); err != nil {
			t.Fatal(err)
		}
	}
	remove("heads/r")
	storetest.Eventually(t, "a wait ends soon", func() bool {
		began := time.Now()
		_, _, err := s.Changes(t.Context(), "r", 3, 5*time.Second)
		return errors.Is(err, store.ErrTrimmed) && time.Since(began) < 4*time.Second
	})
	if _, err := s.Commit(t.Context(), "r", w.Head, storetest.Commit("k", 0)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("at a head that is gone: got %v, want ErrConflict", err)
	}
	remove("log/r/")
	remove("records/r/")
	w = &storetest.Writer{T: t}
	f := storetest.Follow(t, s)
	w.Commit(open(t, addr), 3)
	f.Reaches(w)
}
