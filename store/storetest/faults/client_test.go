package faults_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

const realm = store.Realm("shop-7")

// client is one of those that read and write a realm, each over a connection of its own. It keeps a copy of the realm, by what it is told.
type client struct {
	n     int
	store store.Store
	facts *facts
	head  store.Head
	items map[string]store.Item
	done  [4]int // operations that succeeded: commits, loads, heads, catch-ups
}

// facts is what clients were told in the course of a window, beside the times of it.
type facts struct {
	*history

	mu        sync.Mutex
	contents  map[store.Head]uint64 // what the realm held at a head
	landed    []string              // ids of commits that succeeded
	conflicts []string              // and of those that did not, for sure
	wrong     []error
}

func newFacts(start store.Head) *facts {
	return &facts{history: newHistory(start), contents: map[store.Head]uint64{}}
}

// step does one operation, picked by chance.
func (c *client) step(ctx context.Context) {
	switch n := mathrand.IntN(100); {
	case n < 55:
		c.commit(ctx)
	case n < 65:
		c.load(ctx)
	case n < 75:
		c.askHeads(ctx)
	default:
		c.catchUp(ctx)
	}
}

// commit changes some of a few records, at the head that the client knows.
func (c *client) commit(ctx context.Context) (landed bool) {
	next := store.Commit{ID: rand.Text()}
	for range 1 + mathrand.IntN(3) {
		op := store.Op{Key: fmt.Sprint("k", mathrand.IntN(8)), Value: []byte(next.ID)}
		if mathrand.IntN(4) == 0 {
			op.Value = nil
		}
		op.Was = c.items[op.Key].Rev
		if next.Ops == nil || next.Ops[0].Key != op.Key && next.Ops[len(next.Ops)-1].Key != op.Key {
			next.Ops = append(next.Ops, op)
		}
	}
	r := request{commit, c.head, c.head.Next(next)}
	c.facts.do(c.n, r, func() (answer, bool) {
		head, err := c.store.Commit(ctx, realm, c.head, next)
		switch {
		case err == nil && head != r.next:
			c.facts.fault("a commit at %v returned %v, want %v", r.at, head, r.next)
		case err == nil:
			landed = true
			c.done[0]++
			c.facts.note(&c.facts.landed, next.ID)
			return answer{done, head}, true
		case errors.Is(err, store.ErrConflict):
			c.facts.note(&c.facts.conflicts, next.ID)
			return answer{outcome: conflict}, true
		}
		pause(ctx, 10*time.Millisecond)
		return answer{outcome: unknown}, true
	})
	if landed {
		next.Rev = r.next.Rev
		c.apply([]store.Commit{next}, r.next)
		return true
	}
	if mathrand.IntN(5) > 0 { // else it goes on with what it has, as one does who was not told
		c.catchUp(ctx)
	}
	return false
}

func (c *client) load(ctx context.Context) {
	c.facts.do(c.n, request{kind: read}, func() (answer, bool) {
		items, head, err := c.store.Load(ctx, realm)
		if err != nil {
			return answer{}, false
		}
		c.items, c.head = map[string]store.Item{}, head
		digest := store.Digest(0)
		for _, i := range items {
			c.items[i.Key] = i
			digest = digest.With(i.Key, i.Rev)
		}
		if digest != head.Digest || len(items) != len(c.items) {
			c.facts.fault("loaded %d items of digest %x at %v", len(items), digest, head)
		}
		c.facts.hold(head, c.items)
		c.done[1]++
		return answer{head: head}, true
	})
}

func (c *client) catchUp(ctx context.Context) (ok bool) {
	c.facts.do(c.n, request{kind: read}, func() (answer, bool) {
		commits, head, err := c.store.Changes(ctx, realm, c.head.Rev, 0)
		if errors.Is(err, store.ErrTrimmed) {
			c.facts.fault("after %v: %v", c.head, err)
		}
		if ok = err == nil; ok {
			c.apply(commits, head)
			c.done[3]++
		}
		return answer{head: head}, ok
	})
	return ok
}

// apply follows the commits, which have to lead from the client's head to the given one.
func (c *client) apply(commits []store.Commit, head store.Head) {
	if c.items == nil {
		c.items = map[string]store.Item{}
	}
	for _, next := range commits {
		if next.Rev != c.head.Rev+1 {
			c.facts.fault("revision %d follows %d", next.Rev, c.head.Rev)
		}
		c.head = c.head.Next(next)
		for _, op := range next.Ops {
			if was := c.items[op.Key].Rev; was != op.Was {
				c.facts.fault("revision %d replaces %q of revision %d, which is of %d", next.Rev, op.Key, op.Was, was)
			}
			if delete(c.items, op.Key); op.Value != nil {
				c.items[op.Key] = store.Item{Key: op.Key, Value: op.Value, Rev: next.Rev}
			}
		}
		c.facts.hold(c.head, c.items)
	}
	if c.head != head {
		c.facts.fault("the changes lead to %v, the head is %v", c.head, head)
	}
}

func (c *client) askHeads(ctx context.Context) {
	known := c.head
	if mathrand.IntN(2) == 0 {
		known = store.Head{}
	}
	c.facts.do(c.n, request{kind: heads, at: known}, func() (answer, bool) {
		moved, err := c.store.Heads(ctx, map[store.Realm]store.Rev{realm: known.Rev}, 0)
		if err == nil {
			c.done[2]++
		}
		if head, ok := moved[realm]; ok {
			return answer{done, head}, err == nil
		}
		return answer{outcome: same}, err == nil
	})
}

// hold notes what the realm holds at a head, which must be the same for all.
func (f *facts) hold(head store.Head, items map[string]store.Item) {
	sum := uint64(0)
	for item := range maps.Values(items) {
		h := fnv.New64a()
		fmt.Fprintf(h, "%q %d %q", item.Key, item.Rev, item.Value)
		sum += h.Sum64()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if was, known := f.contents[head]; known && was != sum {
		f.wrong = append(f.wrong, fmt.Errorf("at %v the realm held different items", head))
	}
	f.contents[head] = sum
}

func (f *facts) note(list *[]string, id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*list = append(*list, id)
}

func (f *facts) fault(format string, a ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wrong = append(f.wrong, fmt.Errorf(format, a...))
}
