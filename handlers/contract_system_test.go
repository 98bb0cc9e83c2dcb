package handlers_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// Section 2.4: system events.

// TestContractSystem: who is told of what, in which form. The watchers of both shapes stand beside the functions that are watched.
func TestContractSystem(t *testing.T) {
	twice(t, func(t *testing.T, g *gateway, compat bool) {
		seed, v09, astray := answers(t, ``), answers(t, ``), answers(t, ``)
		for id, f := range map[string]*function{"seed": seed, "v09": v09, "astray": astray} {
			g.function("default", id, f.URL)
		}
		g.watch("default", "seed", "seed")
		g.watch("default", "v09", "0.9")
		// Elsewhere than on "/", and with another method than POST, nothing arrives.
		status := 400 // it is refused, but for -compat
		if compat {
			status = 201
		}
		for _, body := range []string{
			`{"event":"gateway.event.received","functionId":"astray","path":"/x"}`,
			`{"event":"gateway.event.received","functionId":"astray","path":"/*all"}`,
			`{"type":"async","eventType":"eventgateway.event.received","functionId":"astray","path":"/x"}`,
			`{"type":"async","eventType":"eventgateway.event.received","functionId":"astray","method":"PUT","path":"/"}`,
		} {
			g.configure(status, "POST", inDefault+"/subscriptions", body)
		}

		f := newFunction(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/broken" {
				w.WriteHeader(503)
			}
			_, _ = io.WriteString(w, `{"body":"ok"}`)
		})
		g.bothShapes(f.URL, "e", "http.request")
		g.function("default", "broken", f.URL+"/broken")
		g.subscribe("default", `{"type":"sync","eventType":"e","functionId":"f","path":"/x"}`)
		g.subscribe("default", `{"type":"sync","eventType":"http.request","functionId":"broken","path":"/x"}`)

		// told wants the watchers of both shapes to be told of these system events, in any order: the name, and the data with EVENT for what they are about.
		told := func(event func(seed bool) string, want ...[2]string) {
			t.Helper()
			for _, watcher := range []*function{seed, v09} {
				eventually(t, "all are told", func() bool { return len(watcher.events()) >= len(want) })
				var got []string
				for _, e := range watcher.events() {
					got = append(got, shown(e))
				}
				prefix := pick(watcher == seed, "gateway.", "eventgateway.")
				for _, w := range want {
					data := strings.Replace(w[1], "EVENT", event(watcher == seed), 1)
					if one := form(compat, watcher == seed, prefix+w[0], "/", "application/json", data); !slices.Contains(got, one) {
						t.Errorf("nobody is told\n%s\nbut\n%s", one, strings.Join(got, "\n"))
					}
				}
				if len(got) != len(want) {
					t.Errorf("%d system events, want %d", len(got), len(want))
				}
				watcher.mu.Lock()
				watcher.got = nil
				watcher.mu.Unlock()
			}
		}
		result := pick(compat, `"eyJib2R5Ijoib2sifQ=="`, `{"body":"ok"}`) // the function's answer; in 2018 the event that was sent
		a := send(t, "POST", g.events+"/x", `{"a":1}`, "Event: e", jsonType, "User-Agent: x", "Authorization: secret")
		if a.body != "ok" {
			t.Error(a)
		}
		told(func(seed bool) string { return form(compat, seed, "e", "/x", "application/json", `{"a":1}`) },
			[2]string{"event.received", `{"path":"/x","event":EVENT,` +
				`"headers":{"Content-Length":"7","Content-Type":"application/json","Event":"e","User-Agent":"x"}}`},
			[2]string{"function.invoking", `{"space":"default","functionId":"f","event":EVENT}`},
			[2]string{"function.invoked", `{"space":"default","functionId":"f","event":EVENT,"result":` + result + `}`})
		// A failure is told of for every status that is one, under "error".
		if a := send(t, "POST", g.events+"/x", ``, "User-Agent: x"); a.status < 500 {
			t.Error(a)
		}
		plain := func(seed bool) string {
			contentType := pick(compat && seed, "application/octet-stream", "application/json")
			return form(compat, seed, "http.request", "/x", contentType, `{"headers":{"Content-Length":"0","User-Agent":"x"},`+
				`"query":{},"body":"","host":"HOST","path":"/x","method":"POST","params":{}}`)
		}
		told(plain,
			[2]string{"event.received", `{"path":"/x","event":EVENT,"headers":{"Content-Length":"0","User-Agent":"x"}}`},
			[2]string{"function.invoking", `{"space":"default","functionId":"broken","event":EVENT}`},
			[2]string{"function.invocationFailed", `{"space":"default","functionId":"broken","event":EVENT,"error":"it answered with status 503"}`})
		// From outside: 400, also to those that subscribed.
		for _, name := range []string{"gateway.event.received", "eventgateway.event.received"} {
			if a := send(t, "POST", g.events+"/", ``, "Event: "+name); a.status != 400 {
				t.Error(name, a)
			}
		}
		time.Sleep(50 * time.Millisecond)
		if n := fmt.Sprint(len(seed.events()), len(v09.events()), len(astray.events())); n != "0 0 0" {
			t.Error("told of too much:", n, astray.events())
		}
	})
}
