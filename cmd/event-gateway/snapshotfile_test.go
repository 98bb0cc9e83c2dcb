package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/app/embed"
	"github.com/event-gateway/event-gateway/store/storetest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// TestSnapshotFile: a gateway starts while its etcd is away, routes by what it knew, and goes on from there when etcd is back.
func TestSnapshotFile(t *testing.T) {
	f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"body":"ok"}`) }))
	defer f.Close()
	data, addr := t.TempDir(), storetest.FreeAddr(t)
	serve := func() *embed.Server {
		etcd, err := embed.Start(t.Context(), embed.Options{DataDir: data, ClientAddr: addr, UnsafeNoFsync: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(etcd.Close)
		return etcd
	}
	etcd := serve()
	file := filepath.Join(t.TempDir(), "snapshot")
	gateway := func(args ...string) *process {
		return start(t, t.TempDir(), append(args, "-store=etcd://"+addr+"/p?timeout=1s", "-events-addr=localhost")...)
	}
	route := func(p *process, path string) {
		t.Helper()
		p.configure(201, "POST", "subscriptions", fmt.Sprintf(`{"functionId":"f","event":"http","method":"GET","path":%q}`, path))
	}
	p := gateway("-snapshot-file", file)
	p.configure(201, "POST", "functions", fmt.Sprintf(`{"functionId":"f","type":"http","provider":{"url":%q}}`, f.URL))
	for _, path := range []string{"/stays", "/goes"} {
		route(p, path)
	}
	if code := p.signal(syscall.SIGTERM); code != 0 {
		t.Fatal(code, p.stderr.String())
	}
	ended := time.Now()
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	// Meanwhile another gateway changes things, and then etcd is gone.
	other := gateway()
	other.configure(204, "DELETE", "subscriptions/http,GET,%2Fgoes", "")
	route(other, "/comes")
	_ = other.signal(syscall.SIGKILL)
	etcd.Close()

	p = gateway("-snapshot-file", file)
	p.send(200, "GET", p.config+"/readyz", "")
	p.send(200, "GET", p.events+"/stays", "")
	p.send(200, "GET", p.events+"/goes", "")
	p.send(404, "GET", p.events+"/comes", "")
	if age, least := p.metric("eventgateway_snapshot_age_seconds"), time.Since(ended).Seconds(); age < least-0.1 || age > least+60 {
		t.Errorf("it says that it is %.1f s old, want at least %.1f s", age, least)
	}
	if !strings.Contains(p.configure(200, "GET", "subscriptions", ""), "/goes") {
		t.Error("the list of subscriptions is not what is served")
	}
	p.configure(503, "POST", "subscriptions", `{"functionId":"f","event":"e"}`)
	gone := p.watch("/stays")
	serve()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if p.status("/comes") == 200 && p.status("/goes") == 404 && p.metric("eventgateway_snapshot_age_seconds") < 30 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("etcd is back, but its changes are not served")
		}
	}
	if n := gone(); n > 0 {
		t.Errorf("a route that was there all the time was gone %d times", n)
	}
	p.configure(201, "POST", "subscriptions", `{"functionId":"f","event":"e"}`)
	if p.metric("eventgateway_snapshot_file_failures_total") != 0 || p.metric("eventgateway_snapshot_file_bytes") == 0 || p.metric("eventgateway_snapshot_file_written_timestamp_seconds") < float64(ended.Unix()) {
		t.Error(p.send(200, "GET", p.config+"/metrics", ""))
	}
	p.refusesSecond(file)
	_ = p.signal(syscall.SIGTERM)
	for _, line := range []string{"what the snapshot file holds is served", "the configuration store cannot be read; trying again", "the configuration store is back"} {
		if n := strings.Count(p.stderr.String(), line); n != 1 {
			t.Errorf("%q is logged %d times: %s", line, n, p.stderr.String())
		}
	}
}

func (p *process) status(path string) int {
	resp, err := http.Get(p.events + path)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode
}

// TestSnapshotFileSilent: a store that takes connections and says nothing keeps a gateway with a file waiting for six seconds at most.
func TestSnapshotFileSilent(t *testing.T) {
	t.Parallel()
	way := servers.NewProxy(t, etcdServer(t))
	args := []string{"-store=etcd://" + way.Addr() + "/p?timeout=30s", "-events-addr=localhost", "-snapshot-file", filepath.Join(t.TempDir(), "snapshot")}
	p := start(t, t.TempDir(), args...)
	p.configure(201, "POST", "functions", `{"functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`)
	if code := p.signal(syscall.SIGTERM); code != 0 {
		t.Fatal(code, p.stderr.String())
	}
	way.Hang()
	p = start(t, t.TempDir(), args...)
	p.send(200, "GET", p.config+"/readyz", "")
	if !strings.Contains(p.configure(200, "GET", "functions", ""), `"functionId":"f"`) || p.took > 9*time.Second {
		t.Errorf("ready after %v", p.took)
	}
}

// metric returns the value of a metric without labels.
func (p *process) metric(name string) float64 {
	p.t.Helper()
	m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(p.send(200, "GET", p.config+"/metrics", ""))
	if m == nil {
		p.t.Fatal("there is no metric", name)
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// watch asks for a path until gone is called, which returns how often the answer was not 200.
func (p *process) watch(path string) (gone func() int64) {
	var n atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
			if p.status(path) != 200 {
				n.Add(1)
			}
		}
	}()
	gone = sync.OnceValue(func() int64 { close(stop); <-stopped; return n.Load() })
	p.t.Cleanup(func() { gone() })
	return gone
}

// refusesSecond checks that what cannot be a snapshot file is one line, and exit code 2.
func (p *process) refusesSecond(file string) {
	p.t.Helper()
	for path, want := range map[string]string{
		file:                          "another process is using the snapshot file " + file,
		filepath.Dir(file):            "is a directory",
		"/nowhere/at/all/snapshot":    "the folder of the snapshot file cannot be written to",
		filepath.Join(file, "within"): "the folder of the snapshot file cannot be written to",
	} {
		cmd := exec.Command(binary, "-store=memory:", "-events-addr=localhost", "-events-port=0", "-config-port=0", "-snapshot-file", path)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 2 || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), "event-gateway: -snapshot-file: ") || !strings.Contains(string(out), want) {
			p.t.Errorf("%s: exit code %d: %s", path, code, out)
		}
	}
}
