package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// Break is a database, and a way to it that can be cut.
type Break struct {
	// Near returns a client of the database, and Far one that goes the way. Both are closed when the subtest ends.
	Near, Far func() store.Store
	Cut, Heal func() // the way
	// Spoil trims the whole log of the shared realm. It also writes what no commit wrote: two records of it that make no sense, and some
	// things below the prefix that are none.
	Spoil func()
}

// Breaks has gateways follow a database through a break. It calls open once a subtest, as Run does.
func Breaks(t *testing.T, open func(t *testing.T) Break) {
	for name, f := range map[string]func(*testing.T, Break){"shared": breakShared, "hosted": breakHosted} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, open(t))
		})
	}
}

// breakShared: a gateway is cut off; meanwhile a route is deleted, another one made, the log trimmed, and somebody writes nonsense. The
// gateway goes on as it was, and afterwards has what is there, without a restart.
func breakShared(t *testing.T, b Break) {
	writer, _ := NewLive(t, b.Near(), store.Shared)
	_, live := NewLive(t, b.Far(), store.Shared)
	CreateFunction(t, writer, "default")
	Subscribe(t, writer, "default", "/old")
	Eventually(t, "the other gateway has the route", func() bool { return serves(live.Snapshot(), "/old") })

	b.Cut()
	if _, err := writer.DeleteSubscription(t.Context(), "default", "http,GET,%2Fold", nil); err != nil {
		t.Fatal(err)
	}
	Subscribe(t, writer, "default", "/new")
	b.Spoil()
	Eventually(t, "it finds the store away", func() bool { return live.Stats().Failures > 0 })
	if !serves(live.Snapshot(), "/old") {
		t.Error("the gateway that was cut off lost its route")
	}
	b.Heal()

	hasAll := func(s *store.Snapshot) bool { return serves(s, "/new") && !serves(s, "/old") }
	Eventually(t, "it has what is there", func() bool { return hasAll(live.Snapshot()) })
	_, head, err := b.Near().Load(t.Context(), store.Shared)
	if err != nil {
		t.Fatal(err)
	}
	if s := live.Snapshot(); s.Head != head || s.Corrupt() != 2 {
		t.Errorf("it is at %v with %d records left out; the store is at %v, with 2 that make no sense", s.Head, s.Corrupt(), head)
	}
	// It follows again, and another one starts with what is there.
	Subscribe(t, writer, "default", "/later")
	Eventually(t, "it follows", func() bool { return serves(live.Snapshot(), "/later") })
	if _, fresh := NewLive(t, b.Near(), store.Shared); !hasAll(fresh.Snapshot()) {
		t.Error("a gateway that starts now has other routes")
	}
}

// breakHosted: a hosted gateway holds many realms. It is cut off while each of them changes, and strangers ask for realms that it has to
// load meanwhile; afterwards each realm is what it should be, and follows.
func breakHosted(t *testing.T, b Break) {
	const held, others = 60, 20
	writer, reader := newRealms(t, b.Near()), newRealms(t, b.Far())
	name := func(i int) string { return fmt.Sprintf("space-%d", i) }
	write := func(realms int, path string) {
		t.Helper()
		for i := range realms {
			c, err := writer.Config(t.Context(), store.Realm(name(i)))
			if err != nil {
				t.Fatal(err)
			}
			if path == "/a" {
				CreateFunction(t, c, name(i))
			}
			Subscribe(t, c, name(i), path)
		}
	}
	has := func(i int, path string) bool {
		use, err := reader.Begin(t.Context(), store.Realm(name(i)))
		if err != nil {
			return false
		}
		defer use.End()
		return serves(use.Snapshot(), path)
	}
	all := func(path string) bool {
		for i := range held {
			if !has(i, path) {
				return false
			}
		}
		return true
	}
	write(held+others, "/a")
	if !all("/a") {
		t.Fatal("a realm cannot be loaded")
	}
	write(held, "/b")
	Eventually(t, "all realms have followed", func() bool { return all("/b") })

	b.Cut()
	write(held, "/c")
	Eventually(t, "it finds the store away", func() bool { return reader.Stats().Failures > 0 })
	if !all("/b") {
		t.Error("a realm that is held is not served while the store is away")
	}
	if has(held, "/a") {
		t.Error("a realm was loaded from a store that is away")
	}
	b.Heal()
	Eventually(t, "all realms have what changed meanwhile", func() bool { return all("/c") })

	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for i := held; i < held+others; i++ {
			if !has(i, "/a") {
				t.Errorf("realm %d was not loaded", i)
			}
			time.Sleep(20 * time.Millisecond) // so that it goes on while the others change; if not, the test tests less
		}
	})
	write(held, "/d")
	Eventually(t, "all realms follow while others are loaded", func() bool { return all("/d") })
}
