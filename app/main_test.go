package app_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"testing"

	"go.uber.org/goleak"

	"github.com/event-gateway/event-gateway/app/embed"
)

// asEtcd makes the test binary an etcd server, for tests that kill one: the directory and the address.
const asEtcd = "EVENT_GATEWAY_TEST_ETCD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asEtcd); dir != "" {
		serveEtcd(dir, os.Getenv(asEtcd+"_ADDR"))
	}
	goleak.VerifyTestMain(tests{m})
}

type tests struct{ *testing.M }

// Run leaves none of the client's connections, which are goroutines.
func (t tests) Run() int {
	defer http.DefaultClient.CloseIdleConnections()
	return t.M.Run()
}

func serveEtcd(dir, addr string) {
	if _, err := embed.Start(context.Background(), embed.Options{DataDir: dir, ClientAddr: addr, UnsafeNoFsync: true}); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	select {}
}

// bootEtcd starts an etcd server as a process of its own, and returns a function that kills it without a warning.
func bootEtcd(t *testing.T, dir, addr string) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asEtcd+"="+dir, asEtcd+"_ADDR="+addr)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		kill()
		t.Fatalf("etcd said %q, %v", line, err)
	}
	return kill
}
