package consul_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/event-gateway/event-gateway/store"
)

// TestLoadOfManyPages: a realm that is read in many requests is one state, also while it is written to.
func TestLoadOfManyPages(t *testing.T) {
	t.Parallel()
	addr := server(t)
	s := open(t, addr)
	var at store.Head
	const items, step = 9_000, store.MaxOps
	revs := make(map[string]store.Rev)
	put := func(from int) error {
		ops := make([]store.Op, step)
		for i := range ops {
			key := fmt.Sprintf("kind/space/%d", from+i)
			ops[i] = store.Op{Key: key, Was: revs[key], Value: fmt.Appendf(nil, "%0400d", at.Rev)}
			revs[key] = at.Rev + 1
		}
		var err error
		at, err = s.Commit(t.Context(), "r", at, store.Commit{ID: "id-" + at.String(), Ops: ops})
		return err
	}
	for i := 0; i < items; i += step {
		if err := put(i); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	stop := make(chan struct{})
	wg.Go(func() {
		for i := 0; ; i += step {
			select {
			case <-stop:
				return
			default:
				if err := put(items/2 + i); err != nil { // some are there already, others are not
					t.Error(err)
					return
				}
			}
		}
	})
	defer close(stop)
	reader := open(t, addr)
	for range 3 {
		all, head, err := reader.Load(t.Context(), "r")
		if err != nil {
			t.Fatal(err)
		}
		var d store.Digest
		for _, i := range all {
			d = d.With(i.Key, i.Rev)
		}
		if d != head.Digest {
			t.Errorf("at revision %d: the digest of %d items is %x, the head's %x", head.Rev, len(all), d, head.Digest)
		}
	}
}
