package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestStartOfSDKs starts the binary as the tests of the published SDKs started the first Event Gateway, word for word. They waited 4 s
// for it, called it by the name localhost, and ended it with SIGTERM.
func TestStartOfSDKs(t *testing.T) {
	npmFolder(t)
	dir := t.TempDir()
	data, ports := filepath.Join(dir, "data"), freePorts(t)
	config, events := fmt.Sprint(ports[0]), fmt.Sprint(ports[1])
	p := &process{
		t: t, config: "http://localhost:" + config, events: "http://localhost:" + events, ended: make(chan error, 1),
		Cmd: exec.Command(binary, "--dev", "--embed-data-dir="+data, "--config-port="+config, "--events-port="+events),
	}
	p.Cmd.Dir, p.Cmd.Stderr = dir, &p.stderr
	began := time.Now()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	go func() {
		p.ended <- p.Wait()
		close(p.ended)
	}()
	for !answers(p.config+"/v1/status", 200) || !answers(p.events+"/", 404) {
		if time.Since(began) > 4*time.Second {
			t.Fatal("not ready after 4 s")
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Logf("ready after %s", time.Since(began))
	for _, name := range []string{"sdk-0.2.0", "sdk-0.3.0", "sdk-0.10.2", "sdk-0.11.0"} {
		c := newClient(t, p, name, "", "")
		c.gets("[]", "listFunctions")
		c.gets("[]", "listSubscriptions")
	}
	if _, err := os.Stat(filepath.Join(data, "member")); err != nil {
		t.Error(err)
	}
	if code := p.signal(syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM: exit code %d: %s", code, p.stderr.String())
	}
}

func answers(url string, status int) bool {
	resp, err := http.Get(url)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == status
}

// freePorts returns two ports that nobody listens on. Ports from 32768 on go to outgoing connections, and those below 30000 to the servers of tests.
func freePorts(t *testing.T) (ports []int) {
	for port := 30000 + os.Getpid()%2000; len(ports) < 2; port++ {
		if port >= 32768 {
			t.Fatal("no free ports")
		}
		if l, err := net.Listen("tcp", fmt.Sprint("localhost:", port)); err == nil {
			_ = l.Close()
			ports = append(ports, port)
		}
	}
	return ports
}
