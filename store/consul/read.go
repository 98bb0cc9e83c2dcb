package consul

import (
	"context"
	"maps"
	"slices"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

const (
	pageBytes    = 2 << 20 // what an answer should be about as large as: Consul makes it in memory, several times over, before it sends any of it
	pairBytes    = 100     // what a pair takes besides its key and value
	firstEntries = 2       // log entries of the first request; most catch-ups are shorter
)

// Load returns all items of the realm: in one transaction if they are not too many, else some buckets at a time.
func (s *Store) Load(ctx context.Context, realm store.Realm) ([]store.Item, store.Head, error) {
	sample, err := s.read(ctx, getTree(s.layout.bucket(realm, 0)))
	if err != nil {
		return nil, store.Head{}, err
	}
	size := 1
	for _, p := range sample {
		size += len(p.Key) + len(p.Value) + pairBytes
	}
	if size*buckets <= pageBytes {
		return s.loadAtOnce(ctx, realm)
	}
	return backend.Load(backend.Pieces{
		Head: func() (store.Head, error) {
			h, err := s.readHead(ctx, realm)
			return h.Head, err
		},
		Items:   func() ([]store.Item, error) { return s.readItems(ctx, realm, min(max(pageBytes/size, 1), maxOps)) },
		Changes: func(after store.Rev) ([]store.Commit, store.Head, error) { return s.changes(ctx, realm, after) },
	})
}

func (s *Store) loadAtOnce(ctx context.Context, realm store.Realm) ([]store.Item, store.Head, error) {
	pairs, err := s.read(ctx, get(s.layout.head(realm)), getTree(s.layout.items(realm)))
	if err != nil {
		return nil, store.Head{}, err
	}
	h, err := headOf(pairs[0])
	if err != nil {
		return nil, store.Head{}, err
	}
	items := make([]store.Item, len(pairs)-1)
	for i, p := range pairs[1:] {
		items[i] = s.layout.item(realm, p)
	}
	return items, h.Head, nil
}

// readItems reads all buckets, so many at a time.
func (s *Store) readItems(ctx context.Context, realm store.Realm, atOnce int) ([]store.Item, error) {
	var all []op
	for bucket := range buckets {
		all = append(all, getTree(s.layout.bucket(realm, byte(bucket))))
	}
	var items []store.Item
	for some := range slices.Chunk(all, atOnce) {
		pairs, err := s.read(ctx, some...)
		if err != nil {
			return nil, err
		}
		for _, p := range pairs {
			items = append(items, s.layout.item(realm, p))
		}
	}
	return items, nil
}

// readHeads leaves out what is no head, so that one broken realm does not stop the others; Load and Changes fail for it.
func (s *Store) readHeads(ctx context.Context, known map[store.Realm]store.Rev) (map[store.Realm]store.Head, error) {
	moved := make(map[store.Realm]store.Head)
	for realms := range slices.Chunk(slices.Collect(maps.Keys(known)), maxOps) {
		gets := make([]op, len(realms))
		for i, realm := range realms {
			gets[i] = get(s.layout.head(realm))
		}
		pairs, err := s.read(ctx, gets...)
		if err != nil {
			return nil, err
		}
		for i, realm := range realms {
			if h, err := headOf(pairs[i]); err == nil && h.Rev != known[realm] {
				moved[realm] = h.Head
			}
		}
	}
	return moved, nil
}

// changes returns the commits after the revision. Each page comes with the head of its moment, and the last one reaches it.
func (s *Store) changes(ctx context.Context, realm store.Realm, after store.Rev) ([]store.Commit, store.Head, error) {
	var commits []store.Commit
	for n, size := firstEntries, 0; ; {
		ops := make([]op, 1, 1+n)
		ops[0] = get(s.layout.head(realm))
		for i := range n {
			ops = append(ops, get(s.layout.entry(realm, after+1+store.Rev(i))))
		}
		pairs, err := s.read(ctx, ops...)
		if err != nil {
			return nil, store.Head{}, err
		}
		h, err := headOf(pairs[0])
		if err != nil {
			return nil, store.Head{}, err
		}
		if h.Rev < after {
			return nil, store.Head{}, store.ErrTrimmed
		}
		for _, p := range pairs[1 : 1+min(store.Rev(n), h.Rev-after)] {
			after++
			c, err := s.entry(realm, after, p)
			if err != nil {
				return nil, store.Head{}, err
			}
			commits, size = append(commits, c), size+len(p.Value)
		}
		if after == h.Rev {
			return commits, h.Head, nil
		}
		n = min(max(pageBytes*len(commits)/size, 1), 4*n, maxOps-1)
	}
}

// entry reads a log entry. One that is not there, or cannot be read, was trimmed.
func (s *Store) entry(realm store.Realm, rev store.Rev, p pair) (store.Commit, error) {
	if p.ModifyIndex == 0 {
		return store.Commit{}, store.ErrTrimmed
	}
	c, err := store.DecodeCommit(rev, p.Value)
	if err != nil {
		s.log.Warn("consul holds a log entry that cannot be read", "realm", string(realm), "error", err)
		return store.Commit{}, store.ErrTrimmed
	}
	return c, nil
}
