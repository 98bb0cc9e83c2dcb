package servers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Consul starts a Consul of so many servers and returns when it takes writes. Each config is more configuration for all of them, in HCL or
// JSON: for ACLs, say.
func Consul(t testing.TB, members int, config ...string) *Cluster {
	t.Helper()
	consul := built(t, "consul")
	addrs := ports(t, 3*members)
	c := &Cluster{scheme: "consul", ready: consulReady, leads: consulLeads}
	var gossip []string
	for i := range members {
		gossip = append(gossip, addrs[3*i+2])
	}
	for i := range members {
		m := &Member{name: fmt.Sprintf("consul%d", i), addr: addrs[3*i], peer: addrs[3*i+1]}
		dir := t.TempDir()
		args := []string{"agent"}
		for n, text := range append([]string{consulConfig(t, dir, m, gossip, i)}, config...) {
			file := filepath.Join(dir, fmt.Sprintf("config%d.hcl", n))
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, "-config-file="+file)
		}
		m.command = func() *exec.Cmd { return command(dir, consul, args...) }
		c.Members = append(c.Members, m)
	}
	c.start(t)
	return c
}

// consulConfig returns the configuration of member i.
func consulConfig(t testing.TB, dir string, m *Member, gossip []string, i int) string {
	t.Helper()
	config, err := json.Marshal(map[string]any{
		"server": true, "bootstrap_expect": len(gossip), "retry_join": gossip, "retry_interval": "1s",
		"node_name": m.name, "data_dir": filepath.Join(dir, "data"),
		"bind_addr": "127.0.0.1", "client_addr": "127.0.0.1",
		"ports": map[string]json.Number{
			"http": json.Number(port(m.addr)), "server": json.Number(port(m.peer)), "serf_lan": json.Number(port(gossip[i])),
			"serf_wan": "-1", "dns": "-1", "grpc": "-1", "grpc_tls": "-1",
		},
		"disable_update_check": true, "leave_on_terminate": false,
		"performance": map[string]int{"raft_multiplier": 1},           // the shortest times that it has
		"autopilot":   map[string]bool{"cleanup_dead_servers": false}, // one that was killed comes again
		"limits":      map[string]int{"http_max_conns_per_client": 10_000},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(config)
}

// consulReady makes a consistent read: the leader asks a majority. A refusal counts, since with ACLs on, all else is refused too.
func consulReady(ctx context.Context, m *Member) error {
	var leader string
	if err := ask(ctx, http.MethodGet, "http://"+m.addr+"/v1/status/leader", &leader); err != nil {
		return err
	}
	if leader == "" {
		return errors.New("there is no leader")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.addr+"/v1/kv/any?consistent", nil)
	if err != nil {
		return err
	}
	resp, err := plain().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 500 {
		return fmt.Errorf("a consistent read: %s", resp.Status)
	}
	return nil
}

func consulLeads(ctx context.Context, m *Member) (bool, error) {
	var leader string
	err := ask(ctx, http.MethodGet, "http://"+m.addr+"/v1/status/leader", &leader)
	return err == nil && leader == m.peer, err
}
