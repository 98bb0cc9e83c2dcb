package store

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// writer lands writes of one realm. Those that wait at the same time are folded into one commit, so that fifty clients at once cost a
// few commits. There is one writer a realm and process; it has no goroutine: one of those that wait does the work for all.
type writer struct {
	store Store
	live  *Live

	turn    chan struct{} // held by the one who commits
	crowd   crowd         // for the one who has the turn
	mu      sync.Mutex
	waiting []*write
}

// plan says which records a write changes, given the configuration as it is, or returns why it is refused. It may be asked more than once.
type plan func(s *Snapshot) ([]Op, error)

type write struct {
	plan plan
	done chan struct{} // closed when the two below are set
	at   *Snapshot     // a snapshot that holds the write
	err  error
}

const (
	commitTimeout = 5 * time.Second // also for what other instances land meanwhile
	waitForOwn    = 2 * time.Second
)

func newWriter(s Store, l *Live) *writer {
	return &writer{store: s, live: l, turn: make(chan struct{}, 1)}
}

// do lands one write and returns a snapshot that holds it. If ctx ends before the write was begun with, nothing is written.
func (w *writer) do(ctx context.Context, p plan) (*Snapshot, error) {
	mine := &write{plan: p, done: make(chan struct{})}
	w.mu.Lock()
	w.waiting = append(w.waiting, mine)
	w.mu.Unlock()
	gone := ctx.Done()
	for {
		select {
		case <-mine.done:
			return mine.at, mine.err
		case w.turn <- struct{}{}:
			w.commitWaiting(ctx)
		case <-gone:
			if w.takeBack(mine) {
				return nil, &Error{Code: Unavailable, Message: "The request ended before its turn. Nothing was changed.", Cause: ctx.Err()}
			}
			gone = nil // it is being committed, which takes a bounded time
		}
	}
}

// takeBack removes a write that nobody has begun with.
func (w *writer) takeBack(one *write) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.waiting, one)
	if i >= 0 {
		w.waiting = slices.Delete(w.waiting, i, i+1)
	}
	return i >= 0
}

// commitWaiting commits all that wait, also when the request of ctx goes away, and gives up the turn.
func (w *writer) commitWaiting(ctx context.Context) {
	w.mu.Lock()
	batch := w.waiting
	w.waiting = nil
	w.mu.Unlock()
	defer func() {
		for _, one := range batch { // only after a panic
			one.err = unavailable(errors.New("a panic ended the commit"))
			close(one.done)
		}
		<-w.turn
	}()
	for len(batch) > 0 {
		taken, err := w.land(ctx, batch)
		for _, one := range batch[:taken] {
			if err != nil { // also for those that were refused: perhaps because of a change that did not land
				one.err = err
			}
			close(one.done)
		}
		batch = batch[taken:]
	}
}

// land commits as many writes from the front of batch as go into one commit, and returns how many they are: all, if the store is away.
func (w *writer) land(ctx context.Context, batch []*write) (int, error) {
	ctx, cancel := detached(ctx, commitTimeout)
	defer cancel()
	for tries := 0; ; {
		w.crowd.giveWay(ctx)
		s := w.live.Snapshot()
		if s == nil {
			return len(batch), unavailable(errNotReady)
		}
		d := draft{base: s, now: s, ops: map[string]Op{}}
		taken, refused := d.add(batch)
		if refused {
			if err := w.live.CatchUp(ctx); err != nil {
				return len(batch), unavailable(err)
			}
			if w.live.Snapshot() != s {
				continue // what it was refused for may be gone by now
			}
		}
		c := d.commit()
		if len(c.Ops) == 0 {
			answer(batch[:taken], s)
			return taken, nil
		}
		if err := c.Check(); err != nil {
			return taken, err
		}
		if tries++; tries == 1 {
			w.live.stats.batches.Add(1)
		}
		head, err := w.attempt(ctx, s.Head, c)
		if err == nil {
			c.Rev = head.Rev
			w.own(ctx, c, head)
			answer(batch[:taken], d.now)
			return taken, nil
		}
		if !errors.Is(err, ErrConflict) {
			return len(batch), err
		}
		if err := w.live.CatchUp(ctx); err != nil {
			return len(batch), unavailable(err)
		}
	}
}

// attempt commits c, and notes how that went.
func (w *writer) attempt(ctx context.Context, at Head, c Commit) (Head, error) {
	began := time.Now()
	w.crowd.begin(at)
	head, err := w.commit(ctx, at, c)
	switch {
	case err == nil:
		w.crowd.landed(head, time.Since(began))
	case errors.Is(err, ErrConflict):
		w.live.stats.conflicts.Add(1)
		w.crowd.conflict(time.Since(began))
	}
	return head, err
}

// own makes the live snapshot hold what was committed here. A process that cannot catch up for a moment still answers the writer.
func (w *writer) own(ctx context.Context, c Commit, head Head) {
	switch rev := w.live.Snapshot().Head.Rev; {
	case rev >= head.Rev: // the watch was quicker
		return
	case rev+1 == head.Rev:
		if w.live.apply(ctx, []Commit{c}, head) == nil {
			return
		}
	}
	ctx, cancel := context.WithTimeout(ctx, waitForOwn)
	defer cancel()
	if w.live.CatchUp(ctx) != nil {
		_ = w.live.WaitFor(ctx, head.Rev)
	}
}

func answer(batch []*write, at *Snapshot) {
	for _, one := range batch {
		one.at = at
	}
}

// commit lands c, and finds out from the log whether it landed when the store does not say. One that refuses it for good is not asked again.
func (w *writer) commit(ctx context.Context, at Head, c Commit) (Head, error) {
	try := func() (Head, error) {
		w.live.stats.commits.Add(1)
		return w.store.Commit(ctx, w.live.realm, at, c)
	}
	head, err := try()
	if errors.Is(err, ErrUnusable) {
		w.live.log.Error("the configuration store refuses changes", "realm", w.live.realm, "error", err)
		return Head{}, &Error{Code: Unavailable, Message: "The configuration store refuses changes. Nothing was changed.", Cause: err}
	}
	for pause := minBackoff; err != nil && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrTooLarge); pause = min(2*pause, maxBackoff) {
		if errors.Is(err, ErrUnusable) {
			return Head{}, unavailable(err)
		}
		first := err
		if sleep(ctx, pause/2+rand.N(pause)); ctx.Err() != nil {
			return Head{}, unavailable(first)
		}
		// The head is compared, so trying again cannot land it twice; and a conflict now may be our own first try.
		if head, err = try(); errors.Is(err, ErrConflict) {
			landed, _, logErr := w.store.Changes(ctx, w.live.realm, at.Rev, 0)
			switch {
			case logErr != nil:
				err = logErr
			case len(landed) > 0 && landed[0].ID == c.ID:
				return at.Next(c), nil
			}
		}
	}
	return head, err
}

func unavailable(cause error) *Error {
	return &Error{
		Code: Unavailable, Cause: cause,
		Message: "The configuration store did not confirm the change. Read it back before you try again: it may have been made.",
	}
}

// draft is a commit in the making: the snapshot as it would be after it, against which the next write is planned.
type draft struct {
	base, now *Snapshot
	ops       map[string]Op
	bytes     int
}

// add plans writes until the commit is full. It returns how many it took and whether some of them were refused.
func (d *draft) add(batch []*write) (taken int, refused bool) {
	for i, one := range batch {
		ops, err := one.plan(d.now)
		one.err = err
		if err != nil {
			refused = true
			continue
		}
		size := 0
		for _, op := range ops {
			size += len(op.Value)
		}
		// The answer to each writer is the record as it wrote it, so two writes of one record do not go together.
		twice := slices.ContainsFunc(ops, func(op Op) bool { _, ok := d.ops[op.Key]; return ok })
		if i > 0 && (twice || len(d.ops)+len(ops) > MaxOps || d.bytes+size > MaxCommitBytes) {
			return i, refused
		}
		d.bytes += size
		e := d.now.edit()
		for _, op := range ops {
			d.ops[op.Key] = op
			e.apply(op, d.base.Head.Rev+1, func(string, error) {})
		}
		d.now = e.snapshot(d.base.Head.Rev+1, 0)
	}
	return len(batch), refused
}

// commit returns what the draft adds up to.
func (d *draft) commit() Commit {
	c := Commit{ID: uuid.NewString()}
	for _, key := range slices.Sorted(maps.Keys(d.ops)) {
		op := d.ops[key]
		op.Was = d.base.revOf(key)
		if op.Value != nil || d.base.has(key) {
			c.Ops = append(c.Ops, op)
		}
	}
	return c
}
