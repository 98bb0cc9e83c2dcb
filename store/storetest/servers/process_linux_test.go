package servers_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// TestEndsWithItsTest starts another process of this test, which starts a server and is killed.
func TestEndsWithItsTest(t *testing.T) {
	const victim = "SERVERS_TEST_VICTIM"
	if os.Getenv(victim) != "" {
		fmt.Println("listens at", servers.Etcd(t, 1).Members[0].Addr())
		select {}
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestEndsWithItsTest$")
	cmd.Env = append(os.Environ(), victim+"=yes", "TMPDIR="+t.TempDir()) // it cannot remove what it leaves
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	cmd.Process.Kill()
	cmd.Wait()
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listens at ")
	if !ok {
		t.Fatalf("got %q, %v", line, err)
	}
	for deadline := time.Now().Add(20 * time.Second); listens(addr); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the server at %s lives on", addr)
		}
	}
}

// TestOutlivesThread ends the thread on which a server was started, as Go does when its goroutine ends without letting it go.
func TestOutlivesThread(t *testing.T) {
	t.Parallel()
	var c *servers.Cluster
	onThread(func() { c = servers.Etcd(t, 1) })
	time.Sleep(100 * time.Millisecond)
	if c != nil && !listens(c.Members[0].Addr()) {
		t.Error("the server ended with the thread on which it was started")
	}
}

// onThread calls f on a thread that ends with it. The main thread never ends.
func onThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if syscall.Gettid() == os.Getpid() {
			onThread(f)
			runtime.UnlockOSThread()
			return
		}
		f()
	}()
	<-done
}

func listens(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err == nil {
		c.Close()
	}
	return err == nil
}
