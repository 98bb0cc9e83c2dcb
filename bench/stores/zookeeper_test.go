package stores

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
	"golang.org/x/sync/errgroup"

	"github.com/event-gateway/event-gateway/store"
)

type zooKeeperClient struct {
	addr    string
	t       *testing.T
	c       *zk.Conn
	version int32 // of the node that is swapped
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}

func dialZooKeeper(t *testing.T, raw string) client {
	z := &zooKeeperClient{addr: hostOf(t, raw), t: t}
	z.c = z.dial()
	for path, value := range map[string]string{"/bench-read": aHead, "/bench-swap": aRecord, "/bench-watched": ""} {
		if _, err := z.c.Create(path, []byte(value), 0, zk.WorldACL(zk.PermAll)); err != nil {
			t.Fatal(err)
		}
	}
	return z
}

func (z *zooKeeperClient) dial() *zk.Conn {
	c, _, err := zk.Connect([]string{z.addr}, 10*time.Second, zk.WithLogger(quiet{}), zk.WithLogInfo(false))
	if err != nil {
		z.t.Fatal(err)
	}
	z.t.Cleanup(c.Close)
	return c
}

func (z *zooKeeperClient) read(context.Context) error {
	if _, err := z.c.Sync("/bench-read"); err != nil {
		return err
	}
	_, _, err := z.c.Get("/bench-read")
	return err
}

func (z *zooKeeperClient) swap(context.Context) error {
	r, err := z.c.Multi(&zk.SetDataRequest{Path: "/bench-swap", Data: []byte(aRecord), Version: z.version})
	if err == nil {
		z.version = r[0].Stat.Version
	}
	return err
}

func (z *zooKeeperClient) put(_ context.Context, value string) error {
	_, err := z.c.Set("/bench-watched", []byte(value), -1)
	return err
}

func (z *zooKeeperClient) watch(ctx context.Context, n int, seen chan<- string) error {
	for range n {
		c := z.dial()
		_, _, changed, err := c.GetW("/bench-watched")
		if err != nil {
			return err
		}
		go func() {
			for {
				select {
				case <-changed:
				case <-ctx.Done():
					return
				}
				var value []byte
				if value, _, changed, err = c.GetW("/bench-watched"); err != nil {
					return
				}
				seen <- string(value)
			}
		}()
	}
	return nil
}

// readAll reads all nodes below the realm, 64 at a time.
func (z *zooKeeperClient) readAll(_ context.Context, realm store.Realm) (int, error) {
	var mu sync.Mutex
	items := 0
	var work errgroup.Group
	work.SetLimit(64)
	root := "/event-gateway/v1/records/" + string(realm)
	buckets, _, err := z.c.Children(root)
	if err != nil {
		return 0, err
	}
	for _, bucket := range buckets {
		nodes, _, err := z.c.Children(root + "/" + bucket)
		if err != nil {
			return 0, err
		}
		for _, node := range nodes {
			work.Go(func() error {
				_, _, err := z.c.Get(root + "/" + bucket + "/" + node)
				mu.Lock()
				defer mu.Unlock()
				items++
				return err
			})
		}
	}
	err = work.Wait()
	return items, err
}
