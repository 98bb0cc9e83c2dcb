package faults_test

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/event-gateway/event-gateway/store"
)

// history is what clients did to one realm, and when. Its model is the realm's head: that tells apart all that a realm can have been
// through, since the chain in it is a hash over all commits.
type history struct {
	began time.Time
	start store.Head // of the realm, when nothing is under way

	mu  sync.Mutex
	ops []porcupine.Operation
}

func newHistory(start store.Head) *history { return &history{began: time.Now(), start: start} }

// request is what a client asked.
type request struct {
	kind kind
	at   store.Head // of a commit: the head that it was made on; of heads: what is known
	next store.Head // of a commit: what it leads to
}

type kind int

const (
	commit kind = iota
	read        // Load and Changes
	heads
)

// answer is what it was told.
type answer struct {
	outcome outcome
	head    store.Head
}

type outcome int

const (
	done outcome = iota
	same         // of heads: the realm is where it was known to be
	conflict
	unknown
)

// do has call asked, and notes it unless call returns false: a read that failed says nothing.
func (h *history) do(client int, r request, call func() (answer, bool)) {
	began := time.Since(h.began)
	a, ok := call()
	ended := time.Since(h.began)
	if !ok {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: r, Call: int64(began), Output: a, Return: int64(ended)})
}

// check says whether there is an order of all that was done in which each took effect at one moment between its call and its return. A commit
// of unknown outcome may take effect at any later time. Those that did not land, and cannot any more, are left out: with many of them the
// search would not come to an end.
func (h *history) check(landed func(next store.Head) bool) porcupine.CheckResult {
	h.mu.Lock()
	defer h.mu.Unlock()
	var ops []porcupine.Operation
	for _, op := range h.ops {
		if op.Output.(answer).outcome == unknown {
			if !landed(op.Input.(request).next) {
				continue
			}
			op.Return = math.MaxInt64
		}
		ops = append(ops, op)
	}
	return porcupine.CheckOperationsTimeout(h.model(), ops, checkTime)
}

// checkTime is enough for what is right; what is wrong may take for ever to be found so.
const checkTime = time.Minute

func (h *history) model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return h.start },
		Step: func(state, input, output any) (bool, any) {
			return step(state.(store.Head), input.(request), output.(answer))
		},
	}
}

// step says whether a realm at a head can give the answer, and which head it has then.
func step(at store.Head, r request, a answer) (bool, store.Head) {
	switch {
	case r.kind == read:
		return a.head == at, at
	case r.kind == heads && a.outcome == same:
		return r.at.Rev == at.Rev, at
	case r.kind == heads:
		return a.head == at && r.at.Rev != at.Rev, at
	case a.outcome == conflict:
		return r.at != at, at
	case a.outcome == done:
		return r.at == at, r.next
	case r.at == at: // it lands now; that it lands later or never is the case below, at a later time
		return true, r.next
	}
	return true, at
}

func (h *history) count(o outcome) (n int) {
	for _, op := range h.ops {
		if op.Output.(answer).outcome == o {
			n++
		}
	}
	return n
}

// TestHistory: what no realm can answer is found.
func TestHistory(t *testing.T) {
	a := store.Head{Rev: 1, Chain: 1}
	b, other := store.Head{Rev: 2, Chain: 2}, store.Head{Rev: 2, Chain: 3}
	type op struct {
		call, end int64
		request
		answer
	}
	write := func(call, end int64, next store.Head, o outcome) op {
		return op{call, end, request{commit, a, next}, answer{outcome: o}}
	}
	get := func(call, end int64, head store.Head) op {
		return op{call, end, request{kind: read}, answer{head: head}}
	}
	f := func(name string, want porcupine.CheckResult, ops ...op) {
		t.Helper()
		h := &history{start: a}
		for _, o := range ops {
			h.ops = append(h.ops, porcupine.Operation{Input: o.request, Call: o.call, Output: o.answer, Return: o.end})
		}
		if got := h.check(func(store.Head) bool { return true }); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	f("a read of what was committed", porcupine.Ok, write(1, 2, b, done), get(3, 4, b))
	f("a stale read", porcupine.Illegal, write(1, 2, b, done), get(3, 4, a))
	f("a read at the same time", porcupine.Ok, write(1, 4, b, done), get(2, 3, a))
	f("a commit that is lost after it was read", porcupine.Illegal, write(1, 6, b, done), get(2, 3, b), get(4, 5, a))
	f("two commits on one head", porcupine.Illegal, write(1, 2, b, done), write(1, 2, other, done))
	f("a conflict with a commit", porcupine.Ok, write(1, 2, b, done), write(1, 2, other, conflict))
	f("a conflict with nothing", porcupine.Illegal, write(1, 2, b, conflict), get(3, 4, a))
	f("a conflict that landed", porcupine.Illegal, write(1, 2, b, conflict), get(3, 4, b))
	f("an unknown commit that landed late", porcupine.Ok, write(1, 2, b, unknown), get(3, 4, a), get(5, 6, b))
	f("an unknown commit that never landed", porcupine.Ok, write(1, 2, b, unknown), write(3, 4, other, done), get(5, 6, other))
	f("an unknown commit that landed on another head", porcupine.Illegal, write(1, 2, b, unknown), write(3, 4, other, done), get(5, 6, b))
	known := func(rev store.Rev, o outcome, head store.Head) op {
		return op{3, 4, request{kind: heads, at: store.Head{Rev: rev}}, answer{o, head}}
	}
	f("heads of what moved", porcupine.Ok, write(1, 2, b, done), known(1, done, b))
	f("heads of what is said not to have moved", porcupine.Illegal, write(1, 2, b, done), known(1, same, store.Head{}))
}

func (r request) String() string {
	return fmt.Sprint([]string{"commit", "read", "heads"}[r.kind], " at ", r.at, " to ", r.next)
}

func (a answer) String() string {
	return fmt.Sprint([]string{"done", "same", "conflict", "unknown"}[a.outcome], " ", a.head)
}
