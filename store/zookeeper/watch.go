package zookeeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

const (
	// wantedEvery is how often realms that nobody waits for any more are looked for, and those whose heads may not be read are tried again.
	wantedEvery = time.Minute
	// maxUnwanted is how many realms that nobody waits for may be watched. Watches cannot be taken back, but with the session.
	maxUnwanted = 10_000
)

// watch watches the heads of the realms that are waited for, until the session is lost. ZooKeeper's watches tell of one change only, and without
// its value: each is set again by the read that follows, so that nothing is missed.
func (s *Store) watch(ctx context.Context, seen *backend.Seen) error {
	c, err := s.session(ctx)
	if err != nil {
		return err
	}
	w := &watcher{Store: s, session: c, seen: seen, watched: make(map[store.Realm]store.Rev)}
	return s.explain(ctx, w.run(ctx))
}

type watcher struct {
	*Store
	session *session
	seen    *backend.Seen
	started bool
	wanted  map[store.Realm]bool
	watched map[store.Realm]store.Rev // the revision that was seen last
}

func (w *watcher) run(ctx context.Context) error {
	again := time.NewTicker(wantedEvery)
	defer again.Stop()
	for {
		more, err := w.watchWanted(ctx)
		if err != nil {
			return err
		}
		for waiting := true; waiting; {
			select {
			case <-w.session.changed:
				err = w.watchFired(ctx)
			case <-more:
				waiting = false
			case <-again.C:
				waiting = false
			case <-w.session.lost:
				err = fmt.Errorf("the connection was lost: %w", w.session.wire.problem())
			case <-ctx.Done():
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
		}
	}
}

// watchWanted watches the realms that are waited for and not watched yet. It returns a channel that is closed when there are more.
func (w *watcher) watchWanted(ctx context.Context) (more <-chan struct{}, err error) {
	realms, more := w.seen.Wanted()
	w.wanted = make(map[store.Realm]bool, len(realms))
	var unwatched []store.Realm
	for _, realm := range realms {
		w.wanted[realm] = true
		if _, ok := w.watched[realm]; !ok {
			unwatched = append(unwatched, realm)
		}
	}
	if len(w.watched) > len(w.wanted)+maxUnwanted {
		w.session.wire.Close()
		return nil, errors.New("the session watches too much that nobody waits for: it is replaced")
	}
	return more, w.watchHeads(ctx, unwatched)
}

// watchFired watches the realms again whose watches have fired, and forgets those that nobody waits for.
func (w *watcher) watchFired(ctx context.Context) error {
	var realms, unwanted []store.Realm
	for _, node := range w.session.takeFired() {
		realm, ok := w.layout.realm(node)
		switch {
		case !ok:
		case w.wanted[realm]:
			realms = append(realms, realm)
		default:
			unwanted = append(unwanted, realm)
			delete(w.watched, realm)
		}
	}
	if len(unwanted) > 0 {
		w.seen.Update(func(sightings backend.Sightings) {
			for _, realm := range unwanted {
				delete(sightings, realm)
			}
		})
	}
	return w.watchHeads(ctx, realms)
}

// sight is what was seen of a realm.
type sight struct {
	head    store.Head
	entry   []byte // the log's after the revision that was seen before
	watched bool
}

// watchHeads watches realms, and tells what it sees of them.
func (w *watcher) watchHeads(ctx context.Context, realms []store.Realm) error {
	sights := make([]sight, len(realms))
	err := w.session.each(ctx, 2*len(realms), func(i int) error {
		if i%2 == 0 {
			return w.watchHead(realms[i/2], &sights[i/2])
		}
		if rev, ok := w.watched[realms[i/2]]; ok {
			sights[i/2].entry, _, _ = w.session.get(w.layout.entry(realms[i/2], rev+1))
		}
		return nil
	})
	if err != nil {
		return err
	}
	note := func(sightings backend.Sightings) {
		for i, realm := range realms {
			rev := w.watched[realm] + 1
			if delete(w.watched, realm); sights[i].watched {
				w.watched[realm] = sights[i].head.Rev
			}
			sightings.Head(realm, sights[i].head)
			sightings.Entry(realm, rev, sights[i].entry)
		}
	}
	switch {
	case !w.started:
		all := make(backend.Sightings)
		note(all)
		w.seen.Start(all)
		w.started = true
	case len(realms) > 0:
		w.seen.Update(note)
	}
	return nil
}

// watchHead watches a realm. A head that cannot be read counts as revision 0, so that those who wait for the realm will read it themselves; the
// other realms must not suffer.
func (w *watcher) watchHead(realm store.Realm, seen *sight) error {
	data, stat, err := w.session.getAndWatch(w.layout.head(realm))
	if refused(err) {
		return nil
	}
	if err != nil {
		return err
	}
	seen.watched = true
	head, err := parseHead(data, stat)
	if err != nil {
		w.log.Warn("ZooKeeper holds a head that cannot be read", "realm", string(realm), "error", err)
		return nil
	}
	seen.head = head.Head
	w.session.memory.noteHead(realm, head)
	return nil
}
