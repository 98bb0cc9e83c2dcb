package invoke

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"
)

// loops finds events that a function sends because of events that it got, again and again.
type loops struct {
	signer *signer
	budget budget

	mu   sync.Mutex
	told map[eventOf]time.Time
}

// eventOf names what is told of at most once a minute.
type eventOf struct{ space, eventType string }

func newLoops(key []byte) *loops {
	if len(key) == 0 {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails
	}
	return &loops{signer: newSigner(key), told: map[eventOf]time.Time{}}
}

// LoopError is an event that is refused because it is part of a loop.
type LoopError struct{ why string }

func (e *LoopError) Error() string {
	return "This event looks like part of a loop: " + e.why + ". If it is none, send it without the lineage that it has from another event."
}

// Admit gives an event that came in the lineage of what follows from it. The error of an event that is one too many of its chain is a *LoopError. wait is as that of
// Enqueue; it is called also after an error.
func (d *Dispatcher) Admit(ctx context.Context, a *Arrival) (wait func(), err error) {
	l, follows := d.loops.signer.lineage(a.Event.Lineage)
	why := ""
	switch {
	case !follows:
		l = newLineage()
	case l.hops >= maxHops:
		why = fmt.Sprintf("it follows from %d others, one after the other", l.hops)
	case !d.loops.budget.spend(l.chain, max(1, len(a.Targets)), time.Now()): // also one without targets may be told of
		why = fmt.Sprintf("what it follows from has caused more than %d invocations within %.0f minutes", chainBudget, chainWindow.Minutes())
	}
	if why != "" {
		a.Event.Lineage = d.loops.signer.token(l)
		return d.stopped(ctx, a, why), &LoopError{why}
	}
	l.hops++
	a.Event.Lineage = d.loops.signer.token(l)
	return noWait, nil
}

// first says whether nothing was told of e within a minute.
func (l *loops) first(e eventOf, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for told, when := range l.told { // it has hardly any members: only of loops, and only those of a minute
		if now.Sub(when) >= time.Minute {
			delete(l.told, told)
		}
	}
	if _, found := l.told[e]; found {
		return false
	}
	l.told[e] = now
	return true
}
