package consul_test

import (
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/consul"
	"github.com/event-gateway/event-gateway/store/storetest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// TestNextEndpoint: one endpoint after the other does not answer.
func TestNextEndpoint(t *testing.T) {
	t.Parallel()
	addr := server(t)
	first, second := servers.NewProxy(t, addr), servers.NewProxy(t, addr)
	s := openWith(t, consul.Options{Endpoints: []string{storetest.FreeAddr(t), first.Addr(), second.Addr()}, Timeout: timeout})
	w := &writer{t: t}
	f := startFollower(t, s)
	defer f.stop()
	w.commit(s, 2) // also a write goes on to the next one if there is no connection
	f.reaches(w)
	first.Cut()
	eventually(t, "the second one is found", func() bool {
		_, _, err := s.Load(t.Context(), "r")
		return err == nil
	})
	w.commit(s, 2)
	f.reaches(w)
	first.Heal()
	second.Hang()
	eventually(t, "the first one is found again", func() bool {
		_, _, err := s.Load(t.Context(), "r")
		return err == nil
	})
	w.commit(s, 2)
	f.reaches(w)
}

// TestLeaders kills one leader after the other under a single writer. It must never be told of a conflict, but with its own commit.
func TestLeaders(t *testing.T) {
	t.Parallel()
	cluster := servers.Consul(t, 3)
	s := openWith(t, consul.Options{Endpoints: cluster.Addrs(), Timeout: timeout})
	f := startFollower(t, openWith(t, consul.Options{Endpoints: cluster.Addrs(), Timeout: timeout}))
	defer f.stop()
	w := &writer{t: t}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				w.commitSometime(s)
			}
		}
	})
	for range 2 {
		reached := f.count()
		eventually(t, "the follower follows", func() bool { return f.count() > reached+20 })
		leader := cluster.Leader(t)
		leader.Kill(t)
		reached = f.count()
		eventually(t, "the others go on", func() bool { return f.count() > reached+20 })
		leader.Start(t)
		cluster.WaitReady(t)
	}
	close(stop)
	wg.Wait()
	f.reaches(w)
	for _, member := range cluster.Members[1:] {
		member.Kill(t)
	}
	failsSoon(t, s) // there is no majority
	t.Logf("%d commits, %d of them unknown for a while", len(w.ids), w.unknown)
}

// TestFrozenLeader: a leader that stood still answers as if it were one, until it finds out. What it has missed must not be left out.
func TestFrozenLeader(t *testing.T) {
	t.Parallel()
	cluster := servers.Consul(t, 3)
	leader := cluster.Leader(t)
	other := cluster.Members[0]
	if other == leader {
		other = cluster.Members[1]
	}
	s := openWith(t, consul.Options{Endpoints: []string{leader.Addr()}, Timeout: 20 * time.Second})
	w := &writer{t: t}
	w.commit(s, 1)
	leader.Freeze(t)
	cluster.WaitReady(t)
	w.commitSometime(openWith(t, consul.Options{Endpoints: []string{other.Addr()}, Timeout: timeout}))

	var wg sync.WaitGroup
	reads := func(name string, read func() (store.Head, error)) {
		wg.Go(func() {
			if head, err := read(); err == nil && head != w.head {
				t.Errorf("%s: got %v, want %v", name, head, w.head)
			}
		})
	}
	reads("Load", func() (store.Head, error) { _, head, err := s.Load(t.Context(), "r"); return head, err })
	reads("Changes", func() (store.Head, error) { _, head, err := s.Changes(t.Context(), "r", 1, 0); return head, err })
	reads("Heads", func() (store.Head, error) {
		heads, err := s.Heads(t.Context(), map[store.Realm]store.Rev{"r": 1}, 0)
		return heads["r"], err
	})
	time.Sleep(100 * time.Millisecond) // until the requests are with the frozen leader; if not, the test tests less
	leader.Thaw(t)
	wg.Wait()
}
