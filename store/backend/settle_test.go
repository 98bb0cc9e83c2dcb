package backend_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
	"github.com/event-gateway/event-gateway/store/memory"
)

// TestLoadSettles reads items one by one while others write, and must come to the state of one revision all the same.
func TestLoadSettles(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		s := memory.New()
		defer s.Close()
		random := rand.New(rand.NewPCG(seed, 1))
		known := map[string]store.Rev{}
		var head store.Head
		write := func() {
			var c store.Commit
			for i := range 1 + random.IntN(3) {
				op := store.Op{Key: fmt.Sprint(random.IntN(4)*3 + i)}
				if op.Was = known[op.Key]; random.IntN(3) > 0 {
					op.Value = fmt.Append(nil, random.Int())
				}
				known[op.Key] = 0
				if op.Value != nil {
					known[op.Key] = head.Rev + 1
				}
				c.Ops = append(c.Ops, op)
			}
			c.ID = fmt.Sprint(head.Rev)
			var err error
			if head, err = s.Commit(t.Context(), "r", head, c); err != nil {
				t.Fatal(err)
			}
		}
		for range random.IntN(10) {
			write()
		}
		items, got, err := backend.Load(backend.Pieces{
			Head: func() (store.Head, error) {
				_, head, err := s.Load(t.Context(), "r")
				return head, err
			},
			Items: func() (torn []store.Item, err error) {
				for i := range 12 {
					items, _, err := s.Load(t.Context(), "r")
					if err != nil {
						return nil, err
					}
					for _, item := range items {
						if item.Key == fmt.Sprint(i) {
							torn = append(torn, item)
						}
					}
					if random.IntN(2) == 0 {
						write()
					}
				}
				return torn, nil
			},
			Changes: func(after store.Rev) ([]store.Commit, store.Head, error) {
				return s.Changes(t.Context(), "r", after, 0)
			},
		})
		var digest store.Digest
		for _, item := range items {
			digest = digest.With(item.Key, item.Rev)
		}
		if err != nil || got != head || digest != head.Digest {
			t.Fatalf("seed %d: got %d items with digest %x at %v, %v; want %v", seed, len(items), digest, got, err, head)
		}
	}
}

func TestLoadTriesAgain(t *testing.T) {
	t.Parallel()
	trimmed := func(times int) error {
		_, _, err := backend.Load(backend.Pieces{
			Head:  func() (store.Head, error) { return store.Head{}, nil },
			Items: func() ([]store.Item, error) { return nil, nil },
			Changes: func(store.Rev) ([]store.Commit, store.Head, error) {
				if times--; times >= 0 {
					return nil, store.Head{}, store.ErrTrimmed
				}
				return nil, store.Head{}, nil
			},
		})
		return err
	}
	if err := trimmed(2); err != nil {
		t.Error(err)
	}
	if err := trimmed(1000); !errors.Is(err, store.ErrTrimmed) {
		t.Errorf("a log that is always trimmed: %v", err)
	}
}
