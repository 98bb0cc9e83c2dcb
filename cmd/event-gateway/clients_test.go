package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// npmFolder returns the folder of the published clients of 2018.
func npmFolder(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("testdata", "clients"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("node"); err != nil {
		absent(t, "no node")
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err != nil {
		absent(t, "not installed: npm ci in cmd/event-gateway/testdata/clients")
	}
	return dir
}

// absent skips a test that lacks something. In CI it fails: what can run must run there.
func absent(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// nodeEnv is the environment of a client. A key is in it, under each name that a client reads: a gateway without tokens must not mind.
func nodeEnv(t *testing.T, more ...string) []string {
	t.Helper()
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "CI=true",
		"EVENT_GATEWAY_TOKEN=key", "EVENT_GATEWAY_APIKEY=key", "EVENT_GATEWAY_API_KEY=key", "EVENT_GATEWAY_ACCESS_KEY=key",
	}, more...)
}

// client is a published client in a process of its own.
type client struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Scanner
}

// newClient starts a client for a gateway; path is where it sends events, space may be empty.
func newClient(t *testing.T, p *process, name, path, space string) *client {
	t.Helper()
	config := fmt.Sprintf(`{"url":%q,"configurationUrl":%q,"space":%q,"apikey":"key","apiKey":"key"}`, p.events+path, p.config, space)
	cmd := exec.Command("node", "call.js", name, config)
	cmd.Dir, cmd.Env, cmd.Stderr = npmFolder(t), nodeEnv(t), t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		_ = in.Close() // the client ends then
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s ended with %v", name, err)
		}
		watchdog.Stop()
	})
	return &client{t: t, in: in, out: bufio.NewScanner(out)}
}

// outcome is what a method resolved to, or the message of the error.
type outcome struct {
	Value jsontext.Value `json:"value"`
	Error string         `json:"error"`
}

// does calls a method, whose arguments are JSON.
func (c *client) does(method string, args ...string) outcome {
	c.t.Helper()
	line := fmt.Sprintf(`{"method":%q,"args":[%s]}`, method, strings.Join(args, ","))
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		c.t.Fatal(line, err)
	}
	if !c.out.Scan() {
		c.t.Fatalf("%s: the client ended: %v", line, c.out.Err())
	}
	var o outcome
	if err := json.Unmarshal(c.out.Bytes(), &o); err != nil {
		c.t.Fatalf("%s: %q: %v", line, c.out.Text(), err)
	}
	return o
}

// gets calls a method that must resolve to want.
func (c *client) gets(want, method string, args ...string) {
	c.t.Helper()
	if o := c.does(method, args...); uncounted(string(o.Value)) != want || o.Error != "" {
		c.t.Errorf("%s %s:\n got %s%s\nwant %s", method, args, o.Value, o.Error, want)
	}
}

// uncounted takes out of event types how many subscriptions use them, which is new and which no client of 2018 asks for.
func uncounted(list string) string {
	return regexp.MustCompile(`,"subscriptions":\d+`).ReplaceAllString(list, "")
}

// fails calls a method that must fail with want in its message.
func (c *client) fails(want, method string, args ...string) {
	c.t.Helper()
	if o := c.does(method, args...); o.Error == "" || !strings.Contains(o.Error, want) {
		c.t.Errorf("%s %s:\n got %q, value %s\nwant the error %q", method, args, o.Error, o.Value, want)
	}
}

// preflight asks as a browser at that origin would. The gateway answers it, no function.
func (p *process) preflight(method, path, origin, allowed string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), "OPTIONS", p.events+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Origin", origin)
	req.Header.Set("Access-Control-Request-Method", method)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := resp.Header.Get("Access-Control-Allow-Origin"); got != allowed {
		p.t.Errorf("%s at %s: %s allows the origin %q, want %q", path, origin, resp.Status, got, allowed)
	}
}
