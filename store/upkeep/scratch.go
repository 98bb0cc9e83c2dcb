package upkeep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/event-gateway/event-gateway/store"
)

// scratchRecord is a record of the scratch realm, where others may write at the same time.
type scratchRecord struct {
	store store.Store
	key   string
	rev   store.Rev // 0: it is not there
	head  store.Head
	began time.Time // the last try to commit
}

const (
	conflicts    = 50 // in a row, each because another check was quicker
	noticedTries = 5
)

// writes puts, overwrites and deletes a record, and then looks at the waits.
func (c *checking) writes(ctx context.Context) {
	key, err := scratchKey()
	r := &scratchRecord{store: c.store, key: key}
	defer r.clean(ctx)
	var commits timing
	if err == nil {
		err = r.refresh(ctx)
	}
	for i := range tries {
		if err != nil {
			break
		}
		value := fmt.Appendf(nil, "%d", i)
		if i == tries-1 {
			value = nil // the last one deletes it
		}
		if err = r.commit(ctx, uuid.NewString(), value); err == nil {
			commits = append(commits, time.Since(r.began))
			err = r.readBack(ctx, value)
		}
	}
	if errors.Is(err, store.ErrUnusable) {
		err = fmt.Errorf("%w (-read-only leaves them out)", err)
	}
	if err != nil {
		c.fail("writes", err)
		return
	}
	c.tell("writes", "allowed")
	c.tell("commit", "%v", commits)
	c.waits(ctx, r)
}

// waits looks how soon those who wait are told.
func (c *checking) waits(ctx context.Context, r *scratchRecord) {
	var took timing
	for range noticedTries {
		if err := bounded(ctx, r.noticed); err != nil {
			c.fail("waits", err)
			return
		}
		took = append(took, time.Since(r.began))
	}
	c.tell("waits", "from a commit to its being noticed: %v", took)
}

// refresh reads where the realm stands.
func (r *scratchRecord) refresh(ctx context.Context) error {
	return bounded(ctx, func(ctx context.Context) error {
		moved, err := r.store.Heads(ctx, map[store.Realm]store.Rev{scratch: 0}, 0)
		r.head = moved[scratch]
		return err
	})
}

// commit writes the record, or deletes it.
func (r *scratchRecord) commit(ctx context.Context, id string, value []byte) error {
	for try := range conflicts {
		r.began = time.Now()
		c := store.Commit{ID: id, Ops: []store.Op{{Key: r.key, Was: r.rev, Value: value}}}
		var head store.Head
		err := bounded(ctx, func(ctx context.Context) (err error) {
			head, err = r.store.Commit(ctx, scratch, r.head, c)
			return err
		})
		if err == nil {
			if r.head, r.rev = head, head.Rev; value == nil {
				r.rev = 0
			}
			return nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		time.Sleep(rand.N(time.Duration(try+1) * 2 * time.Millisecond)) // or two keep each other from it
		if err := r.refresh(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("%d tries in a row were in vain: %w", conflicts, store.ErrConflict)
}

// readBack looks whether the realm holds what was committed. Nobody else writes this record.
func (r *scratchRecord) readBack(ctx context.Context, value []byte) error {
	return bounded(ctx, func(ctx context.Context) error {
		items, _, err := r.store.Load(ctx, scratch)
		if err != nil {
			return err
		}
		for _, item := range items {
			if item.Key == r.key && string(item.Value) == string(value) && item.Rev == r.rev && value != nil {
				return nil
			} else if item.Key == r.key {
				return errors.New("a record is not read as it was written just now")
			}
		}
		if value != nil {
			return errors.New("a record that was written just now is not there")
		}
		return nil
	})
}

// noticed waits for a commit that it makes meanwhile.
func (r *scratchRecord) noticed(ctx context.Context) error {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	after, id := r.head.Rev, uuid.NewString()
	seen := make(chan error, 1)
	go func() { seen <- r.await(waiting, after, id) }()
	err := r.commit(ctx, id, []byte("x"))
	if err != nil {
		cancel()
	}
	return cmp.Or(err, <-seen)
}

// await waits until somebody is told of the commit.
func (r *scratchRecord) await(ctx context.Context, after store.Rev, id string) error {
	for over := time.Now().Add(waitTime); ; {
		commits, head, err := r.store.Changes(ctx, scratch, after, waitTime)
		if err != nil {
			return err
		}
		if time.Until(over) <= 0 {
			return fmt.Errorf("a change was not noticed within %v: gateways would be late", waitTime)
		}
		for _, c := range commits {
			if c.ID == id {
				return nil
			}
		}
		after = head.Rev
	}
}

// clean deletes the record, also when the check was broken off or does not know what is there, and those that checks left behind which were killed.
func (r *scratchRecord) clean(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	_ = bounded(ctx, func(ctx context.Context) error {
		for {
			items, head, err := r.store.Load(ctx, scratch)
			if err != nil {
				return err
			}
			c := store.Commit{ID: uuid.NewString()}
			for _, item := range items {
				if len(c.Ops) < store.MaxOps && (item.Key == r.key || abandoned(item.Key)) {
					c.Ops = append(c.Ops, store.Op{Key: item.Key, Was: item.Rev})
				}
			}
			if len(c.Ops) == 0 {
				return nil
			}
			if _, err = r.store.Commit(ctx, scratch, head, c); !errors.Is(err, store.ErrConflict) {
				return err
			}
		}
	})
}

// scratchKey returns a key that tells when it was made.
func scratchKey() (string, error) {
	id, err := uuid.NewV7()
	return scratchPrefix + id.String(), err
}

const scratchPrefix = "check/"

// abandoned says whether the check that made the key must have ended long ago.
func abandoned(key string) bool {
	id, err := uuid.Parse(strings.TrimPrefix(key, scratchPrefix))
	if err != nil || id.Version() != 7 {
		return false
	}
	sec, nsec := id.Time().UnixTime()
	return time.Since(time.Unix(sec, nsec)) > time.Hour
}
