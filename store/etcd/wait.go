package etcd

import (
	"context"
	"maps"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/event-gateway/event-gateway/store"
)

// Changes returns the commits after the given revision.
func (s *Store) Changes(ctx context.Context, realm store.Realm, after store.Rev, wait time.Duration) (commits []store.Commit, head store.Head, err error) {
	if wait <= 0 {
		return s.changes(ctx, realm, after)
	}
	read := func(bool) (found bool, err error) {
		if c, at, ok := s.heads.next(realm, after); ok {
			commits, head = []store.Commit{c}, at
			return true, nil
		}
		commits, head, err = s.changes(ctx, realm, after)
		return len(commits) > 0, err
	}
	err = s.await(ctx, wait, read, func(seen map[store.Realm]sighting) sight {
		if seen[realm].Rev == after {
			head = seen[realm].Head
		}
		return compare(seen[realm].Rev, after)
	})
	return commits, head, err
}

// Heads returns the heads of the realms that are not at the given revision.
func (s *Store) Heads(ctx context.Context, known map[store.Realm]store.Rev, wait time.Duration) (map[store.Realm]store.Head, error) {
	moved := make(map[store.Realm]store.Head)
	if wait <= 0 {
		return moved, s.readHeads(ctx, known, moved)
	}
	differ := make(map[store.Realm]store.Rev) // those of which the watch has seen something else
	read := func(all bool) (bool, error) {
		realms := differ
		if all {
			realms = known
		}
		err := s.readHeads(ctx, realms, moved)
		return len(moved) > 0, err
	}
	err := s.await(ctx, wait, read, func(seen map[store.Realm]sighting) sight {
		most := same
		clear(differ)
		for realm, rev := range known {
			if sight := compare(seen[realm].Rev, rev); sight != same {
				differ[realm] = rev
				most = max(most, sight)
			}
		}
		return most
	})
	return moved, err
}

const txnOps = 128 // what etcd allows in one transaction, unless told otherwise

// readHeads puts those heads into moved that are not at the known revision. It leaves out what is no head, so that one broken
// realm does not stop the others; Load and Changes fail for it.
func (s *Store) readHeads(ctx context.Context, known map[store.Realm]store.Rev, moved map[store.Realm]store.Head) error {
	for realms := range slices.Chunk(slices.Collect(maps.Keys(known)), txnOps) {
		gets := make([]clientv3.Op, len(realms))
		for i, realm := range realms {
			gets[i] = clientv3.OpGet(s.layout.head(realm))
		}
		txn, err := s.read(ctx, gets...)
		if err != nil {
			return err
		}
		for i, realm := range realms {
			head, err := headOf(txn.Responses[i].GetResponseRange().Kvs)
			if err == nil && head.Rev != known[realm] {
				moved[realm] = head
			}
		}
	}
	return nil
}

// sight is how what the watch has seen compares with what a caller knows.
type sight int

const (
	same   sight = iota
	behind       // the watch is late, which is usual after one's own commit, or the realm was set back
	ahead
)

func compare(seen, known store.Rev) sight {
	switch {
	case seen > known:
		return ahead
	case seen < known:
		return behind
	}
	return same
}

// await reads as soon as the watch gives reason to, until read finds something or fails, or wait is over. What the watch has seen is
// only ever the reason to read, so that it does not matter if it is late; and it is looked at again after each change of it. read is
// told whether it has to read all, as the watch is no guide or the wait is over.
func (s *Store) await(ctx context.Context, wait time.Duration, read func(all bool) (found bool, err error), look func(seen map[store.Realm]sighting) sight) error {
	if err := s.follow(); err != nil {
		return err
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	for first := true; ; first = false {
		changed, sight, healthy := s.heads.look(look)
		if !healthy || sight == ahead || sight == behind && first {
			if found, err := read(!healthy); found || err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-over.C:
			_, err := read(true) // so that what the watch missed, or that the database is away, is found out now and then
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done():
			return store.ErrClosed
		}
	}
}
