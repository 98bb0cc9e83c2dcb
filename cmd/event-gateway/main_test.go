package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// binary is the gateway, built once as users build it.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "event-gateway")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "event-gateway")
		if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
			return 1
		}
		return m.Run()
	}())
}

// process is a running gateway.
type process struct {
	*exec.Cmd
	t              *testing.T
	events, config string
	dir            string
	took           time.Duration // until it was ready
	stderr         strings.Builder
	ended          chan error
}

// start runs the binary in a folder of its own, and returns when it says that it is ready.
func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	return startWith(t, nil, dir, args...)
}

// startWith is start with more environment.
func startWith(t *testing.T, env []string, dir string, args ...string) *process {
	t.Helper()
	p := &process{t: t, dir: dir, ended: make(chan error, 1)}
	p.Cmd = exec.Command(binary, append([]string{"-events-port=0", "-config-port=0"}, args...)...)
	p.Cmd.Dir, p.Cmd.Env = dir, append(os.Environ(), env...)
	p.Cmd.Stderr = &p.stderr
	stdout, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-p.ended
	})
	urls := make(chan [2]string, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		var found [2]string
		for lines.Scan() {
			if m := regexp.MustCompile(`^  (Events|Config) API +(http\S+)$`).FindStringSubmatch(lines.Text()); m != nil {
				if m[1] == "Events" {
					found[0] = m[2]
				} else {
					found[1] = m[2]
					urls <- found
				}
			}
		}
		p.ended <- p.Wait()
		close(p.ended)
	}()
	select {
	case u := <-urls:
		p.events, p.config, p.took = u[0], u[1], time.Since(began)
	case err := <-p.ended:
		t.Fatalf("the gateway ended with %v: %s", err, p.stderr.String())
	case <-time.After(20 * time.Second):
		t.Fatal("not ready after 20 s")
	}
	return p
}

// signal sends a signal and returns the exit code.
func (p *process) signal(signals ...os.Signal) int {
	p.t.Helper()
	for _, s := range signals {
		if err := p.Process.Signal(s); err != nil {
			p.t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond) // signals that wait are folded into one
	}
	select {
	case <-p.ended:
		return p.ProcessState.ExitCode()
	case <-time.After(20 * time.Second):
		p.t.Fatal("the gateway does not end")
		return 0
	}
}

func (p *process) send(status int, method, url, body string, headers ...string) string {
	p.t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		p.t.Fatalf("%s %s %s: %d %s %v, want %d", method, url, body, resp.StatusCode, b, err, status)
	}
	return string(b)
}

func (p *process) configure(status int, method, path, body string) string {
	p.t.Helper()
	return p.send(status, method, p.config+"/v1/spaces/default/"+path, body, "Content-Type: application/json")
}

// TestServer runs the README's examples against the real process, ends it, and starts it again.
func TestServer(t *testing.T) {
	got := make(chan string, 10)
	f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- r.URL.Path + " " + string(b)
		_, _ = io.WriteString(w, `{"statusCode":200,"headers":{"Content-Type":"application/json"},"body":"[\"Max\"]"}`)
	}))
	defer f.Close()
	dir := t.TempDir()
	p := start(t, dir, "--dev")
	t.Logf("ready after %s", p.took)
	if !strings.HasPrefix(p.events, "http://localhost:") || !strings.HasPrefix(p.config, "http://localhost:") {
		t.Errorf("it is at %s and %s", p.events, p.config)
	}
	if _, err := os.Stat(filepath.Join(dir, "default.etcd")); err != nil {
		t.Error(err)
	}
	p.configure(201, "POST", "functions", `{"functionId":"hello","type":"awslambda","provider":{"arn":"arn:aws:lambda:us-east-1:377024778620:function:bluegreen-dev-hello","region":"us-east-1"}}`)
	for _, name := range []string{"createUser", "sendEmail", "listUsers"} {
		p.configure(201, "POST", "functions", fmt.Sprintf(`{"functionId":%q,"type":"http","provider":{"url":"%s/%[1]s"}}`, name, f.URL))
	}
	answer := p.send(200, "POST", p.events+"/", `{ "name": "Max" }`, "event: invoke", "function-id: createUser", "Content-Type: application/json")
	if !strings.HasPrefix(answer, `{"statusCode":200`) || !strings.Contains(<-got, `"data":{ "name": "Max" }`) {
		t.Error(answer)
	}
	p.configure(201, "POST", "subscriptions", `{"functionId":"sendEmail","event":"user.created","path":"/myteam"}`)
	p.send(202, "POST", p.events+"/myteam", `{ "name": "Max" }`, "event: user.created", "Content-Type: application/json")
	if e := <-got; !strings.HasPrefix(e, "/sendEmail") || !strings.Contains(e, `"type":"user.created"`) {
		t.Error(e)
	}
	p.configure(201, "POST", "subscriptions", `{"functionId":"listUsers","event":"http","method":"GET","path":"/users"}`)
	if a := p.send(200, "GET", p.events+"/users", ""); a != `["Max"]` {
		t.Error(a)
	}
	<-got
	// Another gateway beside it, with a database of its own.
	other := start(t, t.TempDir(), "-dev")
	other.send(404, "GET", other.events+"/users", "")
	if code := other.signal(syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM: exit code %d: %s", code, other.stderr.String())
	}
	// The configuration outlives the process.
	before := p.configure(200, "GET", "functions", "")
	if code := p.signal(os.Interrupt); code != 0 {
		t.Errorf("interrupt: exit code %d: %s", code, p.stderr.String())
	}
	p = start(t, dir, "-dev")
	if after := p.configure(200, "GET", "functions", ""); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
	if a := p.send(200, "GET", p.events+"/users", ""); a != `["Max"]` {
		t.Error(a)
	}
	// kill -9 loses no configuration, either.
	p.configure(204, "DELETE", "subscriptions/http,GET,%2Fusers", "")
	_ = p.signal(syscall.SIGKILL)
	p = start(t, dir, "-dev")
	p.send(404, "GET", p.events+"/users", "")
}

// TestExit: the exit code tells how it went, and a second signal ends the process at once.
func TestExit(t *testing.T) {
	reached := make(chan struct{}, 2)
	f := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		reached <- struct{}{}
		<-r.Context().Done()
	}))
	defer f.Close()
	slow := func(args ...string) *process {
		p := start(t, t.TempDir(), append(args, "-store=memory:", "-log-format=text", "-events-addr=localhost")...)
		p.configure(201, "POST", "functions", fmt.Sprintf(`{"functionId":"f","type":"http","provider":{"url":%q}}`, f.URL))
		p.configure(201, "POST", "subscriptions", `{"functionId":"f","event":"e"}`)
		p.send(202, "POST", p.events+"/", "", "Event: e")
		<-reached
		return p
	}
	p := slow("-drain-timeout=200ms")
	if code := p.signal(syscall.SIGTERM); code != 1 ||
		!regexp.MustCompile(`a delivery was cut off.* space=default function=f event=[0-9a-f-]{36} type=e`).MatchString(p.stderr.String()) {
		t.Errorf("a delivery was cut off: exit code %d: %s", code, p.stderr.String())
	}
	p = slow("-drain-timeout=1h")
	began := time.Now()
	if code := p.signal(syscall.SIGTERM, syscall.SIGTERM); code == 0 || time.Since(began) > 3*time.Second {
		t.Errorf("a second signal: exit code %d after %s", code, time.Since(began))
	}
}

// TestRefusesToStart: what is wrong is one line, and exit code 2.
func TestRefusesToStart(t *testing.T) {
	taken := t.TempDir()
	start(t, taken, "-dev")
	f := func(want string, args ...string) {
		t.Helper()
		cmd := exec.Command(binary, append([]string{"-events-port=0", "-config-port=0"}, args...)...)
		cmd.Dir = taken
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 2 || !strings.Contains(string(out), want) || strings.Contains(string(out), "goroutine") {
			t.Errorf("%v: exit code %d: %s", args, code, out)
		}
	}
	f("give it a token", "-config-addr=0.0.0.0")
	f("not defined: -nothing", "-nothing")
	f(`-store: "redis:" is no kind of store`, "-store=redis://h")
	f(`-log-level is "loud"`, "-log-level=loud")
	f("default.etcd", "-dev")
	if out, err := exec.Command(binary, "-version").Output(); err != nil || !strings.HasPrefix(string(out), "event-gateway ") {
		t.Errorf("%s %v", out, err)
	}
	if out, err := exec.Command(binary, "-help").CombinedOutput(); err != nil || !strings.Contains(string(out), "-embed-data-dir") {
		t.Errorf("%s %v", out, err)
	}
}

// TestUnsolicited: what a function says without being asked is in no log, though net/http prints it.
func TestUnsolicited(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	said := make(chan bool)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
		time.Sleep(100 * time.Millisecond) // until the connection is idle
		_, _ = io.WriteString(conn, "a secret that nobody asked for")
		time.Sleep(100 * time.Millisecond)
		close(said)
	}()
	p := start(t, t.TempDir(), "-dev", "-store=memory:")
	p.send(201, "POST", p.config+"/v1/spaces/default/functions", fmt.Sprintf(`{"functionId":"f","type":"http","provider":{"url":"http://%s"}}`, l.Addr()), "Content-Type: application/json")
	p.send(200, "POST", p.events, "{}", "Event: invoke", "Function-ID: f", "Content-Type: application/json")
	<-said
	if code := p.signal(syscall.SIGTERM); code != 0 {
		t.Error("the exit code is", code)
	}
	if log := p.stderr.String(); strings.Contains(log, "secret") || strings.Contains(log, "Unsolicited") {
		t.Error(log)
	}
}
