package handlers_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

const origin = "Origin: https://shop.example.com"

// preflight asks as a browser does.
func (g *gateway) preflight(t *testing.T, method, path, headers string) answer {
	t.Helper()
	lines := []string{origin, "Access-Control-Request-Method: " + method}
	if headers != "" {
		lines = append(lines, "Access-Control-Request-Headers: "+headers)
	}
	return send(t, "OPTIONS", g.events+path, "", lines...)
}

// allowed returns what an answer tells a browser: origin, methods, headers, credentials.
func allowed(a answer) string {
	var said []string
	for _, name := range []string{"Origin", "Methods", "Headers", "Credentials"} {
		said = append(said, strings.Join(a.header["Access-Control-Allow-"+name], "|"))
	}
	return strings.Join(said, " ")
}

// TestCORS: a record of the target's space decides, for preflights and for answers, and over what the function says.
func TestCORS(t *testing.T) {
	t.Parallel()
	g := start(t)
	f := newFunction(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"headers":{"Access-Control-Allow-Origin":"*","Access-Control-Expose-Headers":"x","Vary":"Accept","X-A":"1"},"body":"ok"}`)
	})
	g.function("default", "f", f.URL)
	g.subscribe("default", `{"event":"http","method":"PUT","functionId":"f","path":"/users/:id"}`)
	g.configure(201, "POST", inDefault+"/cors", `{"method":"PUT","path":"/users/:id","allowedOrigins":["https://shop.example.com"],`+
		`"allowedMethods":["PUT"],"allowedHeaders":["X-Token","Content-Type"],"allowCredentials":true}`)

	for headers, want := range map[string]string{
		"":                        "https://shop.example.com PUT  true",
		"content-type,x-token":    "https://shop.example.com PUT content-type,x-token true",
		" X-Token , Content-Type": "https://shop.example.com PUT content-type,x-token true",
		"x-other":                 "   ",
	} {
		a := g.preflight(t, "PUT", "/users/7", headers)
		if got := allowed(a); a.status != 200 || a.body != "" || got != want {
			t.Errorf("headers %q: %d %q, want %q", headers, a.status, got, want)
		}
		if vary := strings.Join(a.header["Vary"], ","); !strings.Contains(vary, "Origin") || !strings.Contains(vary, "Access-Control-Request-Headers") {
			t.Error("Vary:", vary)
		}
	}
	if len(f.events()) != 0 {
		t.Error("the function was called for a preflight")
	}
	a := send(t, "PUT", g.events+"/users/7", "", origin)
	if got := allowed(a); a.status != 200 || a.body != "ok" || got != "https://shop.example.com   true" || a.header.Get("X-A") != "1" ||
		a.header.Get("Access-Control-Expose-Headers") != "x" || strings.Join(a.header["Vary"], ",") != "Accept,Origin" {
		t.Error(a)
	}
	for _, other := range []string{"https://evil.example", "https://shop.example.com.evil.example", "null", "https://SHOP.example.org"} {
		a := send(t, "PUT", g.events+"/users/7", "", "Origin: "+other)
		if got := allowed(a); a.status != 200 || a.body != "ok" || got != "   " || a.header.Get("Vary") == "" {
			t.Errorf("%s: %v", other, a)
		}
	}
	if a := send(t, "PUT", g.events+"/users/7", ""); allowed(a) != "   " || strings.Join(a.header["Vary"], ",") != "Accept,Origin" {
		t.Error("without an origin:", a)
	}
	// Nothing is configured for these.
	if a := g.preflight(t, "GET", "/users/7", ""); a.status != 404 || allowed(a) != "   " {
		t.Error(a)
	}
}

// TestCORSOpen: any page may send events by the Event header, where no record says otherwise.
func TestCORSOpen(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"-compat"}} {
		g := start(t, args...)
		f := answers(t, `{}`)
		g.function("default", "f", f.URL)
		g.subscribe("default", `{"event":"user.created","functionId":"f","path":"/"}`)
		want := "*   "
		preflight := "* POST content-type,event "
		if len(args) > 0 { // the headers of 2018
			want, preflight = "https://shop.example.com   true", "https://shop.example.com POST content-type,event true"
		}
		for _, path := range []string{"/", "/nobody"} {
			if a := g.preflight(t, "POST", path, "content-type,event"); a.status != 200 || allowed(a) != preflight {
				t.Error(args, path, a)
			}
			if a := send(t, "POST", g.events+path, "{}", "Event: user.created", jsonType, origin); a.status != 202 || allowed(a) != want {
				t.Error(args, path, a)
			}
		}
		// A plain request is another thing.
		if a := g.preflight(t, "POST", "/", "content-type"); a.status == 200 || allowed(a) != "   " {
			t.Error(args, a)
		}
		g.configure(201, "POST", inDefault+"/cors", `{"method":"POST","path":"/","allowedOrigins":["https://only.example"],"allowedHeaders":["Event","Content-Type"]}`)
		if a := g.preflight(t, "POST", "/", "content-type,event"); a.status != 200 || allowed(a) != "   " {
			t.Error(args, "a record decides:", a)
		}
		if a := send(t, "POST", g.events+"/", "{}", "Event: user.created", jsonType, origin); a.status != 202 || allowed(a) != "   " {
			t.Error(args, "a record decides:", a)
		}
	}
}

// TestCORSSubscription: the cors of a seed-shaped subscription counts where there is no record.
func TestCORSSubscription(t *testing.T) {
	t.Parallel()
	g := start(t)
	f := answers(t, `{"body":"ok"}`)
	g.function("default", "f", f.URL)
	id := object(t, g.subscribe("default", `{"event":"http","method":"POST","functionId":"f","path":"/a","cors":{}}`).body)["subscriptionId"]
	if a := g.preflight(t, "POST", "/a", "content-type"); a.status != 200 || allowed(a) != "* POST content-type " {
		t.Error(a)
	}
	if a := send(t, "POST", g.events+"/a", "", origin); a.body != "ok" || allowed(a) != "*   " {
		t.Error(a)
	}
	const put = `{"event":"http","method":"POST","functionId":"f","path":"/a","cors":{"origins":["http://*.domain.com"]}}`
	g.configure(200, "PUT", inDefault+"/subscriptions/"+fmt.Sprint(id), put)
	if a := g.preflight(t, "POST", "/a", ""); a.status != 200 || allowed(a) != "   " {
		t.Error("a change counts at once:", a)
	}
	if a := send(t, "POST", g.events+"/a", "", "Origin: http://x.domain.com"); allowed(a) != "http://x.domain.com   " {
		t.Error(a)
	}
	g.configure(201, "POST", inDefault+"/cors", `{"method":"POST","path":"/*all","allowedOrigins":["https://only.example"]}`)
	if a := send(t, "POST", g.events+"/a", "", "Origin: http://x.domain.com"); allowed(a) != "   " {
		t.Error("a record decides:", a)
	}
	// Errors can be read by those who may read answers.
	broken := newFunction(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	g.function("default", "broken", broken.URL)
	g.subscribe("default", `{"event":"http","method":"POST","functionId":"broken","path":"/b"}`)
	if a := send(t, "POST", g.events+"/b", "", "Origin: https://only.example"); a.status != 502 || allowed(a) != "https://only.example   " {
		t.Error(a)
	}
}

// TestCORSSpaces: in shared mode a record of another space has no say.
func TestCORSSpaces(t *testing.T) {
	t.Parallel()
	g := start(t)
	f := answers(t, `{"body":"ok"}`)
	g.function("default", "f", f.URL)
	g.subscribe("default", `{"event":"http","method":"GET","functionId":"f","path":"/a"}`)
	g.subscribe("default", `{"event":"user.created","functionId":"f","path":"/b"}`)
	g.configure(201, "POST", "/v1/spaces/other/cors", `{"method":"GET","path":"/a"}`)
	g.configure(201, "POST", "/v1/spaces/other/cors", `{"method":"POST","path":"/b","allowedOrigins":["https://only.example"]}`)
	if a := send(t, "GET", g.events+"/a", "", origin); allowed(a) != "   " {
		t.Error(a)
	}
	if a := g.preflight(t, "GET", "/a", ""); a.status != 404 || allowed(a) != "   " {
		t.Error(a)
	}
	if a := send(t, "POST", g.events+"/b", "{}", "Event: user.created", jsonType, origin); allowed(a) != "*   " {
		t.Error(a)
	}
}

// TestCORSStructured: which event a CloudEvent will be is not known at its preflight: a record for its method and path decides.
func TestCORSStructured(t *testing.T) {
	t.Parallel()
	g := start(t)
	f := answers(t, `{"body":"ok"}`)
	g.function("default", "f", f.URL)
	g.configure(201, "POST", inDefault+"/eventtypes", `{"name":"user.checked"}`)
	g.subscribe("default", `{"type":"sync","eventType":"user.checked","functionId":"f","path":"/check"}`)
	event := `{"specversion":"1.0","id":"1","source":"/s","type":"user.checked"}`
	if a := g.preflight(t, "POST", "/check", "content-type"); a.status != 404 {
		t.Error(a)
	}
	g.configure(201, "POST", inDefault+"/cors", `{"method":"POST","path":"/check"}`)
	if a := g.preflight(t, "POST", "/check", "content-type"); a.status != 200 || allowed(a) != "* POST content-type " {
		t.Error(a)
	}
	if a := send(t, "POST", g.events+"/check", event, "Content-Type: application/cloudevents+json", origin); a.body != "ok" || allowed(a) != "*   " {
		t.Error(a)
	}
}

// TestCORSCompat: in 2018 a preflight went to the function if nothing else answered it.
func TestCORSCompat(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"-compat"}} {
		g := start(t, args...)
		f := answers(t, `{"body":"ok"}`)
		g.function("default", "f", f.URL)
		g.subscribe("default", `{"event":"http","method":"POST","functionId":"f","path":"/a"}`)
		a := g.preflight(t, "POST", "/a", "content-type")
		if compat := len(args) > 0; compat != (a.status == 200 && a.body == "ok") || compat != strings.Contains(fmt.Sprint(f.events()), `"method":"OPTIONS"`) {
			t.Error(args, a, f.events())
		}
	}
}

// TestK: credentials go to no origin but those that are named, and a stricter record counts at once.
func TestK(t *testing.T) {
	t.Parallel()
	g := start(t)
	f := answers(t, `{"body":"ok"}`)
	g.function("default", "f", f.URL)
	g.subscribe("default", `{"event":"http","method":"GET","functionId":"f","path":"/a"}`)
	record := func(members string) string { return `{"method":"GET","path":"/a"` + members + `}` }
	for _, members := range []string{
		`,"allowCredentials":true`,
		`,"allowCredentials":true,"allowedOrigins":["*"]`,
		`,"allowCredentials":true,"allowedOrigins":["https://a.example","*"]`,
		`,"allowCredentials":true,"allowedOrigins":["https://*"]`,
		`,"allowCredentials":true,"allowedOrigins":["https://shop.example.com*"]`,
	} {
		g.configure(400, "POST", inDefault+"/cors", record(members))
	}
	g.configure(400, "POST", inDefault+"/subscriptions", `{"event":"http","method":"GET","functionId":"f","path":"/b","cors":{"allowCredentials":true}}`)
	g.configure(201, "POST", inDefault+"/cors", record(``))
	if a := send(t, "GET", g.events+"/a", "", origin); allowed(a) != "*   " {
		t.Error(a)
	}
	g.configure(200, "PUT", inDefault+"/cors/GET%2Fa", record(`,"allowedOrigins":["https://*.example.com"],"allowCredentials":true`))
	if a := send(t, "GET", g.events+"/a", "", origin); allowed(a) != "https://shop.example.com   true" {
		t.Error(a)
	}
	g.configure(200, "PUT", inDefault+"/cors/GET%2Fa", record(`,"allowedOrigins":["https://only.example"]`))
	if a := send(t, "GET", g.events+"/a", "", origin); allowed(a) != "   " {
		t.Error("a stricter record counts at once:", a)
	}
	g.configure(204, "DELETE", inDefault+"/cors/GET%2Fa", "")
	if a := send(t, "GET", g.events+"/a", "", origin); allowed(a) != "   " || a.header.Get("Vary") != "" {
		t.Error("a record that is gone:", a)
	}

	old := start(t, "-compat")
	old.function("default", "f", f.URL)
	old.subscribe("default", `{"event":"http","method":"GET","functionId":"f","path":"/a","cors":{"allowCredentials":true}}`)
	if a := send(t, "GET", old.events+"/a", "", origin); allowed(a) != "*   " {
		t.Error("credentials with any origin:", a)
	}
}

// TestCORSOfCaller: the space whose function answers decides who may read the answer, and no other space that gets the event, too.
func TestCORSOfCaller(t *testing.T) {
	t.Parallel()
	g := start(t)
	f, e := answers(t, `{"body":"secret of aaa"}`), answers(t, ``)
	g.function("aaa", "f", f.URL)
	g.function("bbb", "e", e.URL)
	g.subscribe("aaa", `{"event":"http","method":"GET","functionId":"f","path":"/private"}`)
	g.configure(201, "POST", "/v1/spaces/bbb/eventtypes", `{"name":"http.request"}`)
	g.subscribe("bbb", `{"type":"async","eventType":"http.request","method":"GET","functionId":"e","path":"/private"}`)
	g.configure(201, "POST", "/v1/spaces/bbb/cors", `{"method":"GET","path":"/private","allowedOrigins":["https://evil.example"],"allowCredentials":true}`)
	if a := g.preflight(t, "GET", "/private", ""); a.status != 404 || a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error(a)
	}
	if a := send(t, "GET", g.events+"/private", "", "Origin: https://evil.example", "Cookie: sid=1"); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error(a)
	}
}

// TestCORSOfErrors: a page that sends events can read why one was refused, and caches are told what an answer depends on.
func TestCORSOfErrors(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"-compat"}} {
		g := start(t, args...)
		f := answers(t, `{"headers":{"Vary":"Accept"},"body":"ok"}`)
		g.function("default", "f", f.URL)
		g.configure(201, "POST", inDefault+"/eventtypes", `{"name":"user.checked"}`)
		g.subscribe("default", `{"type":"sync","eventType":"user.checked","functionId":"f","path":"/check"}`)
		for name, body := range map[string]string{"user created": "{}", "user.created": "{", "gateway.x": "{}"} {
			if a := send(t, "POST", g.events+"/", body, "Event: "+name, jsonType, origin); a.status != 400 || a.header.Get("Access-Control-Allow-Origin") == "" {
				t.Error(args, name, a)
			}
		}
		a := send(t, "POST", g.events+"/check", "{}", "Event: user.checked", jsonType, origin)
		if vary := strings.Join(a.header["Vary"], ","); a.body != "ok" || !strings.Contains(vary, "Accept") || !strings.Contains(vary, "Origin") {
			t.Error(args, a)
		}
	}
}
