package faults_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/app"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// backend is one database in one size.
type backend struct {
	database string // as in STORES, and the scheme of its URL
	members  int
	start    func(t testing.TB, members int) *cluster
}

var backends = []backend{
	{"memory", 0, startMemory},
	{"etcd", 3, startEtcd},
	{"consul", 1, startConsul},
	{"consul", 3, startConsul},
	{"zookeeper", 1, startZooKeeper},
	{"zookeeper", 3, startZooKeeper},
	{"dynamodb", 1, startDynamoDB},
}

func (b backend) name() string {
	if b.members < 2 {
		return b.database
	}
	return fmt.Sprint(b.database, b.members)
}

// cluster is a database that a test can break.
type cluster struct {
	addrs   []string // of the members, for clients
	members []member // what can be killed and frozen: none, if nothing can
	// open returns a client of the members at these addresses, which may be those of proxies.
	open func(addrs []string, timeout time.Duration) (store.Database, error)
	// leader returns the member that leads.
	leader func(t testing.TB) member
	// ready waits until the database takes writes.
	ready func(t testing.TB)
	// trim removes all entries of a realm's log up to and including a revision, and compacts what the database keeps of its past.
	trim func(t testing.TB, realm store.Realm, upTo store.Rev)
	// trouble has the database answer badly, or not any more; nil if there is no such way.
	trouble func(on bool)
}

// member is one server.
type member interface {
	Addr() string
	Kill(t testing.TB)
	Start(t testing.TB)
	Freeze(t testing.TB)
	Thaw(t testing.TB)
}

// The time-outs of requests: what the stores have if nothing is said, and one for those who try much.
const (
	usual = 3 * time.Second
	brief = time.Second
)

func openURL(format string) func(addrs []string, timeout time.Duration) (store.Database, error) {
	return func(addrs []string, timeout time.Duration) (store.Database, error) {
		return app.OpenStore(fmt.Sprintf(format, strings.Join(addrs, ","), timeout), slog.New(slog.DiscardHandler))
	}
}

func of(c *servers.Cluster) *cluster {
	all := &cluster{addrs: c.Addrs(), ready: c.WaitReady, leader: func(t testing.TB) member { return c.Leader(t) }}
	for _, m := range c.Members {
		all.members = append(all.members, m)
	}
	return all
}

// network is a way to a cluster that can be broken.
type network struct {
	*cluster
	proxies []*servers.Proxy
}

func (c *cluster) network(t testing.TB) *network {
	n := &network{cluster: c}
	for _, addr := range c.addrs {
		n.proxies = append(n.proxies, servers.NewProxy(t, addr))
	}
	return n
}

// client returns a client that goes this way, and is closed when the test ends.
func (n *network) client(t testing.TB, timeout time.Duration) store.Database {
	t.Helper()
	var addrs []string
	for _, p := range n.proxies {
		addrs = append(addrs, p.Addr())
	}
	return n.opened(t, addrs, timeout)
}

// client returns a client that is connected to the servers themselves, and is closed when the test ends.
func (c *cluster) client(t testing.TB, timeout time.Duration) store.Database {
	t.Helper()
	return c.opened(t, c.addrs, timeout)
}

func (c *cluster) opened(t testing.TB, addrs []string, timeout time.Duration) store.Database {
	t.Helper()
	s, err := c.open(addrs, timeout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func (n *network) cut() {
	for _, p := range n.proxies {
		p.Cut()
	}
}

func (n *network) hang() {
	for _, p := range n.proxies {
		p.Hang()
	}
}

func (n *network) delay(roundTrip time.Duration) {
	for _, p := range n.proxies {
		p.Latency(roundTrip)
	}
}

func (n *network) heal() {
	for _, p := range n.proxies {
		p.Heal()
	}
}

// pause waits, but no longer than until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
