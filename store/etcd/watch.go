package etcd

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"github.com/event-gateway/event-gateway/store"
)

// heads is what the watch has seen. Those who wait look at it, then wait for a change of it.
type heads struct {
	mu      sync.Mutex
	started bool
	stopped bool
	healthy bool // the watch runs, so that seen is at most late
	seen    map[store.Realm]sighting
	changed chan struct{} // closed, and another one made, by each change
}

// sighting is the newest that the watch has seen of a realm. The log entry of that revision comes with its head, so that those who wait
// need not read it; a large one is not kept.
type sighting struct {
	store.Head
	entry []byte
}

const largestKept = 4 << 10

func newHeads() heads { return heads{changed: make(chan struct{})} }

// look has f look at what was seen. A change after it closes changed.
func (h *heads) look(f func(seen map[store.Realm]sighting) sight) (changed <-chan struct{}, s sight, healthy bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed, f(h.seen), h.healthy
}

// next returns the commit right after a revision, if it is the newest and the watch has brought it.
func (h *heads) next(realm store.Realm, after store.Rev) (c store.Commit, head store.Head, ok bool) {
	h.mu.Lock()
	s, healthy := h.seen[realm], h.healthy
	h.mu.Unlock()
	if !healthy || s.Rev != after+1 || s.entry == nil {
		return c, head, false
	}
	c, err := store.DecodeCommit(s.Rev, s.entry)
	return c, s.Head, err == nil
}

func (h *heads) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	close(h.changed)
	h.changed = make(chan struct{})
}

// stop keeps the watch from being started.
func (h *heads) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
}

// follow starts the watch, unless it runs. It runs until Close.
func (s *Store) follow() error {
	s.heads.mu.Lock()
	defer s.heads.mu.Unlock()
	if s.heads.stopped {
		return store.ErrClosed
	}
	if !s.heads.started {
		s.heads.started = true
		s.watcher.Go(s.watch)
	}
	return nil
}

const (
	firstPause = 50 * time.Millisecond
	maxPause   = 5 * time.Second
)

// watch keeps s.heads until Close.
func (s *Store) watch() {
	pause, lost := firstPause, false
	for s.ctx.Err() == nil {
		healthySince := time.Time{}
		err := s.watchOnce(func() {
			if lost {
				s.log.Debug("etcd is back", "endpoints", s.where())
			}
			lost, healthySince = false, time.Now()
		})
		// Those who wait ask the database themselves now, and return what it says: each time, so that they poll at worst.
		s.heads.change(func() { s.heads.healthy = false })
		if s.ctx.Err() == nil && !lost {
			s.log.Debug("etcd is away; trying again", "error", err)
			lost = true
		}
		if !healthySince.IsZero() && time.Since(healthySince) > maxPause {
			pause = firstPause
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-s.ctx.Done():
		}
		pause = min(2*pause, maxPause)
	}
}

// watchOnce reads all heads, then follows them until something fails. etcd's own watcher would hide that the connection was
// lost, and resume by itself some time; so this is the plain stream, which ends with its connection.
func (s *Store) watchOnce(healthy func()) error {
	seen, revision, err := s.readAllHeads(s.ctx)
	if err != nil {
		return err
	}
	client, err := s.dial(s.ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(s.ctx)) // a member that is cut off from the others ends the stream
	defer cancel()
	stream, err := etcdserverpb.NewWatchClient(client.ActiveConnection()).Watch(ctx, grpc.MaxCallRecvMsgSize(math.MaxInt32))
	if err != nil {
		return err
	}
	if err := stream.Send(s.watchRequest(revision + 1)); err != nil {
		return err
	}
	for {
		r, err := stream.Recv()
		switch {
		case err != nil:
			return err
		case r.Canceled: // too old a revision, among others
			return errors.New("the watch ended: " + r.CancelReason)
		case r.Created:
			s.heads.change(func() { s.heads.seen, s.heads.healthy = seen, true })
			healthy()
			continue
		}
		s.heads.change(func() {
			for _, e := range r.Events {
				s.note(s.heads.seen, e.Kv)
			}
		})
	}
}

// note keeps a realm's head or, if it is the head's, a log entry: a commit writes the head first. A head that cannot be read, or was deleted,
// counts as revision 0, so that those who wait for the realm will read it themselves; the other realms must not suffer.
func (s *Store) note(seen map[store.Realm]sighting, kv *mvccpb.KeyValue) {
	if !s.layout.isHead(kv.Key) {
		realm := s.layout.logRealm(kv.Key)
		if realm == "" {
			return
		}
		if at := seen[realm]; len(kv.Value) > 0 && len(kv.Value) <= largestKept && string(kv.Key) == s.layout.entry(realm, at.Rev) {
			at.entry = kv.Value
			seen[realm] = at
		}
		return
	}
	realm := s.layout.realm(kv.Key)
	head, err := store.ParseHead(string(kv.Value)) // of a deletion there is no value
	if err != nil {
		s.log.Warn("etcd holds a head that cannot be read", "realm", string(realm), "error", err)
	}
	seen[realm] = sighting{Head: head}
}

func (s *Store) watchRequest(revision int64) *etcdserverpb.WatchRequest {
	from, to := s.layout.changes()
	return &etcdserverpb.WatchRequest{RequestUnion: &etcdserverpb.WatchRequest_CreateRequest{CreateRequest: &etcdserverpb.WatchCreateRequest{
		Key: []byte(from), RangeEnd: []byte(to), StartRevision: revision,
	}}}
}

// readAllHeads returns the heads of all realms, and the revision of etcd that they are at.
func (s *Store) readAllHeads(ctx context.Context) (map[store.Realm]sighting, int64, error) {
	all := make(map[store.Realm]sighting)
	from, to := s.layout.heads(), end(s.layout.heads())
	revision := int64(0) // the newest
	for {
		page, err := s.page(ctx, from, to, largestPage, revision)
		if err != nil {
			return nil, 0, err
		}
		if revision == 0 {
			revision = page.Header.Revision
		}
		for _, kv := range page.Kvs {
			s.note(all, kv)
		}
		if !page.More {
			return all, revision, nil
		}
		from = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
	}
}
