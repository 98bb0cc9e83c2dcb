package zookeeper_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
	"go.uber.org/goleak"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
	"github.com/event-gateway/event-gateway/store/zookeeper"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	addr := server(t)
	plain := plainClient(t, addr)
	storetest.Run(t, func(t *testing.T) storetest.Env {
		return storetest.Env{
			Open: func() store.Store { return open(t, addr) },
			Trim: func(realm store.Realm, upTo store.Rev) {
				for rev := store.Rev(1); rev <= upTo; rev++ {
					err := plain.Delete(fmt.Sprintf("/event-gateway/v1/log/%s/%020d", realm, rev), -1)
					if err != nil && !errors.Is(err, zk.ErrNoNode) {
						t.Fatal(err)
					}
				}
			},
		}
	})
}

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) store.Store { return open(b, server(b)) })
}

// server starts a ZooKeeper for the test and returns its address.
func server(t testing.TB) string {
	t.Helper()
	return servers.ZooKeeper(t, 1).Members[0].Addr()
}

func open(t testing.TB, addrs ...string) *zookeeper.Store {
	t.Helper()
	return openWith(t, zookeeper.Options{Endpoints: addrs})
}

func openWith(t testing.TB, o zookeeper.Options) *zookeeper.Store {
	t.Helper()
	s, err := zookeeper.Open(o)
	return storetest.Opened(t, s, err)
}

// plainClient returns a client of ZooKeeper, to look behind the store.
func plainClient(t testing.TB, addr string) *zk.Conn {
	t.Helper()
	c, events, err := zk.Connect([]string{addr}, 10*time.Second, zk.WithLogger(quiet{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		for range events {
		}
	})
	return c
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
