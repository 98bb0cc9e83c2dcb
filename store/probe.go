package store

import (
	"context"
	"errors"
	"sync"
	"time"
)

// prober finds out which realms exist. Those that are asked for at about the same time share one question to the store, and there are at most ten
// questions a second, and ten more after a quiet time, about a thousand realms each: requests for made-up names cost that much and no more. Up to that many, others wait a tenth of
// a second longer because of them; beyond, some are refused.
type prober struct {
	ask func(ctx context.Context, known map[Realm]Rev) (map[Realm]Head, error)

	mu   sync.Mutex
	next *probe    // of those who wait for the next question; nil if nobody does
	turn time.Time // of the last question
}

// probe is one question, and its answer once done is closed.
type probe struct {
	realms map[Realm]Rev
	done   chan struct{}
	heads  map[Realm]Head
	err    error
}

const (
	probeEvery = 100 * time.Millisecond
	probeBurst = 10
	probeSize  = 1_000
)

var errManyProbes = errors.New("too many realms are asked for that are not in memory")

// exists says whether somebody ever wrote to the realm.
func (p *prober) exists(ctx context.Context, realm Realm) (bool, error) {
	q, first, err := p.join(realm)
	if err != nil {
		return false, err
	}
	if first {
		p.put(ctx, q)
	}
	select {
	case <-q.done:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	_, found := q.heads[realm]
	return found, q.err
}

// join adds a realm to the next question, which has to be put by whoever is first.
func (p *prober) join(realm Realm) (q *probe, first bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if first = p.next == nil; first {
		p.next = &probe{realms: map[Realm]Rev{}, done: make(chan struct{})}
	}
	if len(p.next.realms) == probeSize {
		return nil, false, errManyProbes
	}
	p.next.realms[realm] = 0
	return p.next, first, nil
}

// put asks when it is time. Others wait for the answer, so that it does not end with ctx.
func (p *prober) put(ctx context.Context, q *probe) {
	q.err = errors.New("a panic ended the question")
	defer close(q.done)
	time.Sleep(p.wait())
	p.mu.Lock()
	p.next = nil
	p.mu.Unlock()
	q.heads, q.err = p.ask(ctx, q.realms)
}

// wait takes the next turn, and returns how long it is until then.
func (p *prober) wait() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if earliest := time.Now().Add(-probeBurst * probeEvery); p.turn.Before(earliest) {
		p.turn = earliest
	}
	p.turn = p.turn.Add(probeEvery)
	return time.Until(p.turn)
}
