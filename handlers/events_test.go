package handlers_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

const jsonType = "Content-Type: application/json"

// object decodes what a function got.
func object(t *testing.T, s string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(s), &o); err != nil {
		t.Fatalf("a function got %q: %v", s, err)
	}
	return o
}

func TestInvoke(t *testing.T) {
	t.Parallel()
	f := newFunction(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, `{ "id": 7 }`)
	})
	for _, args := range [][]string{{"-dev"}, {"-invoke=open"}, {}, {"-dev", "-compat"}} {
		g := start(t, args...)
		g.function("default", "createUser", f.URL)
		g.function("other", "createUser", f.URL)
		open := len(args) == 1
		invoke := func(path string, headers ...string) answer {
			return send(t, "POST", g.events+path, `{ "name": "Max" }`, append(headers, "Event: invoke", jsonType)...)
		}
		a := invoke("/", "Function-ID: createUser")
		if open && (a.status != 200 || a.body != `{ "id": 7 }` || a.header.Get("Content-Type") != "application/json; charset=utf-8") {
			t.Error(args, a)
		}
		if !open && (a.status != 404 || a.message() != "function or subscription not found") {
			t.Error(args, a)
		}
		g.subscribe("default", `{"functionId":"createUser","event":"invoke","path":"/users/:id"}`)
		if a := invoke("/users/3", "Function-ID: createUser"); a.status != 200 {
			t.Error(args, a)
		}
		if a := invoke("/users/3", "Function-ID: createUser", "Space: other"); open != (a.status == 200) {
			t.Error(args, "a function of another space:", a)
		}
		if a := invoke("/users/3", "Function-ID: nobody"); a.status != 404 {
			t.Error(args, a)
		}
		got := object(t, f.events()[len(f.events())-1])
		if len(args) == 2 { // -compat
			if got["event"] != "invoke" {
				t.Error(args, got)
			}
		} else if got["type"] != "invoke" || got["specversion"] != "1.0" || fmt.Sprint(got["data"]) != "map[name:Max]" {
			t.Error(args, got)
		}
	}
}

// TestInvokeSubscription: a sync subscription of release 0.9 on the name invoke takes the event; its answer is a response.
func TestInvokeSubscription(t *testing.T) {
	t.Parallel()
	f := answers(t, `{"statusCode":201,"body":"made"}`)
	g := start(t, "-invoke=open")
	g.function("default", "f", f.URL)
	g.configure(201, "POST", inDefault+"/eventtypes", `{"name":"invoke"}`)
	g.subscribe("default", `{"type":"sync","eventType":"invoke","functionId":"f","path":"/taken"}`)
	for path, want := range map[string]string{"/taken": "201 made", "/free": `200 {"statusCode":201,"body":"made"}`} {
		a := send(t, "POST", g.events+path, `{}`, "Event: invoke", "Function-ID: f", jsonType)
		if got := fmt.Sprint(a.status, " ", a.body); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestAsyncEvents(t *testing.T) {
	t.Parallel()
	g := start(t)
	f, other := answers(t, ""), answers(t, "")
	g.function("default", "sendEmail", f.URL)
	g.function("space2", "audit", other.URL)
	g.subscribe("default", `{"functionId":"sendEmail","event":"user.created","path":"/myteam"}`)
	g.subscribe("space2", `{"functionId":"audit","event":"user.created","path":"/:team"}`)
	g.subscribe("space2", `{"functionId":"audit","event":"user.deleted","path":"/*all"}`)

	emit := func(method, path, event string) answer {
		return send(t, method, g.events+path, `{"name":"Max"}`, "Event: "+event, jsonType)
	}
	if a := emit("POST", "/myteam", "user.created"); a.status != 202 || a.body != "" {
		t.Error(a)
	}
	eventually(t, "both spaces get it", func() bool { return len(f.events()) == 1 && len(other.events()) == 1 })
	got := object(t, f.events()[0])
	if got["type"] != "user.created" || got["source"] != "/myteam" || got["datacontenttype"] != "application/json" {
		t.Error(got)
	}
	// Nobody waits for these; they are accepted all the same.
	for _, path := range []string{"/", "/nobody/here"} {
		if a := emit("POST", path, "user.created"); a.status != 202 {
			t.Error(path, a)
		}
	}
	if a := emit("GET", "/myteam", "user.created"); a.status != 400 || a.message() != "custom event can be emitted only with POST method" {
		t.Error(a)
	}
	if a := send(t, "POST", g.events+"/myteam", `{"name":`, "Event: user.created", jsonType); a.status != 400 || a.message() != "malformed JSON body" {
		t.Error(a)
	}
	if a := emit("POST", "/myteam", "EventGateway.function.invoked"); a.status != 400 {
		t.Error("a system event from outside:", a)
	}
	emit("POST", "/a/b/c", "user.deleted")
	eventually(t, "a wildcard gets it", func() bool { return len(other.events()) == 2 })
	if len(f.events()) != 1 {
		t.Error("sendEmail got", f.events())
	}
}

func TestSyncRequests(t *testing.T) {
	t.Parallel()
	g := start(t)
	f := answers(t, `{"statusCode":201,"headers":{"X-A":"1","Content-Type":"application/json"},"body":"[]"}`)
	rest := answers(t, `{"body":"rest"}`)
	async := answers(t, "")
	g.function("default", "f", f.URL)
	g.function("default", "rest", rest.URL)
	g.function("default", "async", async.URL)
	g.configure(201, "POST", inDefault+"/eventtypes", `{"name":"http.request"}`)
	g.subscribe("default", `{"functionId":"f","event":"http","method":"GET","path":"/users/:id"}`)
	g.subscribe("default", `{"functionId":"rest","type":"sync","eventType":"http.request","method":"GET","path":"/users/*rest"}`)
	g.subscribe("default", `{"functionId":"async","type":"async","eventType":"http.request","method":"GET","path":"/users/:who"}`)
	g.subscribe("default", `{"functionId":"async","type":"async","eventType":"http.request","method":"POST","path":"/log"}`)

	a := send(t, "GET", g.events+"/users/a%2Fb?x=1&x=2&y", "", "X-Custom: a", "X-Custom: b")
	if a.status != 201 || a.body != "[]" || a.header.Get("X-A") != "1" || a.header.Get("Content-Type") != "application/json" {
		t.Error(a)
	}
	eventually(t, "the async subscription got it, too", func() bool { return len(async.events()) == 1 })
	data := object(t, f.events()[0])["data"].(map[string]any)
	for member, want := range map[string]string{
		"params": "map[id:a%2Fb]", "query": "map[x:[1 2] y:[]]", "method": "GET", "path": "/users/a%2Fb", "body": "",
	} {
		if got := fmt.Sprint(data[member]); got != want {
			t.Errorf("%s is %s, want %s", member, got, want)
		}
	}
	if h := data["headers"].(map[string]any); h["X-Custom"] != "a, b" || h["Host"] != nil {
		t.Error(h)
	}
	if p := object(t, async.events()[0])["data"].(map[string]any)["params"]; fmt.Sprint(p) != "map[who:a%2Fb]" {
		t.Error("the parameters of a route have the names of that route:", p)
	}
	if a := send(t, "GET", g.events+"/users/a/b", ""); a.body != "rest" {
		t.Error(a)
	}
	if a := send(t, "POST", g.events+"/log", "x"); a.status != 202 {
		t.Error("only an async subscription:", a)
	}
	for _, r := range []string{"GET /users", "GET /users/", "POST /users/1", "GET /"} {
		method, path, _ := strings.Cut(r, " ")
		if a := send(t, method, g.events+path, ""); a.status != 404 || a.message() != "resource not found" {
			t.Error(r, a)
		}
	}
	// An event from outside that calls itself a request does not reach the routes of requests.
	a = send(t, "GET", g.events+"/users/1", `{"specversion":"1.0","id":"1","source":"/","type":"http.request"}`, "Content-Type: application/cloudevents+json")
	if a.status != 202 || len(f.events()) != 1 {
		t.Error(a, f.events())
	}
}

func TestCloudEvents(t *testing.T) {
	t.Parallel()
	g := start(t)
	f, sync := answers(t, ""), answers(t, `{"statusCode":200,"body":"done"}`)
	g.function("default", "f", f.URL)
	g.function("default", "sync", sync.URL)
	g.configure(201, "POST", inDefault+"/eventtypes", `{"name":"order.paid"}`)
	g.subscribe("default", `{"type":"async","eventType":"order.paid","functionId":"f","path":"/"}`)
	const structured = `{"specversion":"1.0","id":"1","source":"/shop","type":"order.paid","cost":7,"data":{"a": [1,  2]}}`
	if a := send(t, "POST", g.events+"/", structured, "Content-Type: application/cloudevents+json; charset=utf-8"); a.status != 202 {
		t.Error(a)
	}
	eventually(t, "the event arrives", func() bool { return len(f.events()) == 1 })
	if got, want := withoutLineage(t, f.events()[0]), `{"specversion":"1.0","id":"1","source":"/shop","type":"order.paid","cost":7,"data":{"a": [1,  2]}}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// Sync and async on the same event; binary mode.
	g.subscribe("default", `{"type":"sync","eventType":"order.paid","functionId":"sync","path":"/"}`)
	a := send(t, "POST", g.events+"/", `<a/>`, "Ce-Specversion: 1.0", "Ce-Id: 2", "Ce-Source: /shop", "Ce-Type: order.paid", "Ce-Cost: 7", "Content-Type: text/xml")
	if a.status != 200 || a.body != "done" {
		t.Error(a)
	}
	eventually(t, "both get it", func() bool { return len(f.events()) == 2 && len(sync.events()) == 1 })
	wantJSON(t, withoutLineage(t, sync.events()[0]), `{"specversion":"1.0","id":"2","source":"/shop","type":"order.paid","datacontenttype":"text/xml","cost":"7","data":"<a/>"}`)
	// The Event header gets the answer of a sync subscription, too.
	if a := send(t, "POST", g.events+"/", `{}`, "Event: order.paid", jsonType); a.status != 200 || a.body != "done" {
		t.Error(a)
	}
	for body, want := range map[string]string{
		`{"specversion":"1.0","id":"1","source":"/"}`:                          `"type"`,
		`{"specversion":"2.0","id":"1","source":"/","type":"a"}`:               `"specversion"`,
		`{"specversion":"1.0","id":"1","source":"/","type":"a","time":"now"}`:  `"time"`,
		`{"specversion":"1.0","id":"1","id":"2","source":"/","type":"a"}`:      ``,
		`{"specversion":"1.0","id":"1","source":"/","type":"gateway.x"}`:       `reserved`,
		`{"specversion":"1.0","id":"1","source":"/","type":"pay/anything"}`:    `"type"`,
		`{"specversion":"1.0","id":"1","source":"/","type":"a","data":{"a":}}`: ``,
	} {
		if a := send(t, "POST", g.events+"/", body, "Content-Type: application/cloudevents+json"); a.status != 400 || !strings.Contains(a.message(), want) {
			t.Error(body, a)
		}
	}
	if a := send(t, "POST", g.events+"/", `[]`, "Content-Type: application/cloudevents+avro"); a.status != 415 {
		t.Error(a)
	}
}

// withoutLineage takes out of an event, which must have one, the one extension that differs each time.
func withoutLineage(t *testing.T, event string) string {
	t.Helper()
	lineage := regexp.MustCompile(`"eventgatewaylineage":"[\w-]{46}",`)
	if !lineage.MatchString(event) {
		t.Errorf("%s has no lineage", event)
	}
	return lineage.ReplaceAllString(event, "")
}

// TestFormats: the form in which a function gets events is its own, or follows from -compat and the subscription's dialect.
func TestFormats(t *testing.T) {
	t.Parallel()
	f := answers(t, "")
	for _, compat := range []bool{false, true} {
		g := start(t, fmt.Sprintf("-compat=%t", compat))
		g.function("default", "plain", f.URL)
		for _, format := range []string{"cloudevents", "cloudevents-0.1", "native"} {
			g.configure(201, "POST", inDefault+"/functions", fmt.Sprintf(`{"functionId":%q,"type":"http","provider":{"url":%q},"eventFormat":%[1]q}`, format, f.URL))
		}
		g.configure(201, "POST", inDefault+"/eventtypes", `{"name":"e"}`)
		check := func(subscription, member string) {
			t.Helper()
			id := g.subscribe("default", subscription).body
			before := len(f.events())
			send(t, "POST", g.events+"/", `{}`, "Event: e", jsonType)
			eventually(t, "the event arrives", func() bool { return len(f.events()) == before+1 })
			if got := object(t, f.events()[before]); got[member] == nil {
				t.Errorf("compat %t, %s: got %v", compat, subscription, got)
			}
			var sub struct{ SubscriptionID string }
			_ = json.Unmarshal([]byte(id), &sub)
			g.configure(204, "DELETE", inDefault+"/subscriptions/"+sub.SubscriptionID, "")
		}
		check(`{"functionId":"cloudevents","event":"e"}`, "specversion")
		check(`{"functionId":"cloudevents-0.1","event":"e"}`, "cloudEventsVersion")
		check(`{"functionId":"native","type":"async","eventType":"e"}`, "receivedAt")
		if compat {
			check(`{"functionId":"plain","event":"e"}`, "receivedAt")
			check(`{"functionId":"plain","type":"async","eventType":"e"}`, "cloudEventsVersion")
		} else {
			check(`{"functionId":"plain","event":"e"}`, "specversion")
			check(`{"functionId":"plain","type":"async","eventType":"e"}`, "specversion")
		}
	}
}

// TestFailures: what a sync caller gets when its function fails, today and as in 2018.
func TestFailures(t *testing.T) {
	t.Parallel()
	f := newFunction(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/500":
			w.WriteHeader(500)
		case "/404":
			w.WriteHeader(404)
			_, _ = io.WriteString(w, `{"statusCode":200,"body":"404"}`)
		case "/slow":
			select {
			case <-time.After(8 * time.Second):
			case <-r.Context().Done():
			}
		case "/large":
			_, _ = w.Write(make([]byte, 6<<20+1))
		case "/text":
			_, _ = io.WriteString(w, "hello")
		case "/cut":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "hello")
		}
	})
	for _, compat := range []bool{false, true} {
		t.Run(fmt.Sprintf("compat=%t", compat), func(t *testing.T) {
			t.Parallel()
			g := start(t, fmt.Sprintf("-compat=%t", compat))
			check := func(name, url string, status int, message, compatStatus string) {
				t.Helper()
				g.function("default", name, url)
				g.subscribe("default", fmt.Sprintf(`{"functionId":%q,"event":"http","method":"GET","path":"/%[1]s"}`, name))
				a := send(t, "GET", g.events+"/"+name, "")
				got := fmt.Sprint(a.status, " ", a.message())
				want := fmt.Sprint(status, " ", message)
				if compat {
					want = compatStatus
				}
				if got != want {
					t.Errorf("%s, compat %t\ngot  %s\nwant %s", name, compat, got, want)
				}
			}
			const failed = "500 Function call failed. Please check logs."
			check("500", f.URL+"/500", 502, `Function "500" failed: it answered with status 500.`, failed)
			check("404", f.URL+"/404", 502, `Function "404" failed: it answered with status 404.`, "200 ")
			check("text", f.URL+"/text", 502, `Function "text" failed: its answer is no HTTP response object: it is no JSON (a plain web server needs "response":"passthrough").`, "500 HTTP response object malformed")
			check("empty", f.URL+"/", 502, `Function "empty" failed: its answer is no HTTP response object: it is empty (a plain web server needs "response":"passthrough").`, "500 HTTP response object malformed")
			check("large", f.URL+"/large", 502, `Function "large" failed: its answer is larger than 6291456 bytes.`, "500 HTTP response object malformed")
			check("cut", f.URL+"/cut", 502, `Function "cut" failed: it ended the connection before its answer was complete.`, failed)
			check("refused", "http://127.0.0.1:1/", 502, `Function "refused" failed: it could not be reached.`, failed)
			check("slow", f.URL+"/slow", 504, `Function "slow" failed: it did not answer in time.`, failed)
		})
	}
}

func TestPassthrough(t *testing.T) {
	t.Parallel()
	f := newFunction(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		default:
			w.Header().Set("X-A", "1")
			w.Header().Add("Set-Cookie", "a=1")
			w.Header().Add("Set-Cookie", "b=2")
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, "as it is")
		}
	})
	g := start(t)
	for _, path := range []string{"plain", "redirect"} {
		g.configure(201, "POST", inDefault+"/functions", fmt.Sprintf(`{"functionId":%q,"type":"http","provider":{"url":"%s/%[1]s"},"response":"passthrough"}`, path, f.URL))
		g.subscribe("default", fmt.Sprintf(`{"functionId":%q,"event":"http","method":"GET","path":"/%[1]s"}`, path))
	}
	a := send(t, "GET", g.events+"/plain", "")
	if a.status != http.StatusTeapot || a.body != "as it is" || a.header.Get("X-A") != "1" || len(a.header.Values("Set-Cookie")) != 2 {
		t.Error(a)
	}
	if a := send(t, "GET", g.events+"/redirect", ""); a.status != http.StatusFound || a.header.Get("Location") != "/elsewhere" {
		t.Error(a)
	}
}

// TestMalformedJSON: a body that says it is JSON and is not is refused, but for what 0.9 took in -compat.
func TestMalformedJSON(t *testing.T) {
	t.Parallel()
	f := answers(t, `{"body":"ok"}`)
	for _, compat := range []bool{false, true} {
		g := start(t, fmt.Sprintf("-compat=%t", compat))
		g.function("default", "f", f.URL)
		g.configure(201, "POST", inDefault+"/eventtypes", `{"name":"http.request"}`)
		g.subscribe("default", `{"functionId":"f","event":"http","method":"POST","path":"/seed"}`)
		g.subscribe("default", `{"functionId":"f","type":"sync","eventType":"http.request","path":"/v09"}`)
		for path, status := range map[string]int{"/seed": 400, "/v09": 400} {
			if compat && path == "/v09" {
				status = 200
			}
			for _, contentType := range []string{"application/json", "application/json; charset=utf-8", "application/problem+json"} {
				if a := send(t, "POST", g.events+path, `{"a":`, "Content-Type: "+contentType); a.status != status {
					t.Errorf("compat %t, %s as %s: %d, want %d", compat, path, contentType, a.status, status)
				}
			}
		}
	}
}
