package memory_test

import (
	"errors"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/memory"
	"github.com/event-gateway/event-gateway/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Env {
		s := memory.New()
		t.Cleanup(func() { s.Close() })
		return storetest.Env{
			Open: func() store.Store { return s },
			Trim: s.Trim,
		}
	})
}

func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	const n = 10_000
	s := memory.New()
	defer s.Close()
	var head store.Head
	for i := range n + 5 {
		c := store.Commit{ID: strconv.Itoa(i), Ops: []store.Op{{Key: "k", Was: head.Rev, Value: []byte("v")}}}
		var err error
		if head, err = s.Commit(t.Context(), "r", head, c); err != nil {
			t.Fatal(err)
		}
	}
	if commits, _, err := s.Changes(t.Context(), "r", 5, 0); len(commits) != n || err != nil {
		t.Errorf("after 5: got %d commits, %v; want %d", len(commits), err, n)
	}
	if _, _, err := s.Changes(t.Context(), "r", 4, 0); !errors.Is(err, store.ErrTrimmed) {
		t.Errorf("after 4: got %v, want ErrTrimmed", err)
	}
}
