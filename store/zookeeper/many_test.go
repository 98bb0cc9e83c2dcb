package zookeeper_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// TestManyRealms: a hosted gateway waits for very many realms, also after its connection was lost.
func TestManyRealms(t *testing.T) {
	t.Parallel()
	addr := server(t)
	p := servers.NewProxy(t, addr)
	s, other := open(t, p.Addr()), open(t, addr)
	known := make(map[store.Realm]store.Rev)
	for i := range 10_000 {
		known[store.Realm(fmt.Sprint("realm-", i))] = 0
	}
	moves := func(realm store.Realm, at store.Head) (next store.Head) {
		t.Helper()
		committed := make(chan time.Time, 1)
		go func() {
			time.Sleep(50 * time.Millisecond) // so that the other one does wait; if not, the test tests less
			var err error
			if next, err = other.Commit(t.Context(), realm, at, storetest.Commit("k", at.Rev)); err != nil {
				t.Error(err)
			}
			committed <- time.Now()
		}()
		moved, err := s.Heads(t.Context(), known, 20*time.Second)
		told := time.Now()
		t.Logf("told %v after the commit", told.Sub(<-committed))
		if err != nil || len(moved) != 1 || moved[realm] != next {
			t.Fatalf("got %v, %v; want %s at %v", moved, err, realm, next)
		}
		known[realm] = next.Rev
		return next
	}
	head := moves("realm-7", store.Head{})
	head = moves("realm-7", head)
	p.Cut()
	if _, err := s.Heads(t.Context(), known, 20*time.Second); err == nil {
		t.Error("no error while the store is away")
	}
	p.Heal()
	begin := time.Now()
	storetest.Eventually(t, "the store is there again", func() bool {
		_, err := s.Heads(t.Context(), known, 0)
		return err == nil
	})
	t.Logf("all were read %v after the heal", time.Since(begin))
	moves("realm-7", head)
	moves("realm-9999", store.Head{})
}
