package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// peer is a program that sends and receives events with a CloudEvents SDK; see testdata/cloudevents.
type peer struct {
	name, url string
	gateway   *process
}

// cloudEvent is an event as an SDK makes or reads it.
type cloudEvent struct {
	Attributes map[string]any `json:"attributes"`
	Data       []byte         `json:"data"`
	Form       string         `json:"form,omitempty"`  // of data to be sent: json, text or bytes, and empty without data
	Binary     bool           `json:"binary,omitzero"` // it was received in binary mode
}

// sent is the answer to what a peer sent.
type sent struct {
	Status int    `json:"status"`
	Header string `json:"header"` // X-Peer
	Body   string `json:"body"`
}

// in returns the same gateway for a test within the one that started it.
func (p *process) in(t *testing.T) *process {
	return &process{t: t, events: p.events, config: p.config}
}

func startNodePeer(t *testing.T, p *process) *peer {
	t.Helper()
	dir := filepath.Join("testdata", "cloudevents", "nodepeer")
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		t.Skip("not installed: npm ci in " + dir)
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("no node")
	}
	cmd := exec.CommandContext(t.Context(), "node", "index.js")
	cmd.Dir = dir
	return startPeer(t, "node", cmd, p)
}

func startGoPeer(t *testing.T, p *process) *peer {
	t.Helper()
	dir := filepath.Join("testdata", "cloudevents", "gopeer")
	download := exec.CommandContext(t.Context(), "go", "mod", "download")
	download.Dir = dir
	if out, err := download.CombinedOutput(); err != nil {
		t.Skipf("the modules of %s cannot be had: %v: %s", dir, err, out)
	}
	program := filepath.Join(t.TempDir(), "gopeer")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build in %s: %v: %s", dir, err, out)
	}
	return startPeer(t, "go", exec.CommandContext(t.Context(), program), p)
}

// startPeer starts a peer. It ends with the test, and with its standard input if the test cannot end it.
func startPeer(t *testing.T, name string, cmd *exec.Cmd, p *process) *peer {
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
	t.Cleanup(func() {
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said: %s", name, stderr.String())
		}
	})
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("%s did not start: %v", name, err)
	}
	return &peer{name, strings.TrimSpace(url), p}
}

// send has the peer send events to a path of the gateway: one if mode is structured or binary, any number if it is batch.
func (s *peer) send(t *testing.T, path, mode string, events ...*cloudEvent) (answer sent) {
	t.Helper()
	order, err := json.Marshal(map[string]any{"url": s.gateway.events + path, "mode": mode, "events": events})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(s.gateway.in(t).send(200, "POST", s.url+"/send", string(order))), &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// received returns an event that reached the peer's function, or soon does.
func (s *peer) received(t *testing.T, id string) *cloudEvent {
	t.Helper()
	for range 200 {
		e := &cloudEvent{}
		if err := json.Unmarshal([]byte(s.gateway.in(t).send(200, "GET", s.url+"/received/"+id, "")), e); err != nil {
			t.Fatal(err)
		}
		if e.Attributes != nil {
			return e
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("event %s does not come", id)
	return nil
}

// same compares what a function got with what it had to get. The gateway adds one extension of its own.
func (e *cloudEvent) same(t *testing.T, want *cloudEvent) {
	t.Helper()
	if lineage, _ := e.Attributes["eventgatewaylineage"].(string); lineage == "" {
		t.Errorf("eventgatewaylineage is %v", e.Attributes["eventgatewaylineage"])
	}
	delete(e.Attributes, "eventgatewaylineage")
	for name, value := range want.Attributes {
		if got := e.Attributes[name]; !reflect.DeepEqual(got, value) {
			t.Errorf("%s is %#v, want %#v", name, got, value)
		}
	}
	for name, value := range e.Attributes {
		if _, ok := want.Attributes[name]; !ok {
			t.Errorf("%s is %#v, and was not sent", name, value)
		}
	}
	if string(e.Data) != string(want.Data) {
		t.Errorf("the data is %q, want %q", e.Data, want.Data)
	}
	if e.Binary != want.Binary {
		t.Errorf("in binary mode: %v, want %v", e.Binary, want.Binary)
	}
}
