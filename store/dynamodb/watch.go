package dynamodb

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

// watch looks at the heads that are waited for, again and again, until that fails. Those that are new are looked at at once.
func (s *Store) watch(ctx context.Context, seen *backend.Seen) error {
	var heads map[store.Realm]store.Head // nil before the first look
	for next := time.Now(); ; {
		realms, more := seen.Wanted()
		all := !time.Now().Before(next)
		if !all {
			realms = slices.DeleteFunc(realms, func(realm store.Realm) bool { _, ok := heads[realm]; return ok })
		}
		now, err := s.headsOf(ctx, realms)
		if err != nil {
			return err
		}
		if all {
			next = time.Now().Add(s.options.Poll)
		} else {
			maps.Copy(now, heads)
		}
		note(seen, heads, now)
		heads = now
		select {
		case <-time.After(time.Until(next)):
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// note tells seen of the heads, if they are others than before: each time it wakes all who wait.
func note(seen *backend.Seen, before, now map[store.Realm]store.Head) {
	update := func(sightings backend.Sightings) {
		clear(sightings) // of realms that nobody waits for any more
		for realm, head := range now {
			sightings.Head(realm, head)
		}
	}
	switch {
	case before == nil:
		all := make(backend.Sightings)
		update(all)
		seen.Start(all)
	case !maps.Equal(before, now):
		seen.Update(update)
	}
}
