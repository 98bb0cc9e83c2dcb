package upkeep

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/event-gateway/event-gateway/store"
)

// target is what TO holds, and what it should hold.
type target struct {
	want, last contents // last is what this run wrote before
	have       contents
	heads      heads
}

const (
	commitTimeout = 10 * time.Second
	firstPause    = 100 * time.Millisecond
	maxPause      = 5 * time.Second
	// patience is how often in a row a realm cannot be written to: about half a minute, if TO is away.
	patience = 9
)

// write makes all realms of TO hold what they should.
func (c *copying) write(ctx context.Context, t target) error {
	return each(ctx, union(t.want, t.have), func(ctx context.Context, realm store.Realm) error {
		r := &targetRealm{copying: c, realm: realm, want: t.want[realm], last: t.last[realm], have: t.have[realm], head: t.heads[realm]}
		return r.write(ctx)
	})
}

// targetRealm is a realm of TO.
type targetRealm struct {
	*copying
	realm            store.Realm
	want, last, have map[string]store.Item
	head             store.Head

	doubtful *store.Commit // the outcome is not known; it was made at head
}

// write goes on until the realm holds what it should. After each failure it reads what is there.
func (r *targetRealm) write(ctx context.Context) error {
	pause := firstPause
	for failures := 1; ; failures++ {
		progress, err := r.try(ctx)
		if progress {
			failures, pause = 1, firstPause
		}
		var final refusal
		switch {
		case err == nil, errors.As(err, &final):
			return err
		case errors.Is(err, store.ErrUnusable), failures == patience:
			return fmt.Errorf("TO: realm %q: %w", r.realm, err)
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause = min(2*pause, maxPause)
	}
}

// try writes what is missing, and says whether there is more of it than before.
func (r *targetRealm) try(ctx context.Context) (progress bool, err error) {
	if r.doubtful != nil {
		if progress, err = r.resolve(ctx); err != nil {
			return progress, err
		}
	}
	ops := changes(r.want, r.have)
	slices.SortFunc(ops, func(a, b store.Op) int { return strings.Compare(a.Key, b.Key) })
	for ; len(ops) > 0; progress = true {
		n := pack(ops)
		if err := r.commit(ctx, store.Commit{ID: uuid.NewString(), Ops: ops[:n]}); err != nil {
			return progress, err
		}
		ops = ops[n:]
	}
	return true, nil
}

// commit is not broken off when ctx ends.
func (r *targetRealm) commit(ctx context.Context, c store.Commit) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	head, err := r.to.Commit(ctx, r.realm, r.head, c)
	if err != nil {
		r.doubtful = &c
		return err
	}
	r.head = head
	r.landed(c)
	return nil
}

// resolve reads what is there after a commit that may have landed or not. If it has not, it cannot do so after the next one.
func (r *targetRealm) resolve(ctx context.Context) (landed bool, err error) {
	have, head, err := readRealm(ctx, r.to, r.realm)
	if err != nil {
		return false, err
	}
	if landed = head == r.head.Next(*r.doubtful); landed {
		r.copying.landed(*r.doubtful)
	}
	r.have, r.head, r.doubtful = have, head, nil
	only := func(records map[string]store.Item) contents { return contents{r.realm: records} }
	return landed, others(only(have), only(r.want), only(r.last))
}
