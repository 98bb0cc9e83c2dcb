package handlers_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestHostile sends one bad request a connection, as bytes. Each has its status within 2 s, and then the connection is still good for another request or is closed.
func TestHostile(t *testing.T) {
	t.Parallel()
	g := start(t)
	g.function("default", "f", answers(t, `{"body":"ok"}`).URL)
	g.subscribe("default", `{"functionId":"f","event":"http","method":"POST","path":"/f"}`)
	// One after the other: what is measured is the time of each.
	for _, c := range hostile() {
		t.Run(c.name, func(t *testing.T) {
			c.check(t, g.events, "POST /f HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
		})
	}
	for _, c := range hostileConfig() {
		t.Run("config/"+c.name, func(t *testing.T) {
			c.check(t, g.config, "GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
		})
	}
}

// hostileRequest is a request as bytes, the status that it should have, and whether the connection stays open.
type hostileRequest struct {
	name   string
	status int
	open   bool
	bytes  string
}

func (c hostileRequest) check(t *testing.T, url, next string) {
	began := time.Now()
	conn := dial(t, url)
	defer conn.Close()
	_ = conn.SetDeadline(began.Add(10 * time.Second))
	written := make(chan error, 1)
	go func() {
		_, err := io.WriteString(conn, c.bytes)
		written <- err
	}()
	in := bufio.NewReader(conn)
	resp, body := readAnswer(t, in)
	if took := time.Since(began); resp == nil || resp.StatusCode != c.status || took > 2*time.Second || resp.StatusCode/100 == 1 {
		t.Fatalf("got %+v %.200q after %s, want %d within 2 s", resp, body, took, c.status)
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") && !strings.HasPrefix(body, `{"errors":[{"message":"`) {
		t.Errorf("no message: %q", body)
	}
	if !c.open {
		if n, err := io.Copy(io.Discard, in); n > 0 {
			t.Errorf("%d more bytes come, then %v", n, err)
		}
		if !resp.Close && resp.ProtoAtLeast(1, 1) {
			t.Errorf("the connection is closed, but nobody said so: %v", resp.Header)
		}
		_ = conn.Close()
		<-written
		return
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, next)
	if resp, body := readAnswer(t, in); resp == nil || resp.StatusCode != 200 {
		t.Errorf("the next request: %+v %.200q", resp, body)
	}
}

func readAnswer(t *testing.T, in *bufio.Reader) (*http.Response, string) {
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Log(err)
		return nil, ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp, string(b)
}

// post is a request with a length.
func post(path, headers, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %d\r\n\r\n%s", path, headers, len(body), body)
}

func hostile() []hostileRequest {
	var all []hostileRequest
	add := func(name string, status int, open bool, bytes string) {
		all = append(all, hostileRequest{name, status, open, bytes})
	}
	const structured, json = "Content-Type: application/cloudevents+json\r\n", "Content-Type: application/json\r\n"
	const attributes = `"specversion":"1.0","id":"1","source":"/s","type":"e"`
	event := func(name string, status int, members string) {
		add("event/"+name, status, true, post("/", structured, "{"+attributes+members+"}"))
	}
	nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	event("plain", 202, "")
	event("deep enough", 202, `,"data":`+nested(9_990))
	event("deep", 400, `,"data":`+nested(100_000))
	event("deep and open", 400, `,"data":`+strings.Repeat(`{"a":[`, 100_000))
	event("deep extension", 400, `,"x":`+nested(9_000))
	event("attribute twice", 400, `,"id":"2"`)
	event("attribute twice, escaped", 400, `,"i\u0064":"2"`)
	event("extension twice", 400, `,"x":"2","x":"2"`)
	event("data twice", 400, `,"data":1,"data":1`)
	event("64 extensions", 202, many(64, `,"x%d":1`))
	event("65 extensions", 400, many(65, `,"x%d":1`))
	event("200,000 extensions", 400, many(200_000, `,"x%d":1`))
	event("200,000 null extensions", 400, many(200_000, `,"x%d":null`))
	event("long name", 400, `,"`+strings.Repeat("x", 1<<20)+`!":1`)
	event("long value", 400, `,"x":"`+strings.Repeat("x", 5<<20)+`"`)
	event("name with NUL", 400, `,"x\u0000":1`)
	event("value with NUL", 400, `,"x":"\u0000"`)
	event("upper case", 400, `,"ID":"2"`)
	event("no UTF-8 in data", 400, ",\"data\":\"\xff\"")
	event("no UTF-8 in a value", 400, ",\"x\":\"\xff\"")
	event("no UTF-8 in a name", 400, ",\"\xff\":1")
	event("surrogate in a value", 400, `,"x":"\ud800"`)
	event("data and data_base64", 400, `,"data":1,"data_base64":"AA=="`)
	event("base64 of the URL kind", 400, `,"data_base64":"_-=="`)
	add("event/array", 400, true, post("/", structured, "["))
	add("event/empty", 400, true, post("/", structured, ""))
	add("event/two", 400, true, post("/", structured, "{"+attributes+"}{"+attributes+"}"))
	add("event/UTF-16", 400, true, post("/", structured, "{\x00}\x00"))

	header := func(name string, status int, headers string) {
		add("header/"+name, status, true, post("/f", headers, "{}"))
	}
	header("media type of another event format", 415, "Content-Type: application/cloudevents+avro\r\n")
	header("media type without a format", 415, "Content-Type: application/cloudevents\r\n")
	header("media type without a subtype", 200, "Content-Type: application\r\n")
	header("media type that is empty", 200, "Content-Type: \r\n")
	header("media type with odd parameters", 200, "Content-Type: application/json;;;=;\"\r\n")
	header("media types in a list", 200, "Content-Type: application/json, text/plain\r\n")
	header("two media types", 400, json+"Content-Type: text/plain\r\n")
	header("one media type twice", 400, json+json)
	header("no UTF-8 in the media type", 200, "Content-Type: text/\xff\r\n")
	header("no UTF-8", 200, "X: \xff\xfe\r\n")
	header("no UTF-8 in Event", 400, "Event: \xff\r\n")
	header("Event twice", 400, "Event: e\r\nEvent: e\r\n")
	header("long Event", 400, "Event: "+strings.Repeat("e", 300)+"\r\n")
	header("an event of the gateway", 400, "Event: gateway.event.received\r\n")
	header("no UTF-8 in an attribute", 400, "Ce-Specversion: 1.0\r\nCe-Id: 1\r\nCe-Source: /\r\nCe-Type: t\r\nCe-X: %ff\r\n")
	header("attribute twice", 400, "Ce-Specversion: 1.0\r\nCe-Id: 1\r\nCe-Source: /\r\nCe-Type: t\r\nCe-Id: 1\r\n")
	header("1,000 attributes", 400, "Ce-Specversion: 1.0\r\nCe-Id: 1\r\nCe-Source: /\r\nCe-Type: t\r\n"+many(1000, "Ce-X%d: 1\r\n"))
	header("60 KB in one", 200, "X: "+strings.Repeat("x", 60_000)+"\r\n")
	header("5,000 of them", 200, many(5_000, "X%d:\r\n"))
	header("5,000 of one name", 200, strings.Repeat("X: 1\r\n", 5_000))
	header("upgrade", 200,
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")
	header("upgrade to HTTP/2", 200, "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n")
	header("gzip", 415, json+"Content-Encoding: gzip\r\nX: \xff\r\nEvent: \xff\r\n")
	closed := func(name string, status int, bytes string) { add(name, status, false, bytes) }
	closed("header/70 KB in one", 431, post("/f", "X: "+strings.Repeat("x", 70_000)+"\r\n", ""))
	closed("header/20,000 of them", 431, post("/f", many(20_000, "X%d: 1\r\n"), ""))
	closed("header/NUL", 400, post("/f", "X: \x00\r\n", ""))
	closed("header/NUL in a name", 400, post("/f", "X\x00: 1\r\n", ""))
	closed("header/no name", 400, post("/f", ": 1\r\n", ""))
	closed("header/no colon", 400, post("/f", "X\r\n", ""))
	closed("header/no Host", 400, "POST /f HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
	closed("header/two Hosts", 400, post("/f", "Host: localhost\r\n", ""))
	closed("header/bad Host", 400, "POST /f HTTP/1.1\r\nHost: a b\r\nContent-Length: 0\r\n\r\n")

	target := func(name string, status int, target string) { add("target/"+name, status, true, post(target, "", "")) }
	target("escaped NUL", 400, "/a%00b")
	target("dots", 400, "/../f")
	target("absolute", 200, "http://localhost/f")
	target("absolute of another host", 200, "http://other.example/f")
	target("absolute without a path", 400, "http://localhost")
	target("another scheme", 200, "gopher://localhost/f")
	target("asterisk", 400, "*")
	target("4,000 segments", 404, strings.Repeat("/a", 4_000))
	target("30,000 segments", 400, strings.Repeat("/a", 30_000))
	target("query of 60 KB", 200, "/f?"+strings.Repeat("a", 60_000))
	target("999 parameters", 200, "/f?"+strings.Repeat("a=1&", 999))
	target("1,001 parameters", 400, "/f?"+strings.Repeat("a=1&", 1000)+"a=1")
	target("30,000 parameters", 400, "/f?"+strings.Repeat("a&", 30_000))
	target("query that cannot be decoded", 200, "/f?%zz=%&%ff=%00")
	closed("target/NUL", 400, post("/a\x00b", "", ""))
	closed("target/space", 400, post("/a b", "", ""))
	closed("target/no slash", 400, post("f", "", ""))
	closed("target/bad escape", 400, post("/%zz", "", ""))
	closed("target/path of 70 KB", 431, post("/"+strings.Repeat("a", 70_000), "", ""))
	closed("target/query of 70 KB", 431, post("/f?"+strings.Repeat("a", 70_000), "", ""))
	closed("target/none", 400, "POST HTTP/1.1\r\nHost: localhost\r\n\r\n")
	add("target/authority", 400, true, "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")

	const size = 6<<20 + 1
	large := strings.Repeat("x", size)
	closed("body/too large", 413, post("/f", "", large))
	closed("body/too large, chunked", 413,
		fmt.Sprintf("POST /f HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", size, large))
	closed("body/too large, announced only", 413, fmt.Sprintf("POST /f HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", size))
	closed("body/1 TB, announced only", 413, fmt.Sprintf("POST /f HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\nx", 1<<40))
	closed("body/too large, asked for", 413,
		fmt.Sprintf("POST /f HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", size))
	closed("body/too large for a path that is refused", 400, post("/../f", "", large))
	closed("body/for a path that is refused, asked for", 400,
		fmt.Sprintf("POST /../f HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", size))
	closed("body/another expectation", 417, post("/f", "Expect: 200-ok\r\n", ""))
	closed("body/tiny chunks with large extensions", 400,
		"POST /f HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"+strings.Repeat("1;"+strings.Repeat("a", 1000)+"\r\nx\r\n",
			100)+"0\r\n\r\n")
	closed("body/a chunk of 2^63", 400, "POST /f HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\nx")
	closed("body/another coding", 501, "POST /f HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")
	closed("body/with large trailers", 400,
		"POST /f HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: "+strings.Repeat("y", 10_000)+"\r\n\r\n")
	closed("body/200,000 chunks", 200,
		"POST /f HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"+strings.Repeat("1\r\nx\r\n", 200_000)+"0\r\n\r\n")
	add("body/of a GET", 404, true, "GET /g HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n12345")
	closed("version/1.0", 200, "POST /f HTTP/1.0\r\nContent-Length: 5\r\n\r\n12345")
	closed("version/0.9", 505, "POST /f HTTP/0.9\r\nHost: localhost\r\n\r\n")
	closed("version/none", 400, "POST /f\r\n\r\n")
	closed("version/2.0", 505, "POST /f HTTP/2.0\r\nHost: localhost\r\n\r\n")
	closed("version/TLS", 400, "\x16\x03\x01\x00\xf1\x01\x00\x00\xed\x03\x03\r\n\r\n")
	closed("version/method with NUL", 400, "P\x00ST /f HTTP/1.1\r\nHost: localhost\r\n\r\n")
	add("version/unknown method", 404, true, strings.Repeat("A", 10_000)+" /f HTTP/1.1\r\nHost: localhost\r\n\r\n")
	return all
}

func hostileConfig() []hostileRequest {
	const functions, json = inDefault + "/functions", "Content-Type: application/json\r\n"
	return []hostileRequest{
		{"deep", 400, true, post(functions, json, strings.Repeat("[", 200_000))},
		{"deep in a member", 400, true, post(functions, json, `{"functionId":"f","type":"http","provider":`+strings.Repeat(`{"a":`,
			40_000)+"1"+strings.Repeat("}", 40_001))},
		{"member twice", 400, true, post(functions, json,
			`{"functionId":"a","functionId":"b","type":"http","provider":{"url":"http://localhost"}}`)},
		{"unknown member", 400, true, post(functions, json, `{"functionId":"a","x":1,"type":"http","provider":{"url":"http://localhost"}}`)},
		{"no UTF-8", 400, true, post(functions, json, "{\"functionId\":\"\xff\",\"type\":\"http\",\"provider\":{\"url\":\"http://localhost\"}}")},
		{"empty", 400, true, post(functions, json, "")},
		{"huge number", 400, true, post(functions, json, `{"functionId":1e999999}`)},
		{"two media types", 415, true, post(functions, "Content-Type: text/plain\r\n"+json, "{}")},
		{"too large", 413, false, post(functions, json, `{"functionId":"`+strings.Repeat("x", 300_000)+`"}`)},
		{"too large, announced only", 413, false,
			"POST " + functions + " HTTP/1.1\r\nHost: localhost\r\n" + json + "Content-Length: 300000\r\n\r\n"},
		{"header of 70 KB", 431, false, post(functions, "X: "+strings.Repeat("x", 70_000)+"\r\n", "")},
		{"absolute of another host", 403, true, post("http://other.example"+functions, json, "{}")},
		{"asterisk", 404, true, post("*", json, "{}")},
	}
}
