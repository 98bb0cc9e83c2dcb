package memory

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// await calls look, with s.mu held, until it finds something or fails, or wait is over.
func (s *Store) await(ctx context.Context, wait time.Duration, look func() (found bool, err error)) error {
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		s.mu.Lock()
		changed := s.changed
		err := s.usable(ctx)
		found := false
		if err == nil {
			found, err = look()
		}
		s.mu.Unlock()
		if found || err != nil || wait <= 0 {
			return err
		}
		select {
		case <-changed:
		case <-over.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// usable says why a call cannot go on, if so.
func (s *Store) usable(ctx context.Context) error {
	if s.realms == nil {
		return store.ErrClosed
	}
	return ctx.Err()
}

func (s *Store) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// realm returns an empty one, which is not kept, for a realm that nobody wrote to.
func (s *Store) realm(name store.Realm) *realm {
	if r := s.realms[name]; r != nil {
		return r
	}
	return &realm{items: make(map[string]store.Item)}
}

// apply makes c, which becomes the realm's own, the next commit.
func (r *realm) apply(c store.Commit) {
	r.head = r.head.Next(c)
	c.Rev = r.head.Rev
	for _, op := range c.Ops {
		if op.Value == nil {
			delete(r.items, op.Key)
		} else {
			r.items[op.Key] = store.Item{Key: op.Key, Value: op.Value, Rev: c.Rev}
		}
	}
	if len(r.log) == logCommits {
		r.log[0] = store.Commit{} // let go of the values
		r.log = r.log[1:]
	}
	r.log = append(r.log, c)
}

// after returns copies of all commits after the revision.
func (r *realm) after(rev store.Rev) ([]store.Commit, error) {
	if rev > r.head.Rev || r.head.Rev-rev > store.Rev(len(r.log)) {
		return nil, store.ErrTrimmed
	}
	newest := r.log[len(r.log)-int(r.head.Rev-rev):]
	commits := make([]store.Commit, len(newest))
	for i, c := range newest {
		commits[i] = clone(c)
	}
	return commits, nil
}

func clone(c store.Commit) store.Commit {
	c.Ops = slices.Clone(c.Ops)
	for i := range c.Ops {
		c.Ops[i].Value = bytes.Clone(c.Ops[i].Value)
	}
	return c
}
