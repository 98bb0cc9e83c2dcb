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
	w := &storetest.Writer{T: t}
	f := storetest.Follow(t, s)
	w.Commit(s, 2) // also a write goes on to the next one if there is no connection
	f.Reaches(w)
	first.Cut()
	storetest.Eventually(t, "the second one is found", func() bool {
		_, _, err := s.Load(t.Context(), "r")
		return err == nil
	})
	w.Commit(s, 2)
	f.Reaches(w)
	first.Heal()
	second.Hang()
	storetest.Eventually(t, "the first one is found again", func() bool {
		_, _, err := s.Load(t.Context(), "r")
		return err == nil
	})
	w.Commit(s, 2)
	f.Reaches(w)
}

// TestLeaders kills one leader after the other under a single writer. It must never be told of a conflict, but with its own commit.
func TestLeaders(t *testing.T) {
	t.Parallel()
	cluster := servers.Consul(t, 3)
	s := openWith(t, consul.Options{Endpoints: cluster.Addrs(), Timeout: timeout})
	f := storetest.Follow(t, openWith(t, consul.Options{Endpoints: cluster.Addrs(), Timeout: timeout}))
	w := &storetest.Writer{T: t}
	unknown := 0
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if w.CommitSometime(s) {
					unknown++
				}
			}
		}
	})
	for range 2 {
		reached := len(f.IDs())
		storetest.Eventually(t, "the follower follows", func() bool { return len(f.IDs()) > reached+20 })
		leader := cluster.Leader(t)
		leader.Kill(t)
		reached = len(f.IDs())
		storetest.Eventually(t, "the others go on", func() bool { return len(f.IDs()) > reached+20 })
		leader.Start(t)
		cluster.WaitReady(t)
	}
	close(stop)
	wg.Wait()
	f.Reaches(w)
	for _, member := range cluster.Members[1:] {
		member.Kill(t)
	}
	storetest.Away(t, s, w.Head.Rev, timeout, "") // there is no majority
	t.Logf("%d commits, %d of them unknown for a while", len(w.IDs), unknown)
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
	w := &storetest.Writer{T: t}
	w.Commit(s, 1)
	leader.Freeze(t)
	cluster.WaitReady(t)
	w.CommitSometime(openWith(t, consul.Options{Endpoints: []string{other.Addr()}, Timeout: timeout}))

	var wg sync.WaitGroup
	reads := func(name string, read func() (store.Head, error)) {
		wg.Go(func() {
			if head, err := read(); err == nil && head != w.Head {
				t.Errorf("%s: got %v, want %v", name, head, w.Head)
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
