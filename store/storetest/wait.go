package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

func (s suite) wait(t *testing.T) {
	s.test(t, "returns as soon as there is a commit", waitSoon)
	s.test(t, "returns at once if there is one already", waitAtOnce)
	s.test(t, "returns none when the wait is over", waitOver)
	s.test(t, "misses no commit", waitNoLoss)
	s.test(t, "wakes all who wait, each for its own realm", waitMany)
	s.test(t, "returns as soon as a realm's first commit lands", waitFirst)
}

func waitSoon(t *testing.T, e env) {
	writer, reader := e.follow(t), e.follow(t)
	for i := range 5 {
		var committed time.Time
		wait := beside(t, func() error {
			time.Sleep(50 * time.Millisecond) // so that the reader does wait; if not, the test tests less
			_, err := writer.commitSometime(put("k", fmt.Sprint(i)))
			committed = time.Now()
			return err
		})
		commits, head, err := reader.store.Changes(e.ctx, e.realm, reader.head.Rev, long)
		told := time.Now()
		wait()
		if err != nil || len(commits) != 1 {
			t.Fatalf("got %d commits, %v", len(commits), err)
		}
		if late := told.Sub(committed); late > soon {
			t.Errorf("told %v after the commit", late)
		}
		reader.apply(commits, head)
	}
}

func waitAtOnce(t *testing.T, e env) {
	f := e.follow(t)
	f.commit(put("k", "1"))
	f.commit(put("k", "2"))
	for after := range store.Rev(2) {
		e.within(t, soon, "Changes", func(ctx context.Context) {
			commits, head, err := f.store.Changes(ctx, e.realm, after, long)
			if len(commits) != int(2-after) || head != f.head || err != nil {
				t.Errorf("after %d: got %d commits, %v, %v; want %d, %v", after, len(commits), head, err, 2-after, f.head)
			}
		})
	}
}

func waitOver(t *testing.T, e env) {
	const wait = 300 * time.Millisecond
	f := e.follow(t)
	over := func() {
		t.Helper()
		e.within(t, wait+soon, "Changes", func(ctx context.Context) {
			begin := time.Now()
			commits, head, err := f.store.Changes(ctx, e.realm, f.head.Rev, wait)
			if len(commits) != 0 || head != f.head || err != nil {
				t.Errorf("got %d commits, %v, %v; want none, %v", len(commits), head, err, f.head)
			}
			if took := time.Since(begin); took < wait {
				t.Errorf("returned after %v of %v", took, wait)
			}
		})
	}
	over()
	f.commit(put("k", "1"))
	over() // nothing new since our own commit
	over()
}

// waitNoLoss follows a quick writer. A wake-up that is lost makes a call wait for what has happened already.
func waitNoLoss(t *testing.T, e env) {
	const n = 200
	writer, reader := e.follow(t), e.follow(t)
	defer beside(t, func() error {
		for range 10 {
			if err := writer.commitMany("k", n/10); err != nil {
				return err
			}
			time.Sleep(time.Millisecond) // so that some commits meet a reader that waits, and others one that reads
		}
		return nil
	})()
	for reader.head.Rev < n {
		e.within(t, long, "Changes", func(ctx context.Context) {
			commits, head, err := reader.store.Changes(ctx, e.realm, reader.head.Rev, long)
			if err != nil || len(commits) == 0 {
				t.Fatalf("after %d: got %d commits, %v", reader.head.Rev, len(commits), err)
			}
			reader.apply(commits, head)
		})
	}
}

func waitMany(t *testing.T, e env) {
	s := e.Open()
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := range 10 {
		realm := e.realm + store.Realm(fmt.Sprint(i%2))
		wg.Go(func() {
			commits, _, err := s.Changes(e.ctx, realm, 0, long)
			if err != nil || len(commits) != 1 || commits[0].Ops[0].Key != string(realm) {
				t.Errorf("realm %s: got %v, %v", realm, commits, err)
			}
		})
	}
	for i := range 2 {
		f := e.follow(t)
		f.realm += store.Realm(fmt.Sprint(i))
		f.commit(put(string(f.realm), "v"))
	}
}

func waitFirst(t *testing.T, e env) {
	s, writer := e.Open(), e.follow(t)
	// The wait for another realm, over when this one's begins, has the backend follow the database already.
	if _, _, err := s.Changes(e.ctx, e.realm+"other", 0, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() {
		commits, _, err := s.Changes(e.ctx, e.realm, 0, long)
		if err == nil && len(commits) != 1 {
			err = errors.New("no commit")
		}
		got <- err
	}()
	writer.commit(put("k", "v"))
	select {
	case err := <-got:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(soon):
		t.Error("still waiting")
	}
}
