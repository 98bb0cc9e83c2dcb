package zookeeper

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/go-zookeeper/zk"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

const logPage = 256 // log entries that are read at once

// Load returns all items of the realm. All is read by one session, so that no item is older than the head that it began with.
func (s *Store) Load(ctx context.Context, realm store.Realm) (items []store.Item, head store.Head, err error) {
	err = s.call(ctx, func(c *session) error {
		items, head, err = backend.Load(backend.Pieces{
			Head:  func() (store.Head, error) { return s.newestHead(ctx, c, realm) },
			Items: func() ([]store.Item, error) { return s.items(ctx, c, realm) },
			Changes: func(after store.Rev) ([]store.Commit, store.Head, error) {
				return s.changesSince(ctx, c, realm, after)
			},
		})
		return err
	})
	if err != nil {
		return nil, store.Head{}, err
	}
	return items, head, nil
}

// items reads the items, each as it is at some moment during the call.
func (s *Store) items(ctx context.Context, c *session, realm store.Realm) ([]store.Item, error) {
	places, err := s.places(ctx, c, realm)
	if err != nil {
		return nil, err
	}
	items := make([]store.Item, len(places))
	err = c.each(ctx, len(places), func(i int) error {
		data, stat, err := c.get(places[i].path)
		if stat != nil && err == nil {
			items[i] = item(places[i].key, data)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(items, func(i store.Item) bool { return i.Key == "" }), nil
}

// place says where an item is.
type place struct{ key, path string }

// places lists the items of a realm. What is no item, or lies where no item with its name belongs, is left out.
func (s *Store) places(ctx context.Context, c *session, realm store.Realm) ([]place, error) {
	records := s.layout.records(realm)
	var names []string
	err := c.do(ctx, func() (err error) {
		names, err = c.children(records)
		return err
	})
	if err != nil {
		return nil, err
	}
	found, strays, parents := make([][]place, len(names)), make([][]string, len(names)), make([]string, len(names))
	err = c.each(ctx, len(names), func(i int) error {
		parents[i] = records + "/" + names[i]
		children, err := c.children(parents[i])
		for _, name := range children {
			if key, ok := unescape(name); ok && bucket(key) == names[i] {
				found[i] = append(found[i], place{key, parents[i] + "/" + name})
			} else {
				strays[i] = append(strays[i], parents[i]+"/"+name)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if stray := slices.Concat(strays...); len(stray) > 0 {
		s.log.Warn("ZooKeeper holds nodes among the records that are none",
			"realm", string(realm), "nodes", len(stray), "one", fmt.Sprintf("%.200q", stray[0]))
	}
	c.memory.noteNodes(parents)
	return slices.Concat(found...), nil
}

// newestHead returns a head that is at least as new as the call. If it is still the one that was seen last, one request tells.
func (s *Store) newestHead(ctx context.Context, c *session, realm store.Realm) (store.Head, error) {
	last := c.memory.head(realm)
	checks := []any{check(s.layout.heads(), -1)}
	if last.Rev > 0 {
		checks = []any{check(s.layout.mark(realm, last.Head), -1), check(s.layout.head(realm), last.version)}
	}
	same, err := c.catchUp(ctx, checks...)
	if err != nil || same && last.Rev > 0 {
		return last.Head, err
	}
	head, err := s.readHead(ctx, c, realm)
	return head.Head, err
}

// readHeads leaves out what is no head, or may not be read, so that one broken realm does not stop the others; Load and Changes fail for it.
func (s *Store) readHeads(ctx context.Context, known map[store.Realm]store.Rev) (map[store.Realm]store.Head, error) {
	moved := make(map[store.Realm]store.Head)
	if len(known) == 0 {
		return moved, ctx.Err()
	}
	err := s.call(ctx, func(c *session) error {
		if _, err := c.catchUp(ctx, check(s.layout.heads(), -1)); err != nil {
			return err
		}
		realms := slices.Collect(maps.Keys(known))
		heads, readable := make([]store.Head, len(realms)), make([]bool, len(realms))
		var forbidden atomic.Int32
		err := c.each(ctx, len(realms), func(i int) error {
			data, _, err := c.get(s.layout.head(realms[i]))
			switch {
			case errors.Is(err, zk.ErrNoAuth):
				forbidden.Add(1)
				return nil
			case err != nil:
				return err
			}
			heads[i], err = store.ParseHead(string(data))
			readable[i] = err == nil
			return nil
		})
		if err == nil && int(forbidden.Load()) == len(realms) {
			err = zk.ErrNoAuth // so it is not those realms that are broken
		}
		if err != nil {
			return err
		}
		for i, realm := range realms {
			if readable[i] && heads[i].Rev != known[realm] {
				moved[realm] = heads[i]
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return moved, nil
}

// changes returns the commits after the revision.
func (s *Store) changes(ctx context.Context, realm store.Realm, after store.Rev) (commits []store.Commit, head store.Head, err error) {
	err = s.call(ctx, func(c *session) error {
		commits, head, err = s.changesSince(ctx, c, realm, after)
		return err
	})
	if err != nil {
		return nil, store.Head{}, err
	}
	return commits, head, nil
}

// changesSince reads the head, then the log until there: entries that are gone by now are an old log's.
func (s *Store) changesSince(ctx context.Context, c *session, realm store.Realm, after store.Rev) ([]store.Commit, store.Head, error) {
	head, err := s.newestHead(ctx, c, realm)
	if err != nil {
		return nil, store.Head{}, err
	}
	if after > head.Rev {
		return nil, store.Head{}, store.ErrTrimmed
	}
	var commits []store.Commit
	for after < head.Rev {
		page, err := s.entries(ctx, c, realm, after, int(min(head.Rev-after, logPage)))
		if err != nil {
			return nil, store.Head{}, err
		}
		commits, after = append(commits, page...), after+store.Rev(len(page))
	}
	return commits, head, nil
}

// entries reads the n log entries after the revision.
func (s *Store) entries(ctx context.Context, c *session, realm store.Realm, after store.Rev, n int) ([]store.Commit, error) {
	commits := make([]store.Commit, n)
	err := c.each(ctx, n, func(i int) error {
		rev := after + 1 + store.Rev(i)
		data, stat, err := c.get(s.layout.entry(realm, rev))
		switch {
		case err != nil:
			return err
		case stat == nil:
			return store.ErrTrimmed
		}
		if commits[i], err = store.DecodeCommit(rev, data); err != nil { // as good as not there
			s.log.Warn("ZooKeeper holds a log entry that cannot be read", "realm", string(realm), "error", err)
			return store.ErrTrimmed
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return commits, nil
}
