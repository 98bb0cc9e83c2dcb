package upkeep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/event-gateway/event-gateway/store"
)

// log is the commits of a realm that its log still has: those after a revision.
type log struct {
	after   store.Rev
	commits []store.Commit
	head    store.Head // after the last of them
}

// readLog reads the log from as far back as it reaches. The realm is at the given revision, or a later one.
func readLog(ctx context.Context, s store.Store, realm store.Realm, rev store.Rev) (log, error) {
	var l log
	read := func(after store.Rev) error {
		commits, head, err := s.Changes(ctx, realm, after, 0)
		if err == nil {
			l = log{after, commits, head}
		}
		return err
	}
	err := read(0)
	if !errors.Is(err, store.ErrTrimmed) {
		return l, err
	}
	if err := read(rev); err != nil && !errors.Is(err, store.ErrTrimmed) {
		return l, err
	}
	// It has nothing up to the commit after lacking, and all from the one after had.
	for lacking, had := store.Rev(0), rev; had-lacking > 1; {
		middle := lacking + (had-lacking)/2
		switch err := read(middle); {
		case err == nil:
			had = middle
		case errors.Is(err, store.ErrTrimmed):
			lacking = middle
		default:
			return l, err
		}
	}
	return l, nil
}

// compare looks whether the log leads to the head and the records of one moment.
func (l log) compare(items []store.Item, head store.Head) (wrong []string) {
	if l.after > head.Rev || l.head == (store.Head{}) {
		return nil // it tells nothing about then
	}
	if !l.leadsTo(head) {
		wrong = append(wrong, "the log does not lead to the head: a commit in it was changed, or is of another past")
	}
	last := l.last(head.Rev)
	var differ []string
	for _, item := range items {
		written, found := last[item.Key]
		if found && (written.Rev != item.Rev || !bytes.Equal(written.Value, item.Value)) || !found && item.Rev > l.after {
			differ = append(differ, item.Key)
		}
		delete(last, item.Key)
	}
	for key, written := range last {
		if written.Value != nil {
			differ = append(differ, key)
		}
	}
	if len(differ) > 0 {
		slices.Sort(differ)
		wrong = append(wrong, fmt.Sprintf("%s not what the log says: %s", count(len(differ), "record is", "records are"), list(differ)))
	}
	return wrong
}

// leadsTo computes the heads that follow from the first that is known.
func (l log) leadsTo(head store.Head) bool {
	at, known := store.Head{}, l.after == 0
	for _, c := range l.commits {
		if !known && c.Rev == head.Rev+1 {
			at, known = head, true
		}
		if known {
			at = at.Next(c)
		}
		if known && c.Rev == head.Rev && at != head {
			return false
		}
	}
	return at == l.head || !known && (l.head.Rev > head.Rev || l.head == head)
}

// last returns what the commits up to a revision wrote last of each key. A Value that is nil was deleted.
func (l log) last(upTo store.Rev) map[string]store.Item {
	last := map[string]store.Item{}
	for _, c := range l.commits {
		if c.Rev > upTo {
			break
		}
		for _, op := range c.Ops {
			last[op.Key] = store.Item{Key: op.Key, Value: op.Value, Rev: c.Rev}
		}
	}
	return last
}
