package faults_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/event-gateway/event-gateway/store"
)

// TestLinearizable: six clients read and write one realm while servers are killed and frozen, and connections cut. There is an order of
// all that they did that explains what they were told, and the log holds what was said to have landed, once.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b backend) {
		r := newRace(t, b.start(t, b.members))
		r.run(func() { r.breaker.round() })
		t.Logf("%d operations in %d windows, %d of unknown outcome, %d conflicts, %d kills", r.done.Load(), r.windows, r.unknown, r.conflicts, r.breaker.kills)
	})
}

const (
	clients    = 6
	windowOps  = 3_000 // operations that are checked together
	windowTime = 10 * time.Second
)

// race is many clients that use one realm, in windows: between two of them nothing is under way.
type race struct {
	t       *testing.T
	breaker *breaker
	clients []*client
	settler *client         // is not cut off
	reader  *client         // of the log
	done    atomic.Int64    // operations, of all windows
	ids     map[string]bool // of all commits of the log

	windows, unknown, conflicts int
}

func newRace(t *testing.T, c *cluster) *race {
	r := &race{t: t, ids: map[string]bool{}}
	r.breaker = &breaker{t: t, c: c, ways: []*network{c.network(t), c.network(t)}}
	for n := range clients {
		r.clients = append(r.clients, &client{n: n, store: r.breaker.ways[n%2].client(t, brief)})
	}
	r.settler = &client{n: clients, store: c.client(t, brief)}
	r.reader = &client{store: r.settler.store}
	return r
}

// run has the clients at work while f runs.
func (r *race) run(f func()) {
	ctx, stop := context.WithCancel(r.t.Context())
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil && !r.t.Failed() {
			r.window(ctx)
		}
		if !r.t.Failed() {
			r.window(ctx) // once more, now that all is well
		}
	})
	f()
	stop()
	wg.Wait()
	r.enough()
}

// enough fails the test if hardly any operations of a kind succeeded: then nothing is proven of it.
func (r *race) enough() {
	var sum [4]int
	for _, c := range r.clients {
		for kind, n := range c.done {
			sum[kind] += n
		}
	}
	if slices.Min(sum[:]) < 20 {
		r.t.Errorf("too few commits, loads, heads or catch-ups succeeded: %v", sum)
	}
}

// window has each client do its share of the operations, or fewer if running ends, and checks them.
func (r *race) window(running context.Context) {
	told := newFacts(r.reader.head)
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for _, c := range r.clients {
		c.facts, c.head, c.items = told, r.reader.head, maps.Clone(r.reader.items)
		wg.Go(func() {
			for n := 0; n < windowOps/clients && running.Err() == nil && time.Since(told.began) < windowTime; n++ {
				c.step(ctx)
			}
		})
	}
	wg.Wait()
	r.settler.facts = told
	r.settle(ctx)
	r.audit(ctx, told)
}

// settle moves the realm on, so that no commit whose outcome is unknown can land any more.
func (r *race) settle(ctx context.Context) {
	for !r.settler.catchUp(ctx) || !r.settler.commit(ctx) {
		if pause(ctx, 10*time.Millisecond); ctx.Err() != nil {
			r.t.Errorf("the store does not come back")
			return
		}
	}
}

// audit reads the log since the start of the window, and compares it with what the clients were told.
func (r *race) audit(ctx context.Context, told *facts) {
	truth := newFacts(told.start)
	r.reader.facts = truth
	truth.hold(r.reader.head, r.reader.items)
	commits, head, err := r.reader.store.Changes(ctx, realm, told.start.Rev, 0)
	for ; err != nil; commits, head, err = r.reader.store.Changes(ctx, realm, told.start.Rev, 0) {
		if ctx.Err() != nil || errors.Is(err, store.ErrTrimmed) {
			r.t.Errorf("the log cannot be read: %v", err)
			return
		}
		pause(ctx, 10*time.Millisecond)
	}
	r.reader.apply(commits, head)
	for _, c := range commits {
		if r.ids[c.ID] {
			truth.fault("the log has commit %s twice", c.ID)
		}
		r.ids[c.ID] = true
	}
	r.compare(told, truth)
	r.done.Add(int64(len(told.ops)))
	r.windows, r.unknown, r.conflicts = r.windows+1, r.unknown+told.count(unknown), r.conflicts+told.count(conflict)
}

// compare compares what clients were told with what the log says.
func (r *race) compare(told, truth *facts) {
	for _, id := range told.landed {
		if !r.ids[id] {
			truth.fault("commit %s succeeded, and is not in the log", id)
		}
	}
	for _, id := range told.conflicts {
		if r.ids[id] {
			truth.fault("commit %s was a conflict, and is in the log", id)
		}
	}
	for head, sum := range told.contents {
		if is, ok := truth.contents[head]; !ok || is != sum {
			truth.fault("somebody saw the realm at %v; the log knows of that: %t", head, ok)
		}
	}
	for _, err := range slices.Concat(told.wrong, truth.wrong)[:min(10, len(told.wrong)+len(truth.wrong))] {
		r.t.Error(err)
	}
	landed := func(head store.Head) bool { _, ok := truth.contents[head]; return ok }
	if result := told.check(landed); result != porcupine.Ok {
		r.t.Errorf("%d operations on the realm have no order that explains them: %s", len(told.ops), result)
	}
}
