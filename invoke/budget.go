package invoke

import (
	"sync"
	"time"
)

const (
	// chainBudget is how many invocations the events of a chain may cause in this process within chainWindow. Those of the event that
	// began it do not count: it may have any number of subscribers.
	chainBudget = 1000
	chainWindow = 10 * time.Minute
	// maxChains bounds the memory: so many chains are remembered, or twice as many. It is reached by events that follow from others, not by events from outside.
	maxChains = 1 << 16
)

// budget counts what the events of a chain cause. A chain that goes on is remembered; others are forgotten when there are many.
type budget struct {
	mu      sync.Mutex
	chains  map[chain]*spending
	earlier map[chain]*spending
}

type spending struct {
	since time.Time
	spent int
}

// spend takes n from the budget of a chain, and says whether anything was left of it before.
func (b *budget) spend(c chain, n int, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.of(c)
	if now.Sub(s.since) > chainWindow {
		*s = spending{since: now}
	}
	if s.spent >= chainBudget {
		return false
	}
	s.spent += n
	return true
}

func (b *budget) of(c chain) *spending {
	s := b.chains[c]
	if s != nil {
		return s
	}
	if s = b.earlier[c]; s == nil {
		s = &spending{}
	}
	if b.chains == nil || len(b.chains) >= maxChains {
		b.chains, b.earlier = map[chain]*spending{}, b.chains
	}
	b.chains[c] = s
	return s
}
