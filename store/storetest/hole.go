package storetest

import (
	"errors"
	"testing"

	"github.com/event-gateway/event-gateway/store"
)

// HoleInTheLog checks that the log of realm "r" ends at an entry that is missing. remove removes it.
func HoleInTheLog(t *testing.T, s store.Store, remove func(rev store.Rev) error) {
	t.Helper()
	w := &Writer{T: t}
	w.Commit(s, 30)
	if err := remove(3); err != nil {
		t.Fatal(err)
	}
	for after := range store.Rev(3) {
		if _, _, err := s.Changes(t.Context(), single, after, 0); !errors.Is(err, store.ErrTrimmed) {
			t.Errorf("after %d: got %v, want ErrTrimmed", after, err)
		}
	}
	if commits, head, err := s.Changes(t.Context(), single, 3, 0); len(commits) != 27 || head != w.Head || err != nil {
		t.Errorf("after 3: got %d commits, %v, %v; want 27, %v", len(commits), head, err, w.Head)
	}
}
