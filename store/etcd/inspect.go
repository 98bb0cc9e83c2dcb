package etcd

import (
	"context"
	"maps"
	"slices"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

// Inspect asks any member for its version, and reads what there is only permission for after logging in.
func (s *Store) Inspect(ctx context.Context) (string, error) {
	var version string
	err := s.call(ctx, func(ctx context.Context, c *clientv3.Client) error {
		if _, err := c.Get(ctx, s.layout.head(store.Shared)); err != nil {
			return err
		}
		r, err := etcdserverpb.NewMaintenanceClient(c.ActiveConnection()).Status(ctx, &etcdserverpb.StatusRequest{})
		if err == nil {
			version = r.Version
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return backend.AtLeast("etcd", version, 3, 4)
}

// Realms lists the heads.
func (s *Store) Realms(ctx context.Context) ([]store.Realm, error) {
	heads, _, err := s.readAllHeads(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Collect(maps.Keys(heads)), nil
}
