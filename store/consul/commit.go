package consul

import (
	"context"
	"errors"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// Commit writes the head, a log entry and the items in one transaction. Consul cannot compare values, so this reads the head, compares it, and
// then writes if Consul has not written the head since.
func (s *Store) Commit(ctx context.Context, realm store.Realm, at store.Head, c store.Commit) (store.Head, error) {
	next := at.Next(c)
	was, err := s.readHead(ctx, realm)
	switch {
	case err != nil:
		return store.Head{}, err
	case was.Head != at:
		return store.Head{}, store.ErrConflict
	}
	body, err := s.transaction(ctx, realm, was, next, c)
	if err != nil {
		return store.Head{}, err
	}
	err = s.write(ctx, body)
	if why := (*rolledBack)(nil); errors.As(err, &why) {
		if now, readErr := s.readHead(ctx, realm); readErr == nil && now.Head != at {
			err = store.ErrConflict
		}
	}
	if err != nil {
		return store.Head{}, err
	}
	return next, nil
}

func (s *Store) readHead(ctx context.Context, realm store.Realm) (head, error) {
	pairs, err := s.read(ctx, get(s.layout.head(realm)))
	if err != nil {
		return head{}, err
	}
	return headOf(pairs[0])
}

// maxBody is how large a transaction's request may be, unless Consul was told otherwise. The largest commit is somewhat smaller.
const maxBody = 512 << 10

// transaction returns the request that commits c. Entries of the log that are too old are deleted with it, if there is room.
func (s *Store) transaction(ctx context.Context, realm store.Realm, was head, next store.Head, c store.Commit) ([]byte, error) {
	old, err := s.oldEntries(ctx, realm, was.oldest, next.Rev)
	if err != nil {
		return nil, err
	}
	ops, err := s.writes(realm, was, next, c)
	if err != nil {
		return nil, err
	}
	body, err := encode(ops)
	if err != nil || len(old) == 0 {
		return body, err
	}
	ops[0].Flags += uint64(len(old))
	if longer, err := encode(append(ops, old...)); err == nil && len(longer) <= maxBody {
		return longer, nil
	}
	return body, nil
}

// writes returns the operations of a commit, of which the first compares and writes the head.
func (s *Store) writes(realm store.Realm, was head, next store.Head, c store.Commit) ([]op, error) {
	entry, err := c.Encode()
	if err != nil {
		return nil, err
	}
	ops := make([]op, 0, 2+len(c.Ops)+trimStep)
	ops = append(ops,
		op{Verb: "cas", Key: s.layout.head(realm), Value: headValue(realm, next, entry), Flags: uint64(oldest(was.oldest, next.Rev)), Index: was.index},
		op{Verb: "set", Key: s.layout.entry(realm, next.Rev), Value: entry, Flags: uint64(time.Now().Unix())})
	for _, o := range c.Ops {
		if key := s.layout.record(realm, o.Key); o.Value == nil {
			ops = append(ops, op{Verb: "delete", Key: key})
		} else {
			ops = append(ops, op{Verb: "set", Key: key, Value: o.Value, Flags: uint64(next.Rev)})
		}
	}
	return ops, nil
}

// Each trimEvery-th commit looks whether it can delete trimStep entries: twice as many as came since, so that the log does not grow for ever.
const (
	trimEvery = 32
	trimStep  = 64
)

// oldEntries returns operations that delete the oldest entries of the log, if it is time to look and all of them are too old.
func (s *Store) oldEntries(ctx context.Context, realm store.Realm, first, next store.Rev) ([]op, error) {
	first = oldest(first, next)
	last := first + trimStep - 1
	if next%trimEvery != 0 || last >= next {
		return nil, nil
	}
	pairs, err := s.read(ctx, get(s.layout.entry(realm, last)))
	if err != nil || !tooOld(pairs[0].Flags) { // one that somebody deleted counts as old
		return nil, err
	}
	ops := make([]op, trimStep)
	for i := range ops {
		ops[i] = op{Verb: "delete", Key: s.layout.entry(realm, first+store.Rev(i))}
	}
	return ops, nil
}

// oldest returns the oldest revision in the log, given what is stored: any number, if somebody else wrote the head.
func oldest(stored, next store.Rev) store.Rev { return min(max(stored, 1), next) }

// tooOld says whether an entry written then may go. One from a time to come was written by a clock that is wrong, and might stay for ever.
func tooOld(seconds uint64) bool {
	age := time.Since(time.Unix(int64(seconds), 0))
	return age > 2*store.LogAge || age < -store.LogAge
}
