package handlers_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/event-gateway/event-gateway/handlers"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/memory"
)

// Each test is one defect of the first Event Gateway: the names are those of docs/security.md.

// TestX2: routes of two spaces that share a prefix are added and taken away without touching each other.
func TestX2(t *testing.T) {
	t.Parallel()
	g := start(t)
	a, b := answers(t, `{"body":"a"}`), answers(t, `{"body":"b"}`)
	g.function("space-a", "f", a.URL)
	g.function("space-b", "f", b.URL)
	g.subscribe("space-a", `{"functionId":"f","event":"http","method":"GET","path":"/api/:id/x"}`)
	for range 3 {
		g.subscribe("space-b", `{"functionId":"f","event":"http","method":"GET","path":"/api/b/c/d"}`)
		if got := send(t, "GET", g.events+"/api/b/c/d", ""); got.body != "b" {
			t.Error(got)
		}
		g.configure(204, "DELETE", "/v1/spaces/space-b/subscriptions/http,GET,%2Fapi%2Fb%2Fc%2Fd", "")
		if got := send(t, "GET", g.events+"/api/b/c/d", ""); got.status != 404 {
			t.Error(got)
		}
		if got := send(t, "GET", g.events+"/api/b/x", ""); got.body != "a" {
			t.Error(got)
		}
	}
}

// TestC: a space cannot take a route that another has, and so cannot take it away.
func TestC(t *testing.T) {
	t.Parallel()
	g := start(t)
	a, b := answers(t, `{"body":"a"}`), answers(t, `{"body":"b"}`)
	g.function("space-b", "f", a.URL)
	g.function("a-space", "f", b.URL) // its name sorts first (N)
	const route = `{"functionId":"f","event":"http","method":"GET","path":"/r"}`
	g.subscribe("space-b", route)
	got := g.configure(409, "POST", "/v1/spaces/a-space/subscriptions", route)
	if got.message() != "Subscription path conflict: route /r conflicts with existing route" {
		t.Error(got.body)
	}
	g.configure(404, "DELETE", "/v1/spaces/a-space/subscriptions/http,GET,%2Fr", "")
	if got := send(t, "GET", g.events+"/r", ""); got.body != "a" {
		t.Error(got)
	}
}

// TestA: however often a subscription is updated, its function gets an event once, and none after the delete.
func TestA(t *testing.T) {
	t.Parallel()
	g := start(t)
	f := answers(t, "")
	g.function("default", "f", f.URL)
	g.configure(201, "POST", inDefault+"/eventtypes", `{"name":"e"}`)
	const body = `{"type":"async","eventType":"e","functionId":"f","path":"/"}`
	g.subscribe("default", body)
	const id = inDefault + "/subscriptions/YXN5bmMsZSxmLCUyRixQT1NU"
	for range 3 {
		g.configure(200, "PUT", id, body)
	}
	send(t, "POST", g.events+"/", "", "Event: e")
	eventually(t, "the event arrives", func() bool { return len(f.events()) == 1 })
	g.configure(204, "DELETE", id, "")
	send(t, "POST", g.events+"/", "", "Event: e")
	if err := g.stop(); err != nil { // delivers what is left
		t.Error(err)
	}
	if n := len(f.events()); n != 1 {
		t.Errorf("the function got %d events, want 1", n)
	}
}

// TestE: a secret is stored, and never seen again.
func TestE(t *testing.T) {
	t.Parallel()
	g := start(t)
	const secret, f = "SECRET-MARKER", inDefault + "/functions/f"
	body := fmt.Sprintf(`{"functionId":"f","type":"awssqs","provider":{"queueUrl":"https://q","region":"us-east-1","awsAccessKeyId":%q,"awsSecretAccessKey":%[1]q,"awsSessionToken":%[1]q}}`, secret)
	var out strings.Builder
	see := func(a answer) answer { fmt.Fprintln(&out, a); return a }
	created := see(g.configure(201, "POST", inDefault+"/functions", body))
	see(g.configure(409, "POST", inDefault+"/functions", body))
	see(g.configure(200, "GET", inDefault+"/functions", ""))
	read := see(g.configure(200, "GET", f, ""))
	if created.body != read.body || strings.Count(read.body, `"****"`) != 3 {
		t.Error(read.body)
	}
	// What was read can be sent back: the secrets stay.
	see(g.configure(200, "PUT", f, read.body))
	see(g.configure(400, "PUT", f, strings.Replace(body, "us-east-1", "x", 1)))
	see(g.configure(400, "PUT", f, strings.Replace(body, `"awssqs"`, `7`, 1)))
	see(g.configure(400, "PUT", f, strings.TrimSuffix(body, "}")))
	fresh := see(g.configure(400, "POST", inDefault+"/functions", strings.Replace(read.body, `"f"`, `"g"`, 1)))
	if !strings.Contains(fresh.message(), `awsAccessKeyId is "****"`) {
		t.Error(fresh.body)
	}
	g.subscribe("default", `{"functionId":"f","event":"e"}`)
	g.subscribe("default", `{"functionId":"f","event":"http","method":"GET","path":"/f"}`)
	see(send(t, "POST", g.events+"/", "", "Event: e"))
	see(send(t, "GET", g.events+"/f", ""))
	see(g.configure(200, "GET", "/metrics", ""))
	_ = g.stop()
	if s := out.String() + g.log.String(); strings.Contains(s, secret) {
		t.Error("the secret is in:", s[max(0, strings.Index(s, secret)-200):])
	}
}

// TestF: a full backlog refuses, and accepted is delivered or still there.
func TestF(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	f := newFunction(t, func(http.ResponseWriter, *http.Request) { <-release })
	quick := answers(t, "")
	g := start(t, "-workers-backlog=10")
	g.function("default", "f", f.URL)
	g.function("default", "quick", quick.URL)
	g.subscribe("default", `{"functionId":"f","event":"e"}`)
	g.subscribe("default", `{"functionId":"f","event":"both"}`)
	g.subscribe("default", `{"functionId":"quick","event":"both"}`)
	g.subscribe("default", `{"functionId":"quick","event":"quick"}`)
	var accepted, refused atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 250 {
				switch a := send(t, "POST", g.events+"/", "", "Event: e"); {
				case a.status == 202:
					accepted.Add(1)
				case a.status == 503 && a.header.Get("Retry-After") != "":
					refused.Add(1)
				default:
					t.Error(a)
				}
			}
		})
	}
	wg.Wait()
	if accepted.Load()+refused.Load() != 5000 || accepted.Load() > 10 || accepted.Load() == 0 {
		t.Errorf("accepted %d, refused %d", accepted.Load(), refused.Load())
	}
	// An event is accepted for all of its subscribers or for none.
	if a := send(t, "POST", g.events+"/", "", "Event: both"); a.status != 503 {
		t.Error(a)
	}
	// A function that is slow leaves room for others.
	if a := send(t, "POST", g.events+"/", "", "Event: quick"); a.status != 202 {
		t.Error(a)
	}
	eventually(t, "the quick one gets its own", func() bool { return len(quick.events()) == 1 })
	close(release)
	if err := g.stop(); err != nil {
		t.Error(err)
	}
	if int64(len(f.events())) != accepted.Load() || len(quick.events()) != 1 {
		t.Errorf("accepted %d, delivered %d and %d", accepted.Load(), len(f.events()), len(quick.events()))
	}
}

// TestF_Memory: what counts is the memory that an event keeps, not the part of it that is data.
func TestF_Memory(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	f := newFunction(t, func(http.ResponseWriter, *http.Request) { <-release })
	quick := answers(t, "")
	g := start(t)
	g.function("default", "f", f.URL)
	g.function("default", "quick", quick.URL)
	g.subscribe("default", `{"functionId":"f","event":"e"}`)
	g.subscribe("default", `{"functionId":"quick","event":"quick"}`)
	padded := "1" + strings.Repeat(" ", 6<<20-1)
	accepted := 0
	for range 30 {
		if a := send(t, "POST", g.events+"/", padded, "Event: e", jsonType); a.status == 202 {
			accepted++
		}
	}
	if accepted < 5 || accepted > 25 { // half of 256 MiB, at 14 MiB each; after 5 s the first ones time out
		t.Errorf("%d events of 6 MiB were accepted", accepted)
	}
	if a := send(t, "POST", g.events+"/", padded, "Event: quick", jsonType); a.status != 202 {
		t.Error("another function finds no room:", a)
	}
	if !strings.Contains(g.configure(200, "GET", "/metrics", "").body, fmt.Sprintf(`eventgateway_events_dropped_total{space="default",type="e"} %d`, 30-accepted)) {
		t.Error("what was refused is not counted")
	}
	close(release)
}

// TestParametersStay: async deliveries keep the path parameters of their own request, however many come after it.
func TestParametersStay(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	f := newFunction(t, func(http.ResponseWriter, *http.Request) { <-release })
	g := start(t)
	g.function("default", "f", f.URL)
	g.configure(201, "POST", inDefault+"/eventtypes", `{"name":"http.request"}`)
	g.subscribe("default", `{"functionId":"f","type":"async","eventType":"http.request","path":"/:id"}`)
	for i := range 200 {
		if a := send(t, "POST", g.events+fmt.Sprintf("/p%d", i), ""); a.status != 202 {
			t.Fatal(a)
		}
	}
	close(release)
	if err := g.stop(); err != nil {
		t.Error(err)
	}
	for _, e := range f.events() {
		data := object(t, e)["data"].(map[string]any)
		if want := fmt.Sprintf("map[id:%s]", strings.TrimPrefix(data["path"].(string), "/")); fmt.Sprint(data["params"]) != want {
			t.Errorf("%s has the parameters %v", data["path"], data["params"])
		}
	}
	if n := len(f.events()); n != 200 {
		t.Errorf("%d events, want 200", n)
	}
}

// TestG: the answers of functions that fail are closed: neither connections nor goroutines pile up.
func TestG(t *testing.T) {
	var opened atomic.Int64
	f := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(500)
		_, _ = w.Write(make([]byte, 10_000))
	}))
	f.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	f.Start()
	t.Cleanup(f.Close)
	g := start(t)
	g.function("default", "f", f.URL)
	g.subscribe("default", `{"functionId":"f","event":"http","method":"GET","path":"/f"}`)
	send(t, "GET", g.events+"/f", "")
	before := runtime.NumGoroutine()
	for range 200 {
		if a := send(t, "GET", g.events+"/f", ""); a.status != 502 {
			t.Fatal(a)
		}
	}
	if n := opened.Load(); n > 3 {
		t.Errorf("%d connections for 201 calls, one after the other", n)
	}
	eventually(t, "no goroutine stays", func() bool { return runtime.NumGoroutine() <= before+5 })
}

// TestH: a function that answers 503 has failed.
func TestH(t *testing.T) {
	t.Parallel()
	f := newFunction(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(503)
		_, _ = io.WriteString(w, `{"statusCode":200,"body":"fine"}`)
	})
	g := start(t)
	g.function("default", "f", f.URL)
	g.subscribe("default", `{"functionId":"f","event":"http","method":"GET","path":"/f"}`)
	g.subscribe("default", `{"functionId":"f","event":"e"}`)
	if a := send(t, "GET", g.events+"/f", ""); a.status != 502 || strings.Contains(a.body, "fine") {
		t.Error(a)
	}
	send(t, "POST", g.events+"/", "", "Event: e")
	eventually(t, "the delivery is counted as failed", func() bool {
		return strings.Contains(g.configure(200, "GET", "/metrics", "").body, `eventgateway_deliveries_total{result="failed"} 1`)
	})
}

// TestI: a function's answer cannot break the gateway or its connection to the caller.
func TestI(t *testing.T) {
	t.Parallel()
	var body atomic.Value
	f := newFunction(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body.Load().(string)) })
	g := start(t)
	g.function("default", "f", f.URL)
	g.subscribe("default", `{"functionId":"f","event":"http","method":"GET","path":"/f"}`)
	for _, bad := range []string{
		`{"statusCode":0}`, `{"statusCode":99}`, `{"statusCode":1000}`, `{"statusCode":-1}`, `{"statusCode":101}`, `{"statusCode":100}`, `{"statusCode":600}`,
		`{"statusCode":200.5}`, `{"statusCode":1e99}`, `{"statusCode":"200"}`, `{"headers":[]}`, `{"headers":{"a":1}}`, `{"body":{}}`, `{"body":7}`,
		`{"headers":{"a b":"1"}}`, `{"headers":{"A":"1\r\nB: 2"}}`, `{"multiValueHeaders":{"A":["1\n"]}}`, `{"cookies":["a=1\r\nB: 2"]}`,
		`{"isBase64Encoded":true,"body":"%"}`, `[]`, `"x"`, `null x`, `{"body":"a","body":"b"}`, strings.Repeat("[", 100_000),
	} {
		body.Store(bad)
		if a := send(t, "GET", g.events+"/f", ""); a.status != 502 || a.message() == "" || a.header.Get("B") != "" {
			t.Errorf("%.60s: %v", bad, a)
		}
	}
	for object, want := range map[string]string{
		`{"statusCode":"200"}`: "statusCode must be a whole number",
		`{"headers":{"a":1}}`:  "headers must be an object of strings",
		`{"body":{"a":1}}`:     "body must be a string",
		`[1]`:                  "it is no JSON object",
		`hello`:                "it is no JSON",
	} {
		body.Store(object)
		if a := send(t, "GET", g.events+"/f", ""); !strings.Contains(a.message(), want+" (") {
			t.Errorf("%s: %v", object, a)
		}
	}
	check := func(object, wantBody string, status int, headers ...string) {
		t.Helper()
		body.Store(object)
		a := send(t, "GET", g.events+"/f", "")
		if a.status != status || a.body != wantBody {
			t.Errorf("%s: %v", object, a)
		}
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			if got := strings.Join(a.header.Values(name), "|"); got != value {
				t.Errorf("%s: %s is %q, want %q", object, name, got, value)
			}
		}
	}
	check(`{}`, "", 200)
	check(`{"body":"hello","headers":{"content-length":"1000","transfer-encoding":"chunked","connection":"x-a","X-A":"1","X-B":"2"}}`, "hello", 200,
		"Content-Length: 5", "X-A: ", "X-B: 2", "Connection: ")
	check(`{"statusCode":204,"body":"ignored"}`, "", 204)
	check(`{"statusCode":304,"body":"ignored"}`, "", 304)
	check(`{"isBase64Encoded":true,"body":"AAEC"}`, "\x00\x01\x02", 200)
	check(`{"headers":{"A":"1","B":"1"},"multiValueHeaders":{"A":["2","3"]},"cookies":["a=1","b=2"]}`, "", 200, "A: 2|3", "B: 1", "Set-Cookie: a=1|b=2")
}

// TestL: the redirect of a function is not followed, wherever it points to.
func TestL(t *testing.T) {
	t.Parallel()
	inner := answers(t, `{"body":"internal"}`)
	f := newFunction(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, inner.URL, http.StatusTemporaryRedirect)
	})
	g := start(t)
	g.function("default", "f", f.URL)
	g.subscribe("default", `{"functionId":"f","event":"http","method":"GET","path":"/f"}`)
	a := send(t, "GET", g.events+"/f", "")
	if a.status != 502 || a.message() != `Function "f" failed: it answered with a redirect (status 307), which is not followed.` || len(inner.events()) != 0 {
		t.Error(a, inner.events())
	}
}

// TestM: requests for what does not exist make no metric series.
func TestM(t *testing.T) {
	t.Parallel()
	g := start(t)
	series := func() int { return strings.Count(g.configure(200, "GET", "/metrics", "").body, "\n") }
	probe := func(i int) {
		send(t, "POST", g.events+fmt.Sprintf("/%d", i), "", fmt.Sprintf("Event: made.up.%d", i))
		send(t, "GET", g.config+fmt.Sprintf("/v1/spaces/made-up-%d/functions", i), "")
		send(t, "DELETE", g.config+fmt.Sprintf("/v1/spaces/made-up-%d/functions/f%[1]d", i), "")
	}
	probe(0)
	before := series()
	for i := range 2000 {
		probe(i)
	}
	if after := series(); after > before+5 {
		t.Errorf("%d lines of metrics before, %d after", before, after)
	}
}

// TestQ: a web page cannot reach a Config API that has no token.
func TestQ(t *testing.T) {
	t.Parallel()
	g := start(t)
	const body = `{"functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`
	f := func(status int, method, path string, headers ...string) {
		t.Helper()
		content := ""
		if method == "POST" {
			content = body
		}
		if a := send(t, method, g.config+path, content, headers...); a.status != status || status > 400 && a.message() == "" {
			t.Errorf("%s %s %v: %v", method, path, headers, a)
		}
	}
	const functions = inDefault + "/functions"
	f(415, "POST", functions, "Content-Type: text/plain")
	f(415, "POST", functions)
	f(415, "POST", functions, "Content-Type: application/x-www-form-urlencoded")
	f(403, "POST", functions, jsonType, "Origin: http://evil.example")
	f(403, "POST", functions, jsonType, "Sec-Fetch-Site: cross-site")
	f(403, "POST", functions, jsonType, "Host: evil.example")
	f(403, "GET", functions, "Host: evil.example")
	f(403, "GET", "/metrics", "Host: 10.0.0.1:4001")
	f(403, "GET", "/v1/status", "Host: evil.example")
	f(403, "GET", "/nothing", "Host: localhost.evil.example")
	f(403, "PUT", functions, jsonType, "Host: evil.example")
	f(200, "GET", functions, "Host: [::1]:4001")
	f(200, "GET", functions, "Host: LOCALHOST", "Authorization: bearer ignored")
	f(201, "POST", functions, jsonType+"; charset=utf-8")
}

// TestToken: with a token, the Config API is for those who have it, under whatever name it is reached.
func TestToken(t *testing.T) {
	t.Setenv("EVENT_GATEWAY_CONFIG_TOKEN", "right")
	g := start(t)
	f := func(status int, path string, headers ...string) {
		t.Helper()
		if a := send(t, "GET", g.config+path, "", headers...); a.status != status || status == 401 && a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s %v: %v", path, headers, a)
		}
	}
	for _, path := range []string{inDefault + "/functions", "/metrics", "/v1/metrics", "/nothing"} {
		status := 200
		if path == "/nothing" {
			status = 404
		}
		f(401, path)
		f(401, path, "Authorization: Bearer wrong")
		f(401, path, "Authorization: Basic right")
		f(401, path, "Authorization: right")
		f(status, path, "Authorization: bearer right", "Host: gateway.example")
	}
	f(200, "/readyz", "Host: 10.0.0.1")
	f(200, "/v1/status")
}

// TestR: no host name is made of what is not the name of a region.
func TestR(t *testing.T) {
	t.Parallel()
	g := start(t)
	f := func(status int, arn, region string) {
		t.Helper()
		body := fmt.Sprintf(`{"functionId":"f%d","type":"awslambda","provider":{"arn":%q,"region":%q}}`, time.Now().UnixNano(), arn, region)
		if a := send(t, "POST", g.config+inDefault+"/functions", body, jsonType); a.status != status {
			t.Errorf("%s in %s: %v", arn, region, a)
		}
	}
	const arn = "arn:aws:lambda:us-east-1:377024778620:function:hello"
	f(201, arn, "us-east-1")
	f(201, "hello", "us-gov-west-1")
	f(400, arn, "x@evil.example/#")
	f(400, "hello", "us-east-1.evil.example")
	f(400, "hello", "us-east-1\n")
	f(400, "hello", "localhost:9001")
	f(400, arn, "eu-west-1")
}

// TestV: what is too large or too slow is refused in bounded time, with a status where HTTP has one.
func TestV(t *testing.T) {
	t.Parallel()
	g := start(t)
	f := answers(t, `{"body":"ok"}`)
	g.function("default", "f", f.URL)
	g.subscribe("default", `{"functionId":"f","event":"http","method":"POST","path":"/f"}`)
	if a := send(t, "POST", g.events+"/f", strings.Repeat("x", 6<<20)); a.status != 200 {
		t.Error("the largest body:", a.status, a.message())
	}
	if a := send(t, "POST", g.events+"/f", strings.Repeat("x", 6<<20+1)); a.status != 413 || a.message() == "" {
		t.Error(a)
	}
	if a := send(t, "POST", g.config+inDefault+"/functions", `{"functionId":"`+strings.Repeat("x", 300_000)+`"}`, jsonType); a.status != 413 {
		t.Error(a)
	}
	if a := send(t, "GET", g.events+"/", "", "X: "+strings.Repeat("x", 70_000)); a.status != 431 {
		t.Error(a.status)
	}
	for _, path := range []string{"/a/../b", "/a/%2e%2e/b", "//a", "/a//b", "/%00", "/%ff", "/a%0ab", "/./a"} {
		if a := raw(t, g.events, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); !strings.HasPrefix(a, "HTTP/1.1 400") {
			t.Errorf("%s: %s", path, a)
		}
	}
	// An escaped slash is no separator, whatever else is in the path.
	g.subscribe("default", `{"functionId":"f","event":"http","method":"GET","path":"/admin/:x"}`)
	for _, path := range []string{"/admin%2Fx", "/admin%2fx|", "/admin%2Fx\"", "/admin%2Fx^", "/admin%2Fx\xc3\xa9"} {
		if a := raw(t, g.events, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(a, "HTTP/1.1 404") {
			t.Errorf("%s: %s", path, a)
		}
	}
	// A body that is cut off or framed wrongly is the sender's fault.
	for _, body := range []string{"Transfer-Encoding: chunked\r\n\r\nZZ\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nx\r\n0\r\n\r\n"} {
		if a := raw(t, g.events, "POST /f HTTP/1.1\r\nHost: x\r\n"+body); !strings.HasPrefix(a, "HTTP/1.1 400") {
			t.Errorf("%q: %s", body, a)
		}
	}
	// A chunked request is the last one of its connection.
	two := "POST /f HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nGET /f HTTP/1.1\r\nHost: x\r\n\r\n"
	if a := raw(t, g.events, two); strings.Count(a, "HTTP/1.1 ") != 1 || !strings.Contains(a, "Connection: close") {
		t.Error(a)
	}
	// The sender of a body that stops is not waited for for ever.
	conn := dial(t, g.events)
	_, _ = io.WriteString(conn, "POST /f HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx")
	_ = conn.SetReadDeadline(time.Now().Add(45 * time.Second))
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, " 408 ") {
		t.Errorf("%q %v", line, err)
	}
}

func dial(t *testing.T, url string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// raw sends bytes as they are and returns all that comes back until the connection ends or is quiet.
func raw(t *testing.T, url, request string) string {
	t.Helper()
	conn := dial(t, url)
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Second))
	b, _ := io.ReadAll(conn)
	return string(b)
}

// TestDraining: who comes while the gateway ends is told so.
func TestDraining(t *testing.T) {
	t.Parallel()
	g := &handlers.Gateway{Log: slog.New(slog.DiscardHandler), Metrics: handlers.NewMetrics(prometheus.NewRegistry())}
	frozen := &store.Frozen{MaxStaleness: time.Minute} // which needs nobody to follow the store
	g.Realms = store.NewRealms(memory.New(), store.NewRules(nil, false, nil), store.RealmsOptions{Frozen: frozen}, g.Log)
	s := httptest.NewServer(g.Router(handlers.Events))
	t.Cleanup(s.Close)
	if a := send(t, "POST", s.URL, "", "Event: e"); a.status != 202 {
		t.Error(a)
	}
	g.Draining.Store(true)
	if a := send(t, "POST", s.URL, "", "Event: e"); a.status != 503 || a.message() != "Service Unavailable" || a.header.Get("Retry-After") == "" {
		t.Error(a)
	}
}

// TestPanic: a panic in a handler is a 500 and nothing else.
func TestPanic(t *testing.T) {
	t.Parallel()
	g := brokenGateway()
	s := httptest.NewServer(g)
	t.Cleanup(s.Close)
	for range 3 {
		if a := send(t, "GET", s.URL+"/x", ""); a.status != 500 || a.message() != "Internal error. Please check logs." {
			t.Error(a)
		}
	}
}
