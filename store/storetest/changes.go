package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

func (s suite) changes(t *testing.T) {
	s.test(t, "returns every commit after the revision, oldest first, and the head", changesComplete)
	s.test(t, "returns none and the head if there is none", changesNone)
	s.test(t, "returns all that was committed before the call", changesFresh)
	s.test(t, "a long log comes whole", changesLong)
	s.test(t, "a log that does not reach back is ErrTrimmed", changesTrimmed)
	s.test(t, "a realm that is behind is ErrTrimmed", changesBehind)
}

func changesComplete(t *testing.T, e env) {
	f := e.follow(t)
	want := []store.Commit{
		f.commit(put("a", "1"), put("empty", ""), put("binary", "\x00\xff\n")),
		f.commit(del("a"), put("b", "2")),
		f.commit(put("b", "3")),
	}
	for after := range want {
		got, head, err := f.store.Changes(e.ctx, e.realm, store.Rev(after), 0)
		if err != nil || head != f.head {
			t.Fatalf("after %d: head %v, %v; want %v", after, head, err, f.head)
		}
		sameCommits(t, got, want[after:])
	}
	got, _, _ := f.store.Changes(e.ctx, e.realm, 0, 0)
	for _, c := range got { // as in loadItems
		for _, op := range c.Ops {
			clear(op.Value)
		}
	}
	got, _, _ = f.store.Changes(e.ctx, e.realm, 0, 0)
	sameCommits(t, got, want)
}

func sameCommits(t *testing.T, got, want []store.Commit) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d commits, want %d", len(got), len(want))
	}
	for i, w := range want {
		if g := got[i]; g.ID != w.ID || g.Rev != w.Rev || len(g.Ops) != len(w.Ops) {
			t.Fatalf("commit %d: got id %q, revision %d, %d ops; want %q, %d, %d", i, g.ID, g.Rev, len(g.Ops), w.ID, w.Rev, len(w.Ops))
		}
		for j, w := range w.Ops {
			g := got[i].Ops[j]
			if g.Key != w.Key || g.Was != w.Was || !bytes.Equal(g.Value, w.Value) || (g.Value == nil) != (w.Value == nil) {
				t.Errorf("commit %d, op %d: got %q, was %d, %.40q; want %q, %d, %.40q", i, j, g.Key, g.Was, g.Value, w.Key, w.Was, w.Value)
			}
		}
	}
}

func changesNone(t *testing.T, e env) {
	f := e.follow(t)
	f.catchUp() // of a realm that nobody wrote to
	f.commit(put("a", "1"))
	commits, head, err := f.store.Changes(e.ctx, e.realm, f.head.Rev, 0)
	if len(commits) != 0 || head != f.head || err != nil {
		t.Errorf("got %d commits, %v, %v; want none, %v", len(commits), head, err, f.head)
	}
}

func changesFresh(t *testing.T, e env) {
	writer, reader := e.follow(t), e.follow(t)
	for i := range 20 {
		writer.commit(put("k", fmt.Sprint(i)))
		if reader.catchUp(); reader.head != writer.head {
			t.Fatalf("after commit %d: at %v, want %v", i, reader.head, writer.head)
		}
	}
}

func changesLong(t *testing.T, e env) {
	const n = 450
	writer, reader := e.follow(t), e.follow(t)
	for i := range n {
		writer.commit(put(fmt.Sprint(i%7), fmt.Sprint(i)))
	}
	reader.catchUp()
	if len(reader.ids) != n {
		t.Errorf("got %d commits, want %d", len(reader.ids), n)
	}
	reader.check()
}

func changesTrimmed(t *testing.T, e env) {
	f := e.follow(t)
	for i := range 5 {
		f.commit(put("k", fmt.Sprint(i)))
	}
	e.Trim(e.realm, 3)
	for after := range store.Rev(3) {
		for _, wait := range []time.Duration{0, long} {
			e.within(t, soon, "Changes", func(ctx context.Context) {
				if _, _, err := f.store.Changes(ctx, e.realm, after, wait); !errors.Is(err, store.ErrTrimmed) {
					t.Errorf("after %d, wait %v: got %v, want ErrTrimmed", after, wait, err)
				}
			})
		}
	}
	for after := store.Rev(3); after <= 5; after++ {
		if commits, head, err := f.store.Changes(e.ctx, e.realm, after, 0); len(commits) != int(5-after) || head != f.head || err != nil {
			t.Errorf("after %d: got %d commits, %v, %v; want %d, %v", after, len(commits), head, err, 5-after, f.head)
		}
	}
	f.check() // Load needs no log
	e.Trim(e.realm, 5)
	f.catchUp()
	f.commit(put("k", "more"))
	f.catchUp()
}

func changesBehind(t *testing.T, e env) {
	f := e.follow(t)
	behind := func(after store.Rev) {
		t.Helper()
		for _, wait := range []time.Duration{0, long} {
			e.within(t, soon, "Changes", func(ctx context.Context) {
				if _, _, err := f.store.Changes(ctx, e.realm, after, wait); !errors.Is(err, store.ErrTrimmed) {
					t.Errorf("after %d, wait %v: got %v, want ErrTrimmed", after, wait, err)
				}
			})
		}
	}
	behind(1)
	f.commit(put("k", "v"))
	behind(2)
	behind(1000)
}
