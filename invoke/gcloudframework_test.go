package invoke_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/invoketest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// framework is a program made with one of Google's functions frameworks.
type framework struct {
	url string
	saw chan string // what its functions saw, one at a time
}

// startFramework starts a program. It ends with the test, and with its standard input if the test cannot end it.
func startFramework(t *testing.T, cmd *exec.Cmd) *framework {
	t.Helper()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f := &framework{saw: make(chan string, 100)}
	at, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if url, ok := strings.CutPrefix(lines.Text(), "at "); ok {
				at <- url
			} else if event, ok := strings.CutPrefix(lines.Text(), "saw "); ok {
				f.saw <- event
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said: %s", cmd.Path, stderr.String())
		}
	})
	select {
	case f.url = <-at:
	case <-ended:
		t.Fatal("it ended at once")
	case <-time.After(30 * time.Second):
		t.Fatal("it does not start")
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
		if err == nil {
			_ = c.Close()
			return f
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// goFunctions builds and starts the program in testdata/gcloud/gofunction.
func goFunctions(t *testing.T) *framework {
	t.Helper()
	dir := filepath.Join("testdata", "gcloud", "gofunction")
	program := filepath.Join(t.TempDir(), "gofunction")
	download := exec.CommandContext(t.Context(), "go", "mod", "download")
	download.Dir = dir
	if out, err := download.CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v: %s", err, out)
		}
		t.Skipf("the modules of %s cannot be had: %v: %s", dir, err, out)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build in %s: %v: %s", dir, err, out)
	}
	return startFramework(t, exec.CommandContext(t.Context(), program))
}

func nodeFunction(t *testing.T, name string) *framework {
	t.Helper()
	dir := servers.NodeFolder(t, "testdata/gcloud/nodefunction")
	cmd := exec.CommandContext(t.Context(), "node", "index.js", name)
	cmd.Dir = dir
	return startFramework(t, cmd)
}

// TestGcloudFrameworks calls functions that were made with Google's frameworks for Go and Node.
func TestGcloudFrameworks(t *testing.T) {
	t.Parallel()
	t.Run("go", func(t *testing.T) {
		t.Parallel()
		f := goFunctions(t)
		f.plain(t, f.url+"/http")
		f.cloudEvent(t, f.url+"/event")
	})
	t.Run("node", func(t *testing.T) {
		t.Parallel()
		f := nodeFunction(t, "http")
		f.plain(t, f.url+"/")
		f = nodeFunction(t, "event")
		f.cloudEvent(t, f.url+"/")
	})
}

// plain calls an HTTP function, which gets the event as JSON and answers with a response object.
func (f *framework) plain(t *testing.T, url string) {
	t.Helper()
	c := invoketest.NewCaller(t, invoke.EgressOptions{})
	function := c.Function("gcloudfunction", fmt.Sprintf(`{"url":%q}`, url))
	r, err := c.Respond(t.Context(), function, invoketest.Event())
	if err != nil || r.Status != 201 || string(r.Body) != "hello id-1" {
		t.Errorf("%v, %v", r, err)
	}
	f.sees(t, "order.paid")
	failing := invoketest.Event()
	failing.Type = "fail"
	_, err = c.Respond(t.Context(), function, failing)
	wantFailure(t, err, invoke.Function, "status 500")
	f.sees(t, "fail")
}

// cloudEvent calls a CloudEvent function, which answers with nothing.
func (f *framework) cloudEvent(t *testing.T, url string) {
	t.Helper()
	c := invoketest.NewCaller(t, invoke.EgressOptions{})
	for _, mode := range []string{"structured", "binary"} {
		function := c.Function("gcloudfunction", fmt.Sprintf(`{"url":%q}`, url))
		function.Mode = mode
		if r, err := c.Call(t.Context(), function, invoketest.Event()); err != nil || r.Status != 200 {
			t.Errorf("%s: %v, %v", mode, r, err)
		}
		f.sees(t, "order.paid")
		failing := invoketest.Event()
		failing.Type = "fail"
		_, err := c.Call(t.Context(), function, failing)
		wantFailure(t, err, invoke.Function, "status 500")
		f.sees(t, "fail")
	}
}

func (f *framework) sees(t *testing.T, eventType string) {
	t.Helper()
	want := fmt.Sprintf(`{"id":"id-1","source":"/shop","type":%q,"subject":"o/42","data":{"n":1}}`, eventType)
	select {
	case got := <-f.saw:
		if got != want {
			t.Errorf("the function saw %s, want %s", got, want)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("the function saw nothing, want %s", want)
	}
}
