package dynamodb

import (
	"context"
	"errors"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

const (
	loadTries = 3
	farBack   = 64 // commits: more are never under way at a time
)

// Load reads the records, then what was committed since the head of before. The items are still wrong if the query met a transaction which
// the head told of, but of which not all records could be seen yet, or the other way round. Then the digest differs, and the log helps out.
// Each request is tried for some time while DynamoDB has too much to do: who loads has nothing to go on with, and many may do so at once.
func (s *Store) Load(ctx context.Context, realm store.Realm) ([]store.Item, store.Head, error) {
	for try := 1; ; try++ {
		items, head, err := s.load(ctx, realm)
		again := errors.Is(err, store.ErrTrimmed) || err == nil && !match(items, head)
		if !again || try == loadTries { // what is wrong after that is damaged
			return items, head, err
		}
	}
}

func (s *Store) load(ctx context.Context, realm store.Realm) ([]store.Item, store.Head, error) {
	var began store.Head
	items, head, err := backend.LoadOnce(backend.Pieces{
		Head: func() (store.Head, error) {
			err := s.insist(ctx, func() (err error) {
				began, err = s.readHead(ctx, realm)
				return err
			})
			return began, err
		},
		Items: func() ([]store.Item, error) { return s.items(ctx, realm) },
		Changes: func(after store.Rev) (commits []store.Commit, head store.Head, err error) {
			err = s.insist(ctx, func() (err error) {
				commits, head, err = s.changes(ctx, realm, after)
				return err
			})
			return commits, head, err
		},
	})
	if err != nil || match(items, head) {
		return items, head, err
	}
	if head, err = s.settledHead(ctx, realm, head); err != nil {
		return nil, store.Head{}, err
	}
	commits, err := s.since(ctx, realm, began.Rev, head.Rev)
	if err != nil {
		return nil, store.Head{}, err
	}
	return backend.Settle(items, commits), head, nil
}

// match says whether these are the items that the digest is of.
func match(items []store.Item, head store.Head) bool {
	var d store.Digest
	for _, item := range items {
		d = d.With(item.Key, item.Rev)
	}
	return d == head.Digest
}

func (s *Store) items(ctx context.Context, realm store.Realm) (items []store.Item, err error) {
	all := condition{"begins_with(#key, :records)", attributes{":records": text(records)}}
	err = s.query(ctx, realm, all, func(item attributes) error {
		items = append(items, itemOf(item))
		return nil
	})
	return items, err
}

// settledHead returns a head that is past all transactions of which something was visible when the given head was read. That is one at most
// that is not in the given head, since the next one needs its head. Either DynamoDB lets the head be read together with others, which
// it does not while a transaction is about to write it, or the head has moved.
func (s *Store) settledHead(ctx context.Context, realm store.Realm, seen store.Head) (head store.Head, err error) {
	err = s.insist(ctx, func() error {
		items, err := s.transactGet(ctx, []attributes{key(realm, headKey)})
		if err == nil {
			head, err = headOf(items[0])
			return err
		}
		if !passing(err) {
			return err
		}
		if now, readErr := s.readHead(ctx, realm); readErr == nil && now.Rev > seen.Rev {
			head, err = now, nil
		}
		return err
	})
	return head, err
}

// since returns the log in (after, to] and, if it is there, some of what was before.
func (s *Store) since(ctx context.Context, realm store.Realm, after, to store.Rev) ([]store.Commit, error) {
	for back := store.Rev(farBack); ; back /= 4 {
		commits, err := s.entries(ctx, realm, after-min(back, after), to)
		if !errors.Is(err, store.ErrTrimmed) || back == 0 {
			return commits, err
		}
	}
}
