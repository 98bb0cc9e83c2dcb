package handlers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Section 2.4: the Events API.

const structuredType = "Content-Type: application/cloudevents+json"

// TestContractKinds: which kind of event a request is. The functions tell which of them was called.
func TestContractKinds(t *testing.T) {
	twice(t, func(t *testing.T, g *gateway, _ bool) {
		g.bothShapes("http://localhost:1", "named", "ce", "http.request")
		for _, name := range []string{"named", "ce", "http.request"} {
			id := strings.ReplaceAll(name, ".", "-")
			g.function("default", id, answers(t, `{"body":"`+id+`"}`).URL)
			g.subscribe("default", fmt.Sprintf(`{"type":"sync","eventType":%q,"functionId":%q,"path":"/v09"}`, name, id))
		}
		g.subscribe("default", `{"event":"http","method":"POST","functionId":"http-request","path":"/seed"}`)
		f := func(path, body, want string, headers ...string) {
			t.Helper()
			if a := send(t, "POST", g.events+path, body, headers...); fmt.Sprint(a.status, " ", a.body) != want {
				t.Errorf("%s %v: got %d %s, want %s", body, headers, a.status, a.body, want)
			}
		}
		const event01 = `{"cloudEventsVersion":"0.1","eventID":"1","source":"/s","eventType":"ce"}`
		const event10 = `{"specversion":"1.0","id":"1","source":"/s","type":"ce"}`
		binary01 := []string{"CE-EventType: ce", "CE-CloudEventsVersion: 0.1", "CE-Source: /s", "CE-EventID: 1"}
		// The content type decides first, then the attributes' headers, then the Event header.
		f("/v09", event01, "200 ce", structuredType, "Event: named")
		f("/v09", event10, "200 ce", structuredType+"; charset=utf-8", "Event: named")
		f("/v09", "x", "200 ce", append(binary01, "Event: named")...)
		f("/v09", "x", "200 ce", "Ce-Type: ce", "Ce-Specversion: 1.0", "Ce-Source: /s", "Ce-Id: 1", "Event: named")
		for i := range binary01 { // all four, or none
			f("/v09", "x", "200 named", append(append([]string{"Event: named"}, binary01[:i]...), binary01[i+1:]...)...)
			f("/v09", "x", "200 http-request", append(append([]string{}, binary01[:i]...), binary01[i+1:]...)...)
		}
		f("/v09", event01, "200 http-request", jsonType)
		f("/seed", event10, "200 http-request", jsonType)
		f("/seed", "x", "200 http-request")
		f("/seed", "x", "202 ", "Event: named") // a custom event is no request
		f("/v09", `[`+event10+`]`, "202 ", batchType)
	})
}

// TestContractRequests: what is answered, and who gets it.
func TestContractRequests(t *testing.T) {
	twice(t, func(t *testing.T, g *gateway, _ bool) {
		seed, v09, other := answers(t, ``), answers(t, ``), answers(t, ``)
		g.bothShapes("http://localhost:1", "e", "http.request")
		g.function("default", "seed", seed.URL)
		g.function("default", "v09", v09.URL)
		g.function("other", "other", other.URL)
		g.subscribe("default", `{"event":"e","functionId":"seed","path":"/a"}`)
		g.subscribe("default", `{"type":"async","eventType":"e","functionId":"v09","path":"/a"}`)
		g.subscribe("default", `{"type":"async","eventType":"e","functionId":"v09","method":"PUT","path":"/a"}`)
		g.subscribe("default", `{"type":"async","eventType":"http.request","functionId":"v09","method":"PUT","path":"/log"}`)
		g.subscribe("other", `{"event":"e","functionId":"other","path":"/a"}`)
		var wantSeed, wantV09, wantOther int
		f := func(method, path, want string, nSeed, nV09, nOther int, headers ...string) {
			t.Helper()
			body := ""
			if len(headers) > 0 && headers[0] == structuredType {
				body = `{"specversion":"1.0","id":"1","source":"/s","type":"e"}`
			}
			a := send(t, method, g.events+path, body, headers...)
			if got := fmt.Sprint(a.status, " ", a.message()); got != want || a.status == 202 && a.body != "" {
				t.Errorf("%s %s %v: got %s %s, want %s", method, path, headers, got, a.body, want)
			}
			wantSeed, wantV09, wantOther = wantSeed+nSeed, wantV09+nV09, wantOther+nOther
			eventually(t, fmt.Sprintf("%s %s %v is delivered", method, path, headers), func() bool {
				return len(seed.events()) >= wantSeed && len(v09.events()) >= wantV09 && len(other.events()) >= wantOther
			})
		}
		// custom, accepted: 202 with a subscriber or without. Subscribers of all spaces get it, those of the method only.
		f("POST", "/a", "202 ", 1, 1, 1, "Event: e")
		f("POST", "/a", "202 ", 1, 1, 1, structuredType)
		f("POST", "/nobody", "202 ", 0, 0, 0, "Event: e")
		f("POST", "/a", "202 ", 0, 0, 0, "Event: nobody")
		f("POST", "/nobody", "202 ", 0, 0, 0, structuredType)
		// POST only, unless a 0.9-shaped subscription matches. The method of a CloudEvent is not looked at.
		f("PUT", "/a", "202 ", 0, 1, 0, "Event: e")
		f("PUT", "/a", "202 ", 0, 1, 0, structuredType)
		f("GET", "/a", "400 custom event can be emitted only with POST method", 0, 0, 0, "Event: e")
		f("PUT", "/nobody", "400 custom event can be emitted only with POST method", 0, 0, 0, "Event: e")
		f("GET", "/a", "202 ", 0, 0, 0, structuredType)
		// A plain request that nothing matches is 404, in either dialect; 202 where an async subscription took it.
		f("GET", "/nobody", "404 resource not found", 0, 0, 0)
		f("POST", "/a", "404 resource not found", 0, 0, 0)
		f("GET", "/log", "404 resource not found", 0, 0, 0)
		f("PUT", "/log", "202 ", 0, 1, 0)
		// invoke that nobody subscribed to; as a plain name once a sync 0.9-shaped subscription takes it (TestInvokeSubscription).
		f("POST", "/a", "404 function or subscription not found", 0, 0, 0, "Event: invoke", "Function-ID: seed")
		time.Sleep(50 * time.Millisecond)
		if len(seed.events()) != wantSeed || len(v09.events()) != wantV09 || len(other.events()) != wantOther {
			t.Error("more was delivered than wanted:", seed.events(), v09.events(), other.events())
		}
	})
}

// TestContractMalformed: JSON that is none, and a content type that is none.
func TestContractMalformed(t *testing.T) {
	twice(t, func(t *testing.T, g *gateway, compat bool) {
		f := &postbox{function: answers(t, `{"body":"ok"}`)}
		g.bothShapes(f.URL, "e", "a", "http.request")
		g.subscribe("default", `{"event":"http","method":"POST","functionId":"f","path":"/seed"}`)
		g.subscribe("default", `{"type":"sync","eventType":"http.request","functionId":"f","path":"/v09"}`)
		g.subscribe("default", `{"type":"sync","eventType":"e","functionId":"f","path":"/v09"}`)
		g.subscribe("default", `{"type":"async","eventType":"a","functionId":"f","path":"/v09"}`)
		refused := func(path string, headers ...string) {
			t.Helper()
			if a := send(t, "POST", g.events+path, `{"a":`, headers...); a.status != 400 || a.message() != "malformed JSON body" {
				t.Errorf("%s %v: %v", path, headers, a)
			}
		}
		taken := func(path, data string, headers ...string) {
			t.Helper()
			if a := send(t, "POST", g.events+path, `{"a":`, headers...); a.status != 200 {
				t.Errorf("%s %v: %v", path, headers, a)
				return
			}
			if got := f.next(t); !strings.Contains(got, data) {
				t.Errorf("%s %v: got %s, want %s", path, headers, got, data)
			}
		}
		for _, contentType := range []string{jsonType, jsonType + "; charset=utf-8", "Content-Type: application/problem+json"} {
			refused("/seed", contentType)
			refused("/seed", contentType, "Event: e")
			refused("/nobody", contentType) // before it is known that nothing matches
			refused("/nobody", contentType, "Event: e")
			refused("/v09", contentType, "Event: a") // the sync subscription of an endpoint decides
			if compat {
				taken("/v09", `"body":"eyJhIjo="`, contentType)
				taken("/v09", `"data":"eyJhIjo="`, contentType, "Event: e")
			} else {
				refused("/v09", contentType)
				refused("/v09", contentType, "Event: e")
			}
		}
		// A bad Content-Type is taken as it is. In 0.9 it was 400, in the seed the body was base64.
		for _, contentType := range []string{"Content-Type: text", "Content-Type: text/plain; a"} {
			if compat {
				taken("/seed", `"body":"eyJhIjo="`, contentType)
				taken("/v09", `"body":"eyJhIjo="`, contentType)
				taken("/v09", `"data":"eyJhIjo="`, contentType, "Event: e")
			} else {
				taken("/seed", `"body":"{\"a\":"`, contentType)
				taken("/v09", `"body":"{\"a\":"`, contentType)
				taken("/v09", `"data":"{\"a\":"`, contentType, "Event: e")
			}
		}
	})
}
