package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/event-gateway/event-gateway/store"
)

func (s suite) commit(t *testing.T) {
	s.test(t, "returns the new head", commitHead)
	s.test(t, "at another head is ErrConflict and applies nothing", commitConflict)
	s.test(t, "of one head only one succeeds", commitOne)
	s.test(t, "deletes, also what is not there", commitDelete)
	s.test(t, "keeps nothing of the caller's", commitCopies)
	s.test(t, "the log holds every commit of many writers once", commitMany)
}

func commitHead(t *testing.T, e env) {
	f := e.follow(t)
	for i := range 3 {
		c := f.prepare(put("k", fmt.Sprint(i)), put(fmt.Sprint(i), "v"))
		got, err := f.store.Commit(e.ctx, e.realm, f.head, c)
		if want := f.head.Next(c); got != want || err != nil {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
		f.catchUp()
		f.check()
	}
}

func commitConflict(t *testing.T, e env) {
	f := e.follow(t)
	conflict := func(at store.Head) {
		t.Helper()
		c := f.prepare(put("k", "lost"), put("new", "lost"), del("other"))
		if _, err := f.store.Commit(e.ctx, e.realm, at, c); !errors.Is(err, store.ErrConflict) {
			t.Errorf("at %v: got %v, want ErrConflict", at, err)
		}
		f.check()
		f.catchUp()
	}
	conflict(store.Head{Rev: 1, Digest: 1}) // nobody wrote yet
	f.commit(put("k", "1"), put("other", "1"))
	first := f.head
	conflict(store.Head{})
	f.commit(put("k", "2"))
	conflict(first)
	conflict(store.Head{Rev: f.head.Rev + 1, Digest: f.head.Digest})
	conflict(store.Head{Rev: f.head.Rev, Digest: f.head.Digest + 1}) // the realm was made anew, and is as old as before
	if len(f.ids) != 2 {
		t.Errorf("the log holds %d commits, want 2", len(f.ids))
	}
}

func commitOne(t *testing.T, e env) {
	const writers = 8
	for round := range 10 {
		var wg sync.WaitGroup
		errs := make([]error, writers)
		start := make(chan struct{})
		for w := range writers {
			f := e.follow(t)
			f.catchUp()
			wg.Go(func() {
				<-start
				_, errs[w] = f.store.Commit(e.ctx, e.realm, f.head, f.prepare(put("k", fmt.Sprint(w))))
			})
		}
		close(start)
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, store.ErrConflict) {
				t.Error(err)
			}
		}
		if won != 1 {
			t.Fatalf("round %d: %d commits succeeded, want 1", round, won)
		}
	}
}

func commitDelete(t *testing.T, e env) {
	f := e.follow(t)
	f.commit(put("a", "1"), put("b", "1"))
	f.commit(del("a"), del("never"))
	f.check()
	f.commit(put("a", "again"))
	f.check()
	f.commit(del("a"), del("b"))
	f.check()
	if f.head.Digest != 0 || f.head.Rev != 4 {
		t.Errorf("empty again at %v, want a digest of 0 at revision 4", f.head)
	}
}

func commitCopies(t *testing.T, e env) {
	f, reader := e.follow(t), e.follow(t)
	value := []byte("before")
	c := f.prepare(store.Op{Key: "k", Value: value})
	if _, err := f.store.Commit(e.ctx, e.realm, f.head, c); err != nil {
		t.Fatal(err)
	}
	copy(value, "after!")
	c.Ops[0].Key = "other"
	reader.catchUp()
	reader.check()
	if got := reader.items["k"].Value; string(got) != "before" {
		t.Errorf("got %q, want %q", got, "before")
	}
}

func commitMany(t *testing.T, e env) {
	const writers, each = 8, 15
	ids := make([][]string, writers)
	var wg sync.WaitGroup
	for w := range writers {
		f := e.follow(t)
		wg.Go(func() {
			for i := range each {
				id, err := f.commitSometime(put("shared", fmt.Sprint(w, i)), put(fmt.Sprint(w), fmt.Sprint(i)))
				if err != nil {
					t.Error(err)
					return
				}
				ids[w] = append(ids[w], id)
			}
		})
	}
	wg.Wait()

	f := e.follow(t)
	f.catchUp() // checks that revisions have no gaps
	f.check()
	want := slices.Sorted(slices.Values(slices.Concat(ids...)))
	got := slices.Sorted(slices.Values(f.ids))
	if !slices.Equal(got, want) {
		t.Errorf("the log holds %d commits, %d succeeded; or they differ", len(got), len(want))
	}
}
