package servers_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/hashicorp/consul/api"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// client is what the databases' own clients have in common here. It talks to one server.
type client interface {
	put(ctx context.Context, key, value string) error
	get(ctx context.Context, key string) (string, error) // the latest value
	close()
}

type etcd struct{ c *clientv3.Client }

func openEtcd(t *testing.T, addr string) client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{addr}, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	return etcd{c}
}

func (e etcd) put(ctx context.Context, key, value string) error {
	_, err := e.c.Put(ctx, key, value)
	return err
}

func (e etcd) get(ctx context.Context, key string) (string, error) {
	resp, err := e.c.Get(ctx, key)
	if err != nil || len(resp.Kvs) == 0 {
		return "", err
	}
	return string(resp.Kvs[0].Value), nil
}

func (e etcd) close() { e.c.Close() }

type consul struct{ c *api.Client }

func openConsul(t *testing.T, addr string) client {
	t.Helper()
	return openConsulAs(t, addr, "")
}

func openConsulAs(t *testing.T, addr, token string) client {
	t.Helper()
	config := api.DefaultNonPooledConfig()
	config.Address, config.Token = addr, token
	c, err := api.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	return consul{c}
}

func (c consul) put(ctx context.Context, key, value string) error {
	_, err := c.c.KV().Put(&api.KVPair{Key: key, Value: []byte(value)}, new(api.WriteOptions).WithContext(ctx))
	return err
}

func (c consul) get(ctx context.Context, key string) (string, error) {
	pair, _, err := c.c.KV().Get(key, (&api.QueryOptions{RequireConsistent: true}).WithContext(ctx))
	if err != nil || pair == nil {
		return "", err
	}
	return string(pair.Value), nil
}

func (c consul) close() {}

type zooKeeper struct {
	c      *zk.Conn
	events <-chan zk.Event
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}

func openZooKeeper(t *testing.T, addr string) client {
	t.Helper()
	c, events, err := zk.Connect([]string{addr}, 10*time.Second, zk.WithLogger(quiet{}))
	if err != nil {
		t.Fatal(err)
	}
	return zooKeeper{c, events}
}

func (z zooKeeper) put(_ context.Context, key, value string) error {
	_, err := z.c.Create("/"+key, []byte(value), 0, zk.WorldACL(zk.PermAll))
	return err
}

func (z zooKeeper) get(_ context.Context, key string) (string, error) {
	if _, err := z.c.Sync("/" + key); err != nil {
		return "", err
	}
	value, _, err := z.c.Get("/" + key)
	return string(value), err
}

func (z zooKeeper) close() {
	z.c.Close()
	for range z.events {
	}
}
