package zookeeper_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
	"github.com/event-gateway/event-gateway/store/zookeeper"
)

func TestEnsemble(t *testing.T) {
	t.Parallel()
	cluster := servers.ZooKeeper(t, 3)
	leader := cluster.Leader(t)
	readers, writers := []*zookeeper.Store{open(t, leader.Addr())}, []*zookeeper.Store{open(t, leader.Addr())}
	for _, m := range cluster.Members {
		if m != leader {
			readers, writers = append(readers, open(t, m.Addr())), append(writers, open(t, m.Addr()))
		}
	}
	w := &storetest.Writer{T: t}
	for i := range 300 {
		w.Commit(writers[i%3], 1) // at what another member has just written, and this one may not have yet
	}
	for i := range 600 {
		w.Commit(writers[1+i%2], 1)
		for _, s := range readers[:1+i%2] { // the leader may have told its followers, and not itself
			if commits, head, err := s.Changes(t.Context(), "r", w.Head.Rev-1, 0); len(commits) != 1 || head != w.Head || err != nil {
				t.Fatalf("got %v, %v, %v; want %v", commits, head, err, w.Head)
			}
		}
	}
	for _, s := range writers {
		if _, err := s.Commit(t.Context(), "r", store.Head{Rev: w.Head.Rev, Digest: 1}, storetest.Commit("k", 1)); !errors.Is(err, store.ErrConflict) {
			t.Errorf("at another head: got %v", err)
		}
	}

	s := openWith(t, zookeeper.Options{Endpoints: cluster.Addrs(), Session: 2 * time.Second})
	f := storetest.Follow(t, open(t, cluster.Addrs()...))
	f.Reaches(w)
	for round := range 2 {
		leader = cluster.Leader(t)
		back := func() { leader.Start(t) }
		if round == 0 {
			leader.Kill(t)
		} else {
			leader.Freeze(t)
			back = func() { leader.Thaw(t) }
		}
		begin := time.Now()
		for i := range 20 {
			w.CommitSometime(s)
			if i == 0 {
				t.Logf("round %d: the first commit landed after %v", round, time.Since(begin))
			}
		}
		f.Reaches(w)
		back()
		cluster.WaitReady(t)
		for j, s := range readers {
			storetest.Eventually(t, fmt.Sprintf("reader %d has all", j), func() bool {
				_, head, err := s.Changes(t.Context(), "r", w.Head.Rev, 0)
				return err == nil && head == w.Head
			})
		}
	}
}
