package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/app/embed"
	"github.com/event-gateway/event-gateway/invoke/lambdatest"
)

// The programs that the tests run, built once: the gateway as users build it, an example function, and a proxy that makes faults.
var gatewayProgram, functionProgram, proxyProgram string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "event-gateway-lambda")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		gatewayProgram, proxyProgram = filepath.Join(dir, "bootstrap"), filepath.Join(dir, "toxiproxy")
		for _, args := range [][]string{
			{"build", "-tags", "lambda.norpc,nomsgpack,grpcnotrace", "-o", gatewayProgram, "."},
			{"build", "-modfile=../../tools/go.mod", "-o", proxyProgram, "github.com/Shopify/toxiproxy/v2/cmd/server"},
		} {
			if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "go %v: %s%v\n", args, out, err)
				return 1
			}
		}
		if functionProgram, err = lambdatest.BuildGo(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

const token = "operators-only"

// nodeFunction is an example function for Node's runtime client, which has to be installed there.
const nodeFunction = "../../invoke/lambdatest/testdata/nodefunction"

// region is a Lambda region with a gateway in it: its two surfaces as two functions, and an example function.
type region struct {
	*lambdatest.Host
	t     *testing.T
	space string
}

// startRegion starts the gateway's functions with the given store. env is of both.
func startRegion(t *testing.T, store string, env ...string) *region {
	t.Helper()
	gateway := func(role string) lambdatest.Function {
		own := []string{"EVENT_GATEWAY_STORE=" + store, "EVENT_GATEWAY_CONFIG_TOKEN=" + token, "EVENT_GATEWAY_ROLE=" + role}
		return lambdatest.Function{Command: []string{gatewayProgram}, Env: append(own, env...), Timeout: 5 * time.Second}
	}
	h, err := lambdatest.Start(map[string]lambdatest.Function{
		"events": gateway("events"), "config": gateway("config"), "all": gateway("all"),
		"example": {Command: []string{functionProgram}, Timeout: 5 * time.Second},
		"node": {
			Command: []string{"node", "node_modules/aws-lambda-ric/index.mjs"}, Dir: nodeFunction, Env: []string{"_HANDLER=index.handler"},
			Timeout: 10 * time.Second,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.Close()
		if t.Failed() {
			t.Logf("events:\n%s\nconfig:\n%s\nall:\n%s", h.Log("events"), h.Log("config"), h.Log("all"))
		}
	})
	return &region{h, t, "default"}
}

// startStore starts an etcd, which listens where it did before if an address is given.
func startStore(t *testing.T, dir, addr string) *embed.Server {
	t.Helper()
	s, err := embed.Start(t.Context(), embed.Options{DataDir: dir, ClientAddr: addr, UnsafeNoFsync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

type answer struct {
	Status  int               `json:"statusCode"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Base64  bool              `json:"isBase64Encoded"`
	took    time.Duration
}

// send sends a request to one of the functions, as an HTTP API does. headers are "name: value".
func (r *region) send(function, method, path, body string, headers ...string) answer {
	r.t.Helper()
	a, err := r.try(function, method, path, body, headers...)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// try is send for a function that may fail.
func (r *region) try(function, method, path, body string, headers ...string) (answer, error) {
	event := map[string]any{
		"version": "2.0", "rawPath": path, "headers": map[string]string{}, "body": body,
		"requestContext": map[string]any{"stage": "$default", "domainName": "gateway.test", "http": map[string]any{"method": method, "path": path, "sourceIp": "192.0.2.1"}},
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "host" {
			event["requestContext"].(map[string]any)["domainName"] = value
		}
		event["headers"].(map[string]string)[name] = value
	}
	payload, err := json.Marshal(event)
	if err != nil {
		return answer{}, err
	}
	began := time.Now()
	result, err := r.Invoke(context.Background(), function, payload)
	if err == nil && result.FunctionError != "" {
		err = fmt.Errorf("%s %s", result.FunctionError, result.Payload)
	}
	if err != nil {
		return answer{}, err
	}
	a := answer{took: time.Since(began)}
	if err := json.Unmarshal(result.Payload, &a); err != nil {
		return a, fmt.Errorf("%s: %w", result.Payload, err)
	}
	if a.Base64 {
		b, _ := base64.StdEncoding.DecodeString(a.Body)
		a.Body = string(b)
	}
	return a, nil
}

// configure makes a Config API request and wants it to go well.
func (r *region) configure(method, path, body string) answer {
	r.t.Helper()
	a := r.send("config", method, "/v1/spaces/"+r.space+path, body, "content-type: application/json", "authorization: Bearer "+token)
	if a.Status/100 != 2 {
		r.t.Fatalf("%s %s %s: %d %s", method, path, body, a.Status, a.Body)
	}
	return a
}

func (r *region) function(id, url string) {
	r.t.Helper()
	r.configure("POST", "/functions", fmt.Sprintf(`{"functionId":%q,"type":"http","provider":{"url":%q}}`, id, url))
}

func (r *region) route(id, path string) {
	r.t.Helper()
	r.configure("POST", "/subscriptions", fmt.Sprintf(`{"functionId":%q,"event":"http","method":"GET","path":%q}`, id, path))
}

// get wants the events function to answer a GET.
func (r *region) get(path string, status int) answer {
	r.t.Helper()
	a := r.send("events", "GET", path, "")
	if a.Status != status {
		r.t.Fatalf("GET %s: %d %s, want %d", path, a.Status, a.Body, status)
	}
	return a
}

// freeze waits until all of a function's processes are stopped, and for as long as is given after that.
func (r *region) freeze(function string, d time.Duration) {
	r.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !r.Frozen(function); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s is not frozen", function)
		}
	}
	time.Sleep(d)
}

// logs waits for something in a function's log, which comes by another way than its answers.
func (r *region) logs(function, what string) {
	r.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !strings.Contains(r.Log(function), what); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Errorf("%q is not in the log of %s", what, function)
			return
		}
	}
}

// proxy is a toxiproxy before a store, in a process of its own.
type proxy struct {
	t    *testing.T
	api  string
	addr string
}

func startProxy(t *testing.T, upstream string) *proxy {
	t.Helper()
	apiPort, addr := freePort(t), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	cmd := exec.Command(proxyProgram, "-host", "127.0.0.1", "-port", fmt.Sprint(apiPort))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	p := &proxy{t, fmt.Sprintf("http://127.0.0.1:%d", apiPort), addr}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if resp, err := http.Get(p.api + "/version"); err == nil {
			_ = resp.Body.Close()
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	p.do("POST", "/proxies", fmt.Sprintf(`{"name":"store","listen":%q,"upstream":%q,"enabled":true}`, addr, upstream))
	return p
}

func (p *proxy) do(method, path, body string) {
	p.t.Helper()
	req, _ := http.NewRequest(method, p.api+path, strings.NewReader(body))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		var b bytes.Buffer
		_, _ = b.ReadFrom(resp.Body)
		p.t.Fatalf("%s %s: %s %s", method, path, resp.Status, &b)
	}
}

// enable(false) cuts all connections, and refuses others.
func (p *proxy) enable(on bool) {
	p.t.Helper()
	p.do("POST", "/proxies/store", fmt.Sprintf(`{"enabled":%t}`, on))
}

// silence drops what the store answers, and says nothing.
func (p *proxy) silence() {
	p.t.Helper()
	p.do("POST", "/proxies/store/toxics", `{"name":"silent","type":"timeout","stream":"downstream","attributes":{"timeout":0}}`)
}

func (p *proxy) speak() {
	p.t.Helper()
	p.do("DELETE", "/proxies/store/toxics/silent", "")
}
