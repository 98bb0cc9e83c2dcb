package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// follower is a client of one realm with a copy of its items, kept as a gateway keeps it: by the changes alone. It checks each change
// against the contract. Only one goroutine may use it.
type follower struct {
	t     *testing.T
	ctx   context.Context
	store store.Store
	realm store.Realm
	head  store.Head
	items map[string]store.Item
	ids   []string // of all commits applied
}

func (e env) follow(t *testing.T) *follower {
	return &follower{t: t, ctx: e.ctx, store: e.Open(), realm: e.realm, items: make(map[string]store.Item)}
}

// put returns an op that the follower's commit completes.
func put(key, value string) store.Op { return store.Op{Key: key, Value: []byte(value)} }

func del(key string) store.Op { return store.Op{Key: key} }

// commit commits the ops at the follower's head, which must be the realm's, and applies them.
func (f *follower) commit(ops ...store.Op) store.Commit {
	f.t.Helper()
	c := f.prepare(ops...)
	head, err := f.store.Commit(f.ctx, f.realm, f.head, c)
	if err != nil {
		f.t.Fatalf("commit at %v: %v", f.head, err)
	}
	c.Rev = f.head.Rev + 1
	f.apply([]store.Commit{c}, head)
	return c
}

// commitSometime commits the ops, each time at the head that it has caught up with, until it wins against other writers.
func (f *follower) commitSometime(ops ...store.Op) (id string, err error) {
	for {
		c := f.prepare(ops...)
		_, err := f.store.Commit(f.ctx, f.realm, f.head, c)
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return "", err
		}
		if err := f.tryCatchUp(); err != nil {
			return "", err
		}
		if err == nil {
			return c.ID, nil
		}
	}
}

// commitMany commits n times, each time another value under the key.
func (f *follower) commitMany(key string, n int) error {
	for i := range n {
		if _, err := f.commitSometime(put(key, fmt.Sprint(i))); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes a commit of the ops and fills in which revisions they replace.
func (f *follower) prepare(ops ...store.Op) store.Commit {
	for i := range ops {
		ops[i].Was = f.items[ops[i].Key].Rev
	}
	return store.Commit{ID: newID(), Ops: ops}
}

func (f *follower) catchUp() {
	f.t.Helper()
	if err := f.tryCatchUp(); err != nil {
		f.t.Fatal(err)
	}
}

func (f *follower) tryCatchUp() error {
	commits, head, err := f.store.Changes(f.ctx, f.realm, f.head.Rev, 0)
	if err != nil {
		return fmt.Errorf("changes after %d: %w", f.head.Rev, err)
	}
	return f.tryApply(commits, head)
}

func (f *follower) apply(commits []store.Commit, head store.Head) {
	f.t.Helper()
	if err := f.tryApply(commits, head); err != nil {
		f.t.Fatal(err)
	}
}

// tryApply fails if the commits do not follow each other, or do not lead to head.
func (f *follower) tryApply(commits []store.Commit, head store.Head) error {
	for _, c := range commits {
		if c.Rev != f.head.Rev+1 {
			return fmt.Errorf("a commit of revision %d follows revision %d", c.Rev, f.head.Rev)
		}
		for _, op := range c.Ops {
			if was := f.items[op.Key].Rev; op.Was != was {
				return fmt.Errorf("revision %d replaces %q of revision %d, which is of revision %d", c.Rev, op.Key, op.Was, was)
			}
			if op.Value == nil {
				delete(f.items, op.Key)
			} else {
				f.items[op.Key] = store.Item{Key: op.Key, Value: op.Value, Rev: c.Rev}
			}
		}
		f.head = f.head.Next(c)
		f.ids = append(f.ids, c.ID)
	}
	if f.head != head {
		return fmt.Errorf("the commits lead to %v, the head is %v", f.head, head)
	}
	return nil
}

// check compares the follower's copy with what Load returns.
func (f *follower) check() {
	f.t.Helper()
	items, head, err := f.store.Load(f.ctx, f.realm)
	if err != nil {
		f.t.Fatal(err)
	}
	if head != f.head {
		f.t.Errorf("Load: head %v, want %v", head, f.head)
	}
	if d := digest(items); d != head.Digest {
		f.t.Errorf("Load: the items' digest is %x, the head's %x", d, head.Digest)
	}
	sameItems(f.t, items, slices.Collect(maps.Values(f.items)))
}

func sameItems(t *testing.T, got, want []store.Item) {
	t.Helper()
	byKey := make(map[string]store.Item)
	for _, i := range got {
		byKey[i.Key] = i
	}
	if len(got) != len(want) || len(byKey) != len(want) {
		t.Errorf("got %d items with %d keys, want %d", len(got), len(byKey), len(want))
	}
	for _, w := range want {
		if g := byKey[w.Key]; g.Rev != w.Rev || g.Value == nil || !bytes.Equal(g.Value, w.Value) {
			t.Errorf("%q: got revision %d, %.40q; want %d, %.40q", w.Key, g.Rev, g.Value, w.Rev, w.Value)
		}
	}
}

func digest(items []store.Item) (d store.Digest) {
	for _, i := range items {
		d = d.With(i.Key, i.Rev)
	}
	return d
}

// newID returns an id that no other commit has.
func newID() string { return rand.Text() }

// beside runs f beside the test, which waits for it when it calls what beside returns.
func beside(t *testing.T, f func() error) (wait func()) {
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := f(); err != nil {
			t.Error(err)
		}
	})
	return wg.Wait
}

// within fails the test if f takes longer.
func (e env) within(t *testing.T, limit time.Duration, what string, f func(ctx context.Context)) {
	t.Helper()
	begin := time.Now()
	f(e.ctx)
	if took := time.Since(begin); took > limit {
		t.Errorf("%s took %v, at most %v is right", what, took, limit)
	}
}
