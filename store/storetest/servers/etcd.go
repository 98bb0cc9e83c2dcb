package servers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// Etcd starts an etcd of so many members and returns when it takes writes.
func Etcd(t testing.TB, members int) *Cluster {
	t.Helper()
	etcd := built(t, "etcd")
	addrs := ports(t, 2*members)
	c := &Cluster{scheme: "etcd", ready: etcdReady, leads: etcdLeads}
	var peers []string
	for i := range members {
		m := &Member{name: fmt.Sprintf("etcd%d", i), addr: addrs[2*i], peer: addrs[2*i+1]}
		peers = append(peers, m.name+"=http://"+m.peer)
		c.Members = append(c.Members, m)
	}
	for _, m := range c.Members {
		dir := t.TempDir()
		m.command = func() *exec.Cmd {
			return command(dir, etcd, "--name", m.name, "--data-dir", dir,
				"--listen-client-urls", "http://"+m.addr, "--advertise-client-urls", "http://"+m.addr,
				"--listen-peer-urls", "http://"+m.peer, "--initial-advertise-peer-urls", "http://"+m.peer,
				"--initial-cluster", strings.Join(peers, ","),
				// What the operating system has outlives a killed process. Shorter times would cost leaders on a busy machine.
				"--unsafe-no-fsync", "--heartbeat-interval", "50", "--election-timeout", "500")
		}
	}
	c.start(t)
	return c
}

// etcdReady asks for the member's health, which is a linearizable read.
func etcdReady(ctx context.Context, m *Member) error {
	var health struct{ Health, Reason string }
	if err := ask(ctx, http.MethodGet, "http://"+m.addr+"/health", &health); err != nil {
		return err
	}
	if health.Health != "true" {
		return fmt.Errorf("health is %s: %s", health.Health, health.Reason)
	}
	return nil
}

func etcdLeads(ctx context.Context, m *Member) (bool, error) {
	var status struct {
		Header struct {
			Member string `json:"member_id"`
		}
		Leader string
	}
	err := ask(ctx, http.MethodPost, "http://"+m.addr+"/v3/maintenance/status", &status)
	return err == nil && status.Leader == status.Header.Member, err
}

// ask reads the JSON that the URL answers.
func ask(ctx context.Context, method, url string, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader("{}"))
	if err != nil {
		return err
	}
	resp, err := plain().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(answer)
}
