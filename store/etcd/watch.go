package etcd

import (
	"context"
	"errors"
	"math"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

// watch reads all heads, then follows them until something fails. etcd's own watcher would hide that the connection was
// lost, and resume by itself some time; so this is the plain stream, which ends with its connection.
func (s *Store) watch(ctx context.Context, seen *backend.Seen) error {
	all, revision, err := s.readAllHeads(ctx)
	if err != nil {
		return err
	}
	client, err := s.dial(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx)) // a member that is cut off from the others ends the stream
	defer cancel()
	stream, err := etcdserverpb.NewWatchClient(client.ActiveConnection()).Watch(ctx, grpc.MaxCallRecvMsgSize(math.MaxInt32))
	if err != nil {
		return err
	}
	if err := stream.Send(s.watchRequest(revision + 1)); err != nil {
		return err
	}
	for created := false; ; {
		r, err := stream.Recv()
		switch {
		case err != nil:
			return err
		case r.Canceled: // too old a revision, among others
			return errors.New("the watch ended: " + r.CancelReason)
		case r.Created:
			seen.Start(all)
			created = true
			continue
		case !created:
			return errors.New("the watch tells of changes before it has begun")
		}
		seen.Update(func(sightings backend.Sightings) {
			for _, e := range r.Events {
				s.note(sightings, e.Kv)
			}
		})
	}
}

// note notes a realm's head or, if it is the head's, a log entry: a commit writes the head first. A head that cannot be read, or was deleted,
// counts as revision 0, so that those who wait for the realm will read it themselves; the other realms must not suffer. kv may be nil.
func (s *Store) note(seen backend.Sightings, kv *mvccpb.KeyValue) {
	if !s.layout.isHead(kv.GetKey()) {
		if realm := s.layout.logRealm(kv.GetKey()); realm != "" && string(kv.Key) == s.layout.entry(realm, seen[realm].Rev) {
			seen.Entry(realm, seen[realm].Rev, kv.Value)
		}
		return
	}
	realm := s.layout.realm(kv.Key)
	head, err := store.ParseHead(string(kv.Value)) // of a deletion there is no value
	if err != nil {
		s.log.Warn("etcd holds a head that cannot be read", "realm", string(realm), "error", err)
	}
	seen.Head(realm, head)
}

func (s *Store) watchRequest(revision int64) *etcdserverpb.WatchRequest {
	from, to := s.layout.changes()
	return &etcdserverpb.WatchRequest{RequestUnion: &etcdserverpb.WatchRequest_CreateRequest{CreateRequest: &etcdserverpb.WatchCreateRequest{
		Key: []byte(from), RangeEnd: []byte(to), StartRevision: revision,
	}}}
}

// readAllHeads returns the heads of all realms, and the revision of etcd that they are at.
func (s *Store) readAllHeads(ctx context.Context) (backend.Sightings, int64, error) {
	all := make(backend.Sightings)
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
