package handlers_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Section 2.4: the results of functions.

// TestContractResults: what a sync caller gets for what a function answers. Which of the shapes a subscription has makes no difference.
func TestContractResults(t *testing.T) {
	twice(t, func(t *testing.T, g *gateway, compat bool) {
		g.configure(201, "POST", inDefault+"/eventtypes", `{"name":"http.request"}`)
		g.configure(201, "POST", inDefault+"/eventtypes", `{"name":"e"}`)
		n := 0
		// f wants status and body, and headers as "Name: value" lines; a status of its own for the function may stand before its answer.
		f := func(status int, answer, want string, headers ...string) {
			t.Helper()
			n++
			id := fmt.Sprintf("f%d", n)
			g.function("default", id, newFunction(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, answer)
			}).URL)
			g.subscribe("default", fmt.Sprintf(`{"event":"http","method":"POST","functionId":%q,"path":"/seed/%[1]s"}`, id))
			g.subscribe("default", fmt.Sprintf(`{"type":"sync","eventType":"http.request","functionId":%q,"path":"/v09/%[1]s"}`, id))
			g.subscribe("default", fmt.Sprintf(`{"type":"sync","eventType":"e","functionId":%q,"path":"/v09/%[1]s"}`, id))
			for _, r := range [][]string{{"/seed/"}, {"/v09/"}, {"/v09/", "Event: e"}} {
				a := send(t, "POST", g.events+r[0]+id, "", r[1:]...)
				text := a.body
				if m := a.message(); m != "" {
					text = strings.Replace(m, id, "f", 1)
				}
				if got := fmt.Sprint(a.status, " ", text); got != want {
					t.Errorf("%v %d %s\ngot  %s\nwant %s", r, status, answer, got, want)
				}
				for _, h := range headers {
					name, value, _ := strings.Cut(h, ": ")
					if got := strings.Join(a.header[name], "|"); got != value {
						t.Errorf("%v %s: %s is %q, want %q", r, answer, name, got, value)
					}
				}
			}
		}
		malformed := func(why string) string {
			now := `502 Function "f" failed: its answer is no HTTP response object: ` + why + ` (a plain web server needs "response":"passthrough").`
			return pick(compat, "500 HTTP response object malformed", now)
		}
		failed := func(why string) string {
			return pick(compat, "500 Function call failed. Please check logs.", `502 Function "f" failed: it answered with `+why+`.`)
		}
		// statusCode (200), headers (string to string), body (string, "")
		f(200, `{}`, "200 ")
		f(200, `{"statusCode":201,"headers":{"X-A":"1"},"body":"made"}`, "201 made", "X-A: 1")
		f(200, `{"headers":{"content-type":"text/html"},"body":"<a>","more":1}`, "200 <a>", "Content-Type: text/html")
		f(200, `{"statusCode":404,"body":"not there"}`, "404 not there")
		f(200, `{"statusCode":204}`, "204 ")
		f(200, `{"statusCode":500,"body":"my own"}`, "500 my own")
		f(200, `{"body":"/wA=","isBase64Encoded":true}`, "200 \xff\x00")
		f(200, `{"multiValueHeaders":{"X-A":["1","2"]},"cookies":["a=1","b=2"]}`, "200 ", "X-A: 1|2", "Set-Cookie: a=1|b=2")
		// anything else
		f(200, ``, malformed("it is empty"))
		f(200, `hello`, malformed("it is no JSON"))
		f(200, `[]`, malformed("it is no JSON object"))
		f(200, `"x"`, malformed("it is no JSON object"))
		f(200, `{"statusCode":"200"}`, malformed("statusCode must be a whole number"))
		f(200, `{"headers":{"A":1}}`, malformed("headers must be an object of strings"))
		f(200, `{"body":{"a":1}}`, malformed("body must be a string"))
		f(200, `{"statusCode":99}`, pick(compat, "500 HTTP response object malformed", `502 Function "f" failed: its statusCode is 99, it can be 200 to 599.`))
		// The function's own status: any but 2xx is a failure, with -compat only a 5xx.
		f(201, `{"body":"ok"}`, "200 ok")
		f(500, `{"body":"ok"}`, failed("status 500"))
		f(503, `{"body":"ok"}`, failed("status 503"))
		f(404, `{"body":"ok"}`, pick(compat, "200 ok", failed("status 404")))
		f(302, `{"body":"ok"}`, pick(compat, "200 ok", failed("a redirect (status 302), which is not followed")))
	})
}
