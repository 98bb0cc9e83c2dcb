package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/event-gateway/event-gateway/app/embed"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/etcd"
)

// database is an etcd server in a process of its own.
type database struct {
	*process
	dir string
}

func startEtcd(ctx context.Context) (*database, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, "etcd", dir)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return &database{p, dir}, nil
}

func (d *database) endpoint() string { return d.hello }
func (d *database) url() string      { return "etcd://" + d.hello }

func (d *database) stop() {
	d.process.stop()
	os.RemoveAll(d.dir)
}

// playEtcd is the server. It does not wait for the disk, which would hide what is measured.
func playEtcd(args []string) (string, func(string) string, error) {
	s, err := embed.Start(context.Background(), embed.Options{DataDir: args[0], UnsafeNoFsync: true})
	if err != nil {
		return "", nil, err
	}
	return s.Endpoint(), nil, nil
}

// newClient returns etcd's own client.
func newClient(endpoint string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Logger: zap.NewNop()})
}

func openStore(storeURL string) (store.Store, error) {
	u, err := url.Parse(storeURL)
	if err != nil {
		return nil, err
	}
	o, err := etcd.ParseURL(u, "")
	if err != nil {
		return nil, err
	}
	return etcd.Open(o)
}

// playRange reads all items of the shared realm by etcd's own client, as fast as it can, and says how many nanoseconds that took from
// the making of the client: in one request, or in pages as large as the gateway's.
func playRange(args []string) (string, func(string) string, error) {
	began := time.Now()
	c, err := newClient(args[0])
	if err != nil {
		return "", nil, err
	}
	from := "/event-gateway/v1/records/" + string(store.Shared) + "/"
	end := clientv3.GetPrefixRangeEnd(from)
	limit, next, n := int64(0), int64(0), 0
	if args[1] == "paged" {
		limit, next = 1_000, 10_000
	}
	for rev := int64(0); ; limit = next {
		r, err := c.Get(context.Background(), from, clientv3.WithRange(end), clientv3.WithLimit(limit), clientv3.WithRev(rev))
		if err != nil {
			return "", nil, err
		}
		n += len(r.Kvs)
		if !r.More {
			break
		}
		from, rev = string(r.Kvs[len(r.Kvs)-1].Key)+"\x00", r.Header.Revision
	}
	if n < subscriptions {
		return "", nil, fmt.Errorf("only %d items", n)
	}
	return fmt.Sprint(time.Since(began).Nanoseconds()), nil, nil
}
