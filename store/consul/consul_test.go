package consul_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"go.uber.org/goleak"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/consul"
	"github.com/event-gateway/event-gateway/store/storetest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
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
					if _, err := plain.KV().Delete(entryKey(realm, rev), nil); err != nil {
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

func entryKey(realm store.Realm, rev store.Rev) string {
	return fmt.Sprintf("event-gateway/v1/log/%s/%020d", realm, rev)
}

// server starts a Consul for the test and returns its address.
func server(t testing.TB, config ...string) string {
	t.Helper()
	return servers.Consul(t, 1, config...).Members[0].Addr()
}

func open(t testing.TB, addr string) *consul.Store {
	t.Helper()
	return openWith(t, consul.Options{Endpoints: []string{addr}, Timeout: 20 * time.Second}) // the machine may be busy
}

func openWith(t testing.TB, o consul.Options) *consul.Store {
	t.Helper()
	s, err := consul.Open(o)
	return storetest.Opened(t, s, err)
}

// plainClient returns Consul's own client, to look behind the store.
func plainClient(t testing.TB, addr string) *api.Client {
	t.Helper()
	config := api.DefaultConfig()
	config.Address = addr
	c, err := api.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(config.Transport.CloseIdleConnections)
	return c
}
