package handlers_test

import (
	"fmt"
	"strings"
	"testing"
)

// Section 2.4: CORS, where the other tests have a server for one shape only.

// TestContractCORS: routes of both shapes on one server, by what says who may read the answers: nothing, the subscription, a record.
func TestContractCORS(t *testing.T) {
	twice(t, func(t *testing.T, g *gateway, compat bool) {
		called := answers(t, `{"body":"ok"}`)
		g.bothShapes(called.URL, "e", "http.request")
		route := func(shape, method, path, members string) {
			t.Helper()
			if shape == "seed" {
				g.subscribe("default", fmt.Sprintf(`{"event":"http","method":%q,"functionId":"f","path":%q%s}`, method, path, members))
			} else {
				g.subscribe("default", fmt.Sprintf(`{"type":"sync","eventType":"http.request","method":%q,"functionId":"f","path":%q}`, method, path))
			}
		}
		for _, shape := range []string{"seed", "v09"} {
			for _, path := range []string{"/none", "/options", "/record/:id"} {
				route(shape, "PUT", "/"+shape+path, "")
			}
			route(shape, "OPTIONS", "/"+shape+"/options", "")
			g.configure(201, "POST", inCORS, `{"method":"PUT","path":"/`+shape+`/record/:id",`+
				`"allowedOrigins":["https://*.example.com"],"allowedMethods":["PUT"],"allowedHeaders":["X-A"]}`)
		}
		route("seed", "PUT", "/seed/own", `,"cors":{"origins":["https://shop.example.com"],"methods":["PUT"],"headers":["X-A"]}`)
		n := 0
		// f wants an answer, what it tells of CORS, and how often the function was called for it.
		f := func(a answer, want, wantCORS string, calls int) {
			t.Helper()
			n += calls
			if got := fmt.Sprint(a.status, " ", a.body+a.message()); !strings.HasPrefix(got, want) || allowed(a) != wantCORS || len(called.events()) != n {
				t.Errorf("got %s %q and %d calls, want %s %q and %d: %v", got, allowed(a), len(called.events()), want, wantCORS, n, a.header)
			}
			n = len(called.events())
		}
		const no, shop = "   ", "https://shop.example.com   "
		for _, shape := range []string{"seed", "v09"} {
			path := "/" + shape
			// nothing configured: no preflight is answered. With -compat it is a plain request: the seed's function is called with OPTIONS, for 0.9 nothing matches.
			if compat && shape == "seed" {
				f(g.preflight(t, "PUT", path+"/none", ""), "200 ok", no, 1)
			} else {
				f(g.preflight(t, "PUT", path+"/none", ""), "404 ", no, 0)
			}
			f(send(t, "PUT", g.events+path+"/none", "", origin), "200 ok", no, 1)
			f(g.preflight(t, "PUT", path+"/options", ""), "200 ok", no, 1) // the OPTIONS subscription
			f(g.preflight(t, "PUT", path+"/nobody", ""), "404 ", no, 0)
			// a record, whose path may have parameters: answered by the gateway
			f(g.preflight(t, "PUT", path+"/record/7", "x-a"), "200 ", "https://shop.example.com PUT x-a ", 0)
			f(send(t, "PUT", g.events+path+"/record/7", "", origin), "200 ok", shop, 1)
			// refused: no headers, and still 200; the request itself is served
			f(g.preflight(t, "PUT", path+"/record/7", "x-b"), "200 ", no, 0)
			f(g.preflight(t, "GET", path+"/record/7", ""), "404 ", no, 0)
			f(send(t, "PUT", g.events+path+"/record/7", "", "Origin: https://example.com"), "200 ok", no, 1)
			f(send(t, "PUT", g.events+path+"/record/7", "", "Origin: http://shop.example.com"), "200 ok", no, 1)
		}
		// the seed subscription's own
		f(g.preflight(t, "PUT", "/seed/own", "x-a"), "200 ", "https://shop.example.com PUT x-a ", 0)
		f(send(t, "PUT", g.events+"/seed/own", "", origin), "200 ok", shop, 1)
		f(send(t, "PUT", g.events+"/seed/own", "", "Origin: https://other.example"), "200 ok", no, 1)
		// custom event: from anywhere, also where plain requests have a policy of their own
		open, preflight := "*   ", "* POST event "
		if compat { // the headers of 2018
			open, preflight = "https://shop.example.com   true", "https://shop.example.com POST event true"
		}
		for _, path := range []string{"/seed/own", "/v09/none", "/nobody"} {
			f(g.preflight(t, "POST", path, "event"), "200 ", preflight, 0)
			f(send(t, "POST", g.events+path, "", origin, "Event: e"), "202 ", open, 0)
		}
		// sync answers to an Event header, too; with a record it decides
		g.subscribe("default", `{"type":"sync","eventType":"e","functionId":"f","path":"/v09/e"}`)
		f(send(t, "POST", g.events+"/v09/e", "", origin, "Event: e"), "200 ok", open, 1)
		g.configure(201, "POST", inCORS, `{"method":"POST","path":"/v09/e","allowedOrigins":["https://only.example"],"allowedHeaders":["Event"]}`)
		f(g.preflight(t, "POST", "/v09/e", "event"), "200 ", no, 0)
		f(send(t, "POST", g.events+"/v09/e", "", origin, "Event: e"), "200 ok", no, 1)
		f(send(t, "POST", g.events+"/v09/e", "", "Origin: https://only.example", "Event: e"), "200 ok", "https://only.example   ", 1)
	})
}
