package handlers_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Section 2.4: the payload to functions. With -compat it has the form of the subscription's dialect, without it is a CloudEvent 1.0.

// TestContractPayload: each member, and what is posted how. seed and v09 are the two functions of subscriptions of these shapes.
func TestContractPayload(t *testing.T) {
	twice(t, func(t *testing.T, g *gateway, compat bool) {
		posted := map[*postbox]chan string{}
		open := func() *postbox {
			posts := make(chan string, 99) // the answers are asked for once more by each front
			b := &postbox{function: newFunction(t, func(w http.ResponseWriter, r *http.Request) {
				posts <- r.Method + " " + r.Header.Get("Content-Type")
				_, _ = io.WriteString(w, `{"body":"ok"}`)
			})}
			posted[b] = posts
			return b
		}
		seed, v09 := open(), open()
		g.bothShapes("http://localhost:1", "user.created", "http.request")
		g.function("default", "seed", seed.URL)
		g.function("default", "v09", v09.URL)
		g.subscribe("default", `{"event":"user.created","functionId":"seed","path":"/team"}`)
		g.subscribe("default", `{"type":"async","eventType":"user.created","functionId":"v09","path":"/team"}`)
		for _, path := range []string{"", "seed", "seed/:id"} {
			g.subscribe("default", `{"event":"http","method":"PUT","functionId":"seed","path":"/`+path+`"}`)
		}
		for _, path := range []string{"v09", "v09/:id"} {
			g.subscribe("default", `{"type":"sync","eventType":"http.request","method":"PUT","functionId":"v09","path":"/`+path+`"}`)
		}
		wants := func(f *postbox, want string) {
			t.Helper()
			if got := f.next(t); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			kind := "POST application/cloudevents+json"
			if compat && f == seed {
				kind = "POST application/json"
			}
			if got := <-posted[f]; got != kind {
				t.Errorf("got %s, want %s", got, kind)
			}
		}
		// schema, made by the gateway
		send(t, "POST", g.events+"/team", `{"name":"Max"}`, "Event: user.created", jsonType)
		wants(seed, form(compat, true, "user.created", "/team", "application/json", `{"name":"Max"}`))
		wants(v09, form(compat, false, "user.created", "/team", "application/json", `{"name":"Max"}`))

		// http data: f sends the same request to a route of either shape. headers have Go's canonical names, and no Host; repeated values are joined.
		f := func(path, query, wantPath, wantQuery, params, body, wantBody string, headers ...string) {
			t.Helper()
			for _, root := range []string{"/seed", "/v09"} {
				a := send(t, "PUT", g.events+root+path+query, body, append(headers, "User-Agent: x", "x-custom-header: a", "X-CUSTOM-HEADER: b")...)
				if a.body != "ok" {
					t.Error(root, path, a)
					continue
				}
				length := fmt.Sprintf(`"Content-Length":"%d",`, len(body))
				contentType, sent := "application/octet-stream", ""
				if len(headers) > 0 {
					_, contentType, _ = strings.Cut(headers[0], ": ")
					sent = `"Content-Type":"` + contentType + `",`
				}
				if root == "/v09" || !compat { // always, but in the seed
					contentType = "application/json"
				}
				data := `{"headers":{` + length + sent + `"User-Agent":"x","X-Custom-Header":"a, b"},` +
					`"query":` + wantQuery + `,"body":` + wantBody + `,"host":"HOST","path":"` + root + wantPath + `","method":"PUT","params":` + params + `}`
				box := map[string]*postbox{"/seed": seed, "/v09": v09}[root]
				wants(box, form(compat, root == "/seed", "http.request", root+sourceOf(path), contentType, data))
			}
		}
		f("", "", "", `{}`, `{}`, ``, `""`)
		f("", "?a=1&b=&a=2&c", "", `{"a":["1","2"],"b":[""],"c":[""]}`, `{}`, ``, `""`)
		f("/7", "", "/7", `{}`, `{"id":"7"}`, `[1]`, `[1]`, jsonType)
		f("/7", "", "/7", `{}`, `{"id":"7"}`, `[1]`, `[1]`, jsonType+"; charset=utf-8")
		// path is the decoded one, but for a "/" and a "%" in a segment: in 2018 they were decoded, too.
		f("/a%20%C3%A9", "", "/a é", `{}`, `{"id":"a é"}`, ``, `""`)
		f("/a%2fb%25", "", "/a%2Fb%25", `{}`, `{"id":"a%2Fb%25"}`, ``, `""`)

		// params on "/" is {} as on other static routes; in 2018 it was null.
		if a := send(t, "PUT", g.events+"/", "", "User-Agent: x"); a.body != "ok" {
			t.Error(a)
		}
		wants(seed, form(compat, true, "http.request", "/", pick(compat, "application/octet-stream", "application/json"),
			`{"headers":{"Content-Length":"0","User-Agent":"x"},"query":{},"body":"","host":"HOST","path":"/","method":"PUT","params":{}}`))
	})
}

// sourceOf returns a path as it is in a source, which is a URI-reference.
func sourceOf(path string) string { return strings.ReplaceAll(path, "%2f", "%2F") }

// TestContractBodies: what becomes of a body, by its content type.
func TestContractBodies(t *testing.T) {
	twice(t, func(t *testing.T, g *gateway, compat bool) {
		seed, v09 := &postbox{function: answers(t, `{"body":"ok"}`)}, &postbox{function: answers(t, `{"body":"ok"}`)}
		g.bothShapes("http://localhost:1", "e", "http.request")
		g.function("default", "seed", seed.URL)
		g.function("default", "v09", v09.URL)
		g.subscribe("default", `{"event":"e","functionId":"seed","path":"/e"}`)
		g.subscribe("default", `{"type":"async","eventType":"e","functionId":"v09","path":"/e"}`)
		g.subscribe("default", `{"event":"http","method":"POST","functionId":"seed","path":"/seed"}`)
		g.subscribe("default", `{"type":"sync","eventType":"http.request","functionId":"v09","path":"/v09"}`)
		// f wants the data in CloudEvents 1.0, and in the older forms. Of no body, and of twoBytes, the former has no member "data".
		f := func(contentType, body, now, old string) {
			t.Helper()
			headers, sent := []string{"Content-Type: " + contentType}, contentType
			if contentType == "" {
				headers, sent = nil, "application/octet-stream"
			}
			data := pick(compat, old, now)
			end := map[bool]string{true: `,"isBase64Encoded":true}}`, false: `}}`}[!compat && now == twoBytes]
			// dataType / contentType: as sent, parameters included.
			named := func(seed bool) string {
				e := form(compat, seed, "e", "/e", sent, data)
				if compat || now != twoBytes && now != `""` {
					return e
				}
				return strings.Replace(e, `,"data":`+now, map[string]string{twoBytes: `,"data_base64":` + twoBytes}[now], 1)
			}
			send(t, "POST", g.events+"/e", body, append(headers, "Event: e")...)
			for _, box := range []*postbox{seed, v09} {
				if got := box.next(t); got != named(box == seed) {
					t.Errorf("%s %q\ngot  %s\nwant %s", contentType, body, got, named(box == seed))
				}
			}
			for path, box := range map[string]*postbox{"/seed": seed, "/v09": v09} {
				send(t, "POST", g.events+path, body, headers...)
				if got := box.next(t); !strings.Contains(got, `"body":`+data+`,"host"`) || !compat && !strings.HasSuffix(got, end) {
					t.Errorf("%s %q: got %s, want %s", contentType, body, got, data)
				}
			}
		}
		// JSON: any value, under any type of JSON. In 2018 only "application/json" counted, and in 0.9 only objects.
		for _, contentType := range []string{"application/json", "application/json; charset=utf-8", "application/vnd.shop+json"} {
			for _, value := range []string{`{"a":1}`, `[1]`, `"s"`, `1.50`, `true`, `null`} {
				f(contentType, value, value, value)
			}
		}
		// forms: a string
		f("application/x-www-form-urlencoded", `a=1&b=2`, `"a=1&b=2"`, `"a=1&b=2"`)
		f("application/x-www-form-urlencoded; charset=utf-8", `a=1`, `"a=1"`, `"a=1"`)
		f("multipart/form-data; boundary=x", `--x--`, `"--x--"`, `"--x--"`)
		// other: base64 in the older forms, and in CloudEvents 1.0 where it is no text
		f("text/plain", `hi`, `"hi"`, `"aGk="`)
		f("", `hi`, `"hi"`, `"aGk="`)
		f("image/png", "\xff\x00", twoBytes, twoBytes)
		// no body
		f("text/plain", ``, `""`, `""`)
		f("application/json", ``, `""`, `""`)
		f("", ``, `""`, `""`)
	})
}

// twoBytes are "\xff\x00" in base64.
const twoBytes = `"/wA="`
