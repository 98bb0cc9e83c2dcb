// Package memory is a store that lives and ends with the process, for tests and for trying things out.
package memory

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// logCommits bounds the log of a realm by number. Unlike other stores, this one may therefore reach back less than
// store.LogAge, if a realm sees more than three commits a second for an hour.
const logCommits = 10_000

// Store is a store.Store. All who use one Store see the same realms. It copies what it is given and what it returns.
type Store struct {
	mu      sync.Mutex
	realms  map[store.Realm]*realm // nil after Close
	changed chan struct{}          // closed, and another one made, by each commit and by Close
}

type realm struct {
	head  store.Head
	items map[string]store.Item
	log   []store.Commit // the last ones, without a gap
}

// New returns an empty store.
func New() *Store {
	return &Store{realms: make(map[store.Realm]*realm), changed: make(chan struct{})}
}

// Load returns all items of the realm.
func (s *Store) Load(ctx context.Context, name store.Realm) ([]store.Item, store.Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return nil, store.Head{}, err
	}
	r := s.realm(name)
	items := slices.AppendSeq(make([]store.Item, 0, len(r.items)), maps.Values(r.items))
	for i := range items {
		items[i].Value = bytes.Clone(items[i].Value)
	}
	return items, r.head, nil
}

// Changes returns the commits after the given revision.
func (s *Store) Changes(ctx context.Context, name store.Realm, after store.Rev, wait time.Duration) ([]store.Commit, store.Head, error) {
	var commits []store.Commit
	var head store.Head
	err := s.await(ctx, wait, func() (found bool, err error) {
		r := s.realm(name)
		head = r.head
		commits, err = r.after(after)
		return len(commits) > 0, err
	})
	return commits, head, err
}

// Commit applies c if the realm is at the given head.
func (s *Store) Commit(ctx context.Context, name store.Realm, at store.Head, c store.Commit) (store.Head, error) {
	c = clone(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return store.Head{}, err
	}
	r := s.realm(name)
	if r.head != at {
		return store.Head{}, store.ErrConflict
	}
	r.apply(c)
	s.realms[name] = r
	s.wake()
	return r.head, nil
}

// Heads returns the heads of the realms that are not at the given revision.
func (s *Store) Heads(ctx context.Context, known map[store.Realm]store.Rev, wait time.Duration) (map[store.Realm]store.Head, error) {
	moved := make(map[store.Realm]store.Head)
	err := s.await(ctx, wait, func() (bool, error) {
		for name, rev := range known {
			if r := s.realm(name); r.head.Rev != rev {
				moved[name] = r.head
			}
		}
		return len(moved) > 0, nil
	})
	return moved, err
}

// Close ends all calls under way, and forgets everything.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.realms != nil {
		s.realms = nil
		s.wake()
	}
	return nil
}

// Trim forgets the log of the realm up to and including the given revision.
func (s *Store) Trim(name store.Realm, upTo store.Rev) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.realm(name)
	r.log = slices.DeleteFunc(r.log, func(c store.Commit) bool { return c.Rev <= upTo })
}

// Inspect returns what there is to say.
func (s *Store) Inspect(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "memory", s.usable(ctx)
}

// Realms returns the realms that somebody wrote to.
func (s *Store) Realms(ctx context.Context) ([]store.Realm, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.realms)), s.usable(ctx)
}

var _ store.Database = (*Store)(nil)
