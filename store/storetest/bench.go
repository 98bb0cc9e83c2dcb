package storetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/event-gateway/event-gateway/store"
)

// Bench measures the calls of a store that a gateway makes most. It calls open once a benchmark. `make bench-stores` compares them with what the
// database's own client needs.
func Bench(b *testing.B, open func(b *testing.B) store.Store) {
	value := []byte(strings.Repeat("v", 300))
	commit := func(key func(i int) string) func(b *testing.B) {
		return func(b *testing.B) {
			s, head, revs, i := open(b), store.Head{}, map[string]store.Rev{}, 0
			loop(b, func() (err error) {
				i++
				c := store.Commit{ID: fmt.Sprint(i), Ops: []store.Op{{Key: key(i), Was: revs[key(i)], Value: value}}}
				head, err = s.Commit(b.Context(), single, head, c)
				revs[key(i)] = head.Rev
				return err
			})
		}
	}
	b.Run("Commit", commit(func(int) string { return "k" }))
	b.Run("CommitNew", commit(func(i int) string { return fmt.Sprint(i) }))
	b.Run("ChangesNothing", func(b *testing.B) {
		s := open(b)
		head := Fill(b, s, single, 600)
		loop(b, func() error {
			commits, _, err := s.Changes(b.Context(), single, head.Rev, 0)
			if len(commits) != 0 {
				b.Fatal(commits)
			}
			return err
		})
	})
	b.Run("Load100k", func(b *testing.B) {
		s := open(b)
		Fill(b, s, single, 100_000)
		for b.Loop() {
			if items, _, err := s.Load(b.Context(), single); len(items) != 100_000 || err != nil {
				b.Fatal(len(items), err)
			}
		}
	})
}

// loop measures f once the server is warm: Java compiles what it has done often.
func loop(b *testing.B, f func() error) {
	b.Helper()
	for range 1000 {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
}

// Fill writes n items of 300 bytes to a realm that is empty.
func Fill(t testing.TB, s store.Store, realm store.Realm, n int) store.Head {
	t.Helper()
	value := []byte(strings.Repeat("v", 300))
	var head store.Head
	for i := 0; i < n; {
		c := store.Commit{ID: fmt.Sprint(i)}
		for len(c.Ops) < store.MaxOps && i < n {
			c.Ops = append(c.Ops, store.Op{Key: fmt.Sprintf("subscription/%06d", i), Value: value})
			i++
		}
		var err error
		if head, err = s.Commit(t.Context(), realm, head, c); err != nil {
			t.Fatal(err)
		}
	}
	return head
}
