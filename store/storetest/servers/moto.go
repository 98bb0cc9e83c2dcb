package servers

import (
	"context"
	"os/exec"
	"testing"
)

// Moto starts an emulator of AWS and returns its URL, the endpoint of all services.
func Moto(t testing.TB) string {
	t.Helper()
	moto, err := exec.LookPath("moto_server")
	if err != nil {
		missing(t, "moto_server is missing: `make servers` says how to get it")
	}
	addr := ports(t, 1)[0]
	m := &Member{name: "moto_server", addr: addr}
	m.command = func() *exec.Cmd {
		cmd := exec.Command(moto, "-H", "127.0.0.1", "-p", port(addr))
		cmd.Dir = t.TempDir()
		return cmd
	}
	none := func(context.Context, *Member) error { return nil }
	c := &Cluster{Members: []*Member{m}, ready: none}
	c.start(t)
	return "http://" + addr
}
