package etcd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/event-gateway/event-gateway/store"
)

// Commit writes the head, a log entry and the items in one transaction, if the head is still the given one.
func (s *Store) Commit(ctx context.Context, realm store.Realm, at store.Head, c store.Commit) (store.Head, error) {
	next := at.Next(c)
	entry, err := c.Encode()
	if err != nil {
		return store.Head{}, err
	}
	for first := true; ; first = false {
		lease, err := s.currentLease(ctx)
		if err != nil {
			return store.Head{}, err
		}
		landed, unanswered := false, false
		err = s.call(ctx, func(ctx context.Context, client *clientv3.Client) error {
			r, err := client.Txn(ctx).If(s.unchanged(realm, at)).Then(s.writes(realm, next, c, entry, lease)...).Commit()
			landed, unanswered = err == nil && r.Succeeded, errors.Is(err, context.DeadlineExceeded)
			return err
		})
		switch {
		case first && errors.Is(err, rpctypes.ErrLeaseNotFound): // so nothing was written
			s.dropLease(ctx, lease)
		case unanswered && errors.Is(err, store.ErrUnusable): // whatever the connection has come to since, the commit may have landed
			return store.Head{}, fmt.Errorf("a commit had no answer: %v", err)
		case err != nil:
			return store.Head{}, err
		case !landed:
			return store.Head{}, store.ErrConflict
		default:
			return next, nil
		}
	}
}

func (s *Store) unchanged(realm store.Realm, at store.Head) clientv3.Cmp {
	if at == (store.Head{}) {
		return clientv3.Compare(clientv3.CreateRevision(s.layout.head(realm)), "=", 0)
	}
	return clientv3.Compare(clientv3.Value(s.layout.head(realm)), "=", at.String())
}

func (s *Store) writes(realm store.Realm, next store.Head, c store.Commit, entry []byte, lease clientv3.LeaseID) []clientv3.Op {
	ops := make([]clientv3.Op, 0, 2+len(c.Ops))
	ops = append(ops,
		clientv3.OpPut(s.layout.head(realm), next.String()),
		clientv3.OpPut(s.layout.entry(realm, next.Rev), string(entry), clientv3.WithLease(lease)))
	for _, op := range c.Ops {
		if key := s.layout.items(realm) + op.Key; op.Value == nil {
			ops = append(ops, clientv3.OpDelete(key))
		} else {
			ops = append(ops, clientv3.OpPut(key, itemValue(next.Rev, op.Value)))
		}
	}
	return ops
}

// lease is what log entries are written with. It is never kept alive: entries of its first moments live for two times store.LogAge,
// those of its last moments for one. So old entries go away by themselves, some hundreds or thousands with one lease.
type lease struct {
	id      clientv3.LeaseID
	granted time.Time
}

// currentLease returns the lease, or a new one if there is none or it is too old.
func (s *Store) currentLease(ctx context.Context) (clientv3.LeaseID, error) {
	timed, cancel := context.WithTimeout(ctx, s.options.Timeout) // for those who wait here together
	defer cancel()
	if err := s.leasing.enter(timed); err != nil {
		return 0, s.explain(ctx, err)
	}
	defer s.leasing.leave()
	if s.lease.id != 0 && time.Since(s.lease.granted) < store.LogAge {
		return s.lease.id, nil
	}
	fresh := lease{granted: time.Now()}
	err := s.call(timed, func(ctx context.Context, c *clientv3.Client) error {
		r, err := c.Grant(ctx, int64(2*store.LogAge/time.Second))
		if err == nil {
			fresh.id = r.ID
		}
		return err
	})
	if err != nil {
		return 0, s.explain(ctx, err)
	}
	s.lease = fresh
	return fresh.id, nil
}

// dropLease forgets the lease, which etcd does not know (any more). If ctx ends first, the next commit will find that out.
func (s *Store) dropLease(ctx context.Context, id clientv3.LeaseID) {
	if s.leasing.enter(ctx) != nil {
		return
	}
	defer s.leasing.leave()
	if s.lease.id == id {
		s.lease = lease{}
	}
}
