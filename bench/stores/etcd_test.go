package stores

import (
	"context"
	"net/url"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/event-gateway/event-gateway/store"
)

type etcdClient struct {
	addr string
	t    *testing.T
	c    *clientv3.Client
	rev  int64 // of the key that is swapped
}

func dialEtcd(t *testing.T, raw string) client {
	e := &etcdClient{addr: hostOf(t, raw), t: t}
	e.c = e.dial()
	if _, err := e.c.Put(t.Context(), "bench/read", aHead); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *etcdClient) dial() *clientv3.Client {
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{e.addr}, Logger: zap.NewNop()})
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { c.Close() })
	return c
}

func (e *etcdClient) read(ctx context.Context) error {
	_, err := e.c.Get(ctx, "bench/read")
	return err
}

func (e *etcdClient) swap(ctx context.Context) error {
	r, err := e.c.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision("bench/swap"), "=", e.rev)).Then(clientv3.OpPut("bench/swap", aRecord)).Commit()
	if err != nil {
		return err
	}
	e.rev = r.Header.Revision
	return swapped(r.Succeeded)
}

func (e *etcdClient) put(ctx context.Context, value string) error {
	_, err := e.c.Put(ctx, "bench/watched", value)
	return err
}

func (e *etcdClient) watch(ctx context.Context, n int, seen chan<- string) error {
	for range n {
		changes := e.dial().Watch(ctx, "bench/watched", clientv3.WithCreatedNotify())
		<-changes
		go func() {
			for r := range changes {
				for _, event := range r.Events {
					seen <- string(event.Kv.Value)
				}
			}
		}()
	}
	return nil
}

func (e *etcdClient) readAll(ctx context.Context, realm store.Realm) (int, error) {
	r, err := e.c.Get(ctx, "/event-gateway/v1/records/"+string(realm)+"/", clientv3.WithPrefix())
	if err != nil {
		return 0, err
	}
	return len(r.Kvs), nil
}

func hostOf(t *testing.T, raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}
