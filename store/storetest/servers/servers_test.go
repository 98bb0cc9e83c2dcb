package servers_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEtcd(t *testing.T) {
	t.Parallel()
	test(t, "etcd", servers.Etcd, openEtcd)
}

func TestConsul(t *testing.T) {
	t.Parallel()
	start := func(t testing.TB, members int) *servers.Cluster { return servers.Consul(t, members) }
	test(t, "consul", start, openConsul)
}

func TestConsulConfig(t *testing.T) {
	t.Parallel()
	const token = "9a1b5a4c-65f4-4b1e-8f0c-6a2d3c4b5e6f"
	c := servers.Consul(t, 1, `acl { enabled = true, default_policy = "deny", tokens { initial_management = "`+token+`" } }`)
	with, without := openConsulAs(t, c.Members[0].Addr(), token), openConsul(t, c.Members[0].Addr())
	if err := with.put(t.Context(), "key", "value"); err != nil {
		t.Error(err)
	}
	if err := without.put(t.Context(), "key", "other"); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("without a token: got %v", err)
	}
}

func TestZooKeeper(t *testing.T) {
	t.Parallel()
	test(t, "zookeeper", servers.ZooKeeper, openZooKeeper)
}

func test(t *testing.T, scheme string, start func(testing.TB, int) *servers.Cluster, open func(*testing.T, string) client) {
	t.Run("one", func(t *testing.T) {
		t.Parallel()
		d := &database{Cluster: start(t, 1), t: t, open: open}
		if want := scheme + "://" + d.Members[0].Addr() + "/a/b"; d.URL("/a/b") != want || d.URL("a/b") != want {
			t.Errorf("got %s and %s, want %s", d.URL("/a/b"), d.URL("a/b"), want)
		}
		d.killed()
		d.frozen()
	})
	t.Run("three", func(t *testing.T) {
		t.Parallel()
		d := &database{Cluster: start(t, 3), t: t, open: open}
		hosts := strings.Join(d.Addrs(), ",")
		if scheme == "consul" {
			hosts = d.Members[0].Addr()
		}
		if got, want := d.URL("/"), scheme+"://"+hosts+"/"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		d.killed()
		d.frozen()
	})
}

type database struct {
	*servers.Cluster
	t    *testing.T
	open func(t *testing.T, addr string) client
}

// killed checks that what was written is there after the leader was killed and started again, and that the others go on without it.
func (d *database) killed() {
	d.t.Helper()
	leader := d.Leader(d.t)
	d.put(leader, "before")
	leader.Kill(d.t)
	if rest := d.without(leader); len(rest) > 0 {
		d.WaitReady(d.t)
		if d.Leader(d.t) == leader {
			d.t.Error("one that was killed leads")
		}
		d.put(rest[0], "meanwhile")
	}
	leader.Start(d.t)
	d.WaitReady(d.t)
	for _, m := range d.Members {
		d.has(m, "before")
		if len(d.Members) > 1 {
			d.has(m, "meanwhile")
		}
	}
}

// frozen checks that a frozen leader answers when it goes on, and not before; the others go on without it.
func (d *database) frozen() {
	d.t.Helper()
	leader := d.Leader(d.t)
	c := d.open(d.t, leader.Addr())
	defer c.close()
	if _, err := c.get(d.t.Context(), "before"); err != nil {
		d.t.Fatal(err)
	}

	leader.Freeze(d.t)
	answer := make(chan error, 1)
	go func() {
		_, err := c.get(context.Background(), "before")
		answer <- err
	}()
	if rest := d.without(leader); len(rest) > 0 {
		d.WaitReady(d.t)
		d.put(rest[0], "frozen")
	}
	select {
	case err := <-answer:
		d.t.Fatalf("a frozen server answered, or was given up: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	leader.Thaw(d.t)
	<-answer // it may have lost its lead, or the session
	d.WaitReady(d.t)
	if len(d.Members) > 1 {
		d.has(leader, "frozen")
	}
}

// without returns the other members.
func (d *database) without(leader *servers.Member) []*servers.Member {
	var rest []*servers.Member
	for _, m := range d.Members {
		if m != leader {
			rest = append(rest, m)
		}
	}
	return rest
}

// put writes the key, with itself as its value.
func (d *database) put(m *servers.Member, key string) {
	d.t.Helper()
	c := d.open(d.t, m.Addr())
	defer c.close()
	if err := c.put(d.t.Context(), key, key); err != nil {
		d.t.Fatal(err)
	}
}

func (d *database) has(m *servers.Member, key string) {
	d.t.Helper()
	c := d.open(d.t, m.Addr())
	defer c.close()
	if got, err := c.get(d.t.Context(), key); err != nil || got != key {
		d.t.Errorf("%s of %s: got %q, %v", key, m.Addr(), got, err)
	}
}
