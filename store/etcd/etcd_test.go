package etcd_test

import (
	"context"
	"fmt"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/event-gateway/event-gateway/app/embed"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/etcd"
	"github.com/event-gateway/event-gateway/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	endpoint := server(t)
	plain := plainClient(t, endpoint)
	storetest.Run(t, func(t *testing.T) storetest.Env {
		return storetest.Env{
			Open: func() store.Store { return open(t, endpoint) },
			Trim: func(realm store.Realm, upTo store.Rev) {
				log := fmt.Sprintf("/event-gateway/v1/log/%s/", realm)
				if _, err := plain.Delete(t.Context(), log, clientv3.WithRange(fmt.Sprintf("%s%020d", log, upTo+1))); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) store.Store { return open(b, server(b)) })
}

// server starts an etcd for the test and returns its endpoint.
func server(t testing.TB) string {
	t.Helper()
	return serve(t, embed.Options{DataDir: t.TempDir()}).Endpoint()
}

func serve(t testing.TB, o embed.Options) *embed.Server {
	t.Helper()
	o.UnsafeNoFsync = true
	s, err := embed.Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func open(t testing.TB, endpoint string) *etcd.Store {
	t.Helper()
	return openWith(t, etcd.Options{Endpoints: []string{endpoint}})
}

func openWith(t testing.TB, o etcd.Options) *etcd.Store {
	t.Helper()
	s, err := etcd.Open(o)
	return storetest.Opened(t, s, err)
}

// plainClient returns a client of etcd, to look behind the store.
func plainClient(t testing.TB, endpoint string) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
