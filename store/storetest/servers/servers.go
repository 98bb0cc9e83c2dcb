// Package servers starts real databases for tests, each server in a process of its own, so that it can be killed, frozen and started again
// on the same data, and proxies that break the connections to them. `make servers` builds or installs what it starts.
package servers

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
)

// patience is how long a server may take to start, or a cluster to find a leader, on a busy machine.
const patience = time.Minute

// Cluster is one or more servers of one database, each in a process of its own. They end with the test, or with its process. What they
// wrote last is in the test's log if the test fails.
type Cluster struct {
	Members []*Member

	scheme string
	ready  func(ctx context.Context, m *Member) error
	leads  func(ctx context.Context, m *Member) (bool, error)
}

// Addrs returns the addresses of the members for clients, host:port.
func (c *Cluster) Addrs() []string {
	var addrs []string
	for _, m := range c.Members {
		addrs = append(addrs, m.Addr())
	}
	return addrs
}

// URL returns what the gateway's -store takes for the cluster, with all its members. Consul's clients talk to one: its first.
func (c *Cluster) URL(prefix string) string {
	hosts := c.Addrs()
	if c.scheme == "consul" {
		hosts = hosts[:1]
	}
	u := url.URL{Scheme: c.scheme, Host: strings.Join(hosts, ","), Path: "/" + strings.TrimPrefix(prefix, "/")}
	return u.String()
}

// WaitReady returns when each member that runs, and is not frozen, has an answer from a majority: it takes writes.
func (c *Cluster) WaitReady(t testing.TB) {
	t.Helper()
	for _, m := range c.Members {
		if m.runs() {
			eventually(t, m.name+" takes no writes", func(ctx context.Context) error { return c.ready(ctx, m) })
		}
	}
}

// Leader returns the member that leads. One that is killed or frozen does not.
func (c *Cluster) Leader(t testing.TB) *Member {
	t.Helper()
	var leader *Member
	eventually(t, c.scheme+" has no leader", func(ctx context.Context) error {
		for _, m := range c.Members {
			if !m.runs() {
				continue
			}
			if leads, err := c.leads(ctx, m); err == nil && leads {
				leader = m
				return nil
			}
		}
		return errors.New("no member says that it leads")
	})
	return leader
}

// start starts the members side by side, since a member may wait for the others.
func (c *Cluster) start(t testing.TB) {
	t.Helper()
	processes := make(map[*Member]*process)
	for _, m := range c.Members {
		processes[m] = m.spawn(t)
		t.Cleanup(func() { m.end(t) })
	}
	for m, p := range processes {
		m.listens(t, p)
	}
	c.WaitReady(t)
}

// eventually calls f until it returns nil, and fails the test if it does not. A call has little time at first, since a server that just
// starts may take a connection and forget it.
func eventually(t testing.TB, what string, f func(context.Context) error) {
	t.Helper()
	deadline, timeout := time.Now().Add(patience), 100*time.Millisecond
	for {
		began := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		err := f(ctx)
		cancel()
		if err == nil {
			return
		}
		if time.Since(began) >= timeout {
			timeout = min(2*timeout, 5*time.Second)
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s, after %v: %v", what, patience, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
