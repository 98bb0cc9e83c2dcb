package dynamodb

import (
	"context"
	"slices"

	"github.com/event-gateway/event-gateway/store"
)

// changes returns the commits after the revision, up to the head. With nothing new it is one read of one item.
func (s *Store) changes(ctx context.Context, realm store.Realm, after store.Rev) ([]store.Commit, store.Head, error) {
	head, err := s.readHead(ctx, realm)
	switch {
	case err != nil:
		return nil, store.Head{}, err
	case head.Rev == after:
		return nil, head, nil
	case head.Rev < after:
		return nil, store.Head{}, store.ErrTrimmed
	}
	commits, err := s.entries(ctx, realm, after, head.Rev)
	if err != nil {
		return nil, store.Head{}, err
	}
	return commits, head, nil
}

// entries returns the log in (after, to].
func (s *Store) entries(ctx context.Context, realm store.Realm, after, to store.Rev) (commits []store.Commit, err error) {
	if to <= after {
		return nil, nil
	}
	next := after + 1
	add := func(item attributes) error {
		c, err := commitOf(item)
		if err != nil { // as good as not there
			s.log.Warn("DynamoDB holds a log entry that cannot be read", "table", s.options.Table, "realm", string(realm), "error", err)
			return store.ErrTrimmed
		}
		commits = append(commits, c)
		next++
		return nil
	}
	reach := func(last store.Rev) error { // adds those up to the last that the query did not find
		for next <= last {
			items, err := s.missing(ctx, realm, next, int(min(last-next, missingKeys-1))+1)
			if err != nil {
				return err
			}
			for _, item := range items {
				if err := add(item); err != nil {
					return err
				}
			}
		}
		return nil
	}
	between := condition{"#key BETWEEN :from AND :to", attributes{":from": text(entryKey(next)), ":to": text(entryKey(to))}}
	err = s.query(ctx, realm, between, func(item attributes) error {
		rev := revOf(item)
		if rev < next { // it is no entry
			return nil
		}
		if err := reach(rev - 1); err != nil {
			return err
		}
		return add(item)
	})
	if err == nil {
		err = reach(to)
	}
	return commits, err
}

const missingKeys = 10 // as large as items can be, these are what DynamoDB allows in one transaction

// missing reads n log entries that a query did not find although the head is past them. Most likely they are too old, and ErrTrimmed. But
// the head may have been the first that became visible of a transaction.
func (s *Store) missing(ctx context.Context, realm store.Realm, from store.Rev, n int) ([]attributes, error) {
	keys := make([]attributes, n)
	for i := range keys {
		keys[i] = key(realm, entryKey(from+store.Rev(i)))
	}
	var items []attributes
	err := s.insist(ctx, func() (err error) {
		items, err = s.transactGet(ctx, keys)
		return err
	})
	if err == nil && slices.ContainsFunc(items, func(item attributes) bool { return item == nil }) {
		err = store.ErrTrimmed
	}
	return items, err
}
