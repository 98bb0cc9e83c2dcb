package handlers_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// TestRotation: the second secret of a signature is added without the first being known, and later that one is left out. The same goes for
// headers and credentials.
func TestRotation(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var header http.Header
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		header = r.Header
		body, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, `{"body":"ok"}`)
	}))
	t.Cleanup(s.Close)
	const (
		first  = "whsec_b25lLW9uZS1vbmUtb25lLW9uZS1vbmUtb25l"
		second = "whsec_dHdvLXR3by10d28tdHdvLXR3by10d28tdHdv"
		path   = inDefault + "/functions/f"
	)
	g := start(t)
	settings := func(signing, headers, token string) string {
		return fmt.Sprintf(`{"functionId":"f","type":"http","provider":{"url":%q,"headers":{%s},"auth":{"bearer":%q},"signing":{%s}}}`, s.URL, headers, token, signing)
	}
	f := func(valid, invalid []string, key, token string) {
		t.Helper()
		a := g.configure(200, "GET", path, "")
		for _, secret := range []string{first, second, "key-1", "key-2", "token-1", "token-2"} {
			if strings.Contains(a.body, secret) {
				t.Errorf("%s is in %s", secret, a.body)
			}
		}
		if a := send(t, "GET", g.events+"/f", ""); a.status != 200 {
			t.Fatal(a)
		}
		mu.Lock()
		defer mu.Unlock()
		if header.Get("X-Key") != key || header.Get("Authorization") != token {
			t.Error(header)
		}
		for i, secret := range append(valid, invalid...) {
			w, err := standardwebhooks.NewWebhook(secret)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Verify(body, header); (err == nil) != (i < len(valid)) {
				t.Errorf("%s: %v: %s", secret, err, header.Get("webhook-signature"))
			}
		}
	}
	g.configure(201, "POST", inDefault+"/functions", settings(`"2025":"`+first+`"`, `"X-Key":"key-1"`, "token-1"))
	g.subscribe("default", `{"functionId":"f","event":"http","method":"GET","path":"/f"}`)
	f([]string{first}, []string{second}, "key-1", "Bearer token-1")
	g.configure(200, "PUT", path, settings(`"2025":"****","2026":"`+second+`"`, `"X-Key":"****"`, "****"))
	f([]string{first, second}, nil, "key-1", "Bearer token-1")
	g.configure(200, "PUT", path, settings(`"2026":"****"`, `"X-Key":"key-2"`, "token-2"))
	f([]string{second}, []string{first}, "key-2", "Bearer token-2")
	a := g.configure(400, "PUT", path, settings(`"2027":"****"`, `"X-Key":"****"`, "****"))
	if want := `signing.2027 is "****", which stands for the value that the function has, but it has none`; !strings.HasSuffix(a.message(), want) {
		t.Errorf("got %s", a.message())
	}
	if strings.Contains(g.log.String(), "whsec_") || strings.Contains(g.log.String(), "token-") {
		t.Error("a secret is in the log")
	}
}

// TestStatusOfFailures: what a sender gets whose function fails, by the table in docs/functions/http.md.
func TestStatusOfFailures(t *testing.T) {
	t.Parallel()
	f := func(answer http.HandlerFunc, settings string, status int, retryAfter, message string) {
		t.Helper()
		s := httptest.NewServer(answer)
		t.Cleanup(s.Close)
		g := start(t)
		g.configure(201, "POST", inDefault+"/functions", fmt.Sprintf(`{"functionId":"f","type":"http","provider":{"url":%q%s}}`, s.URL, settings))
		g.subscribe("default", `{"functionId":"f","event":"http","method":"GET","path":"/f"}`)
		a := send(t, "GET", g.events+"/f", "")
		if a.status != status || a.header.Get("Retry-After") != retryAfter || a.message() != `Function "f" failed: `+message+"." {
			t.Errorf("got %d, Retry-After %q, %s", a.status, a.header.Get("Retry-After"), a.body)
		}
	}
	says := func(status int, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(status)
		}
	}
	f(says(500), "", 502, "", "it answered with status 500")
	f(says(403), "", 502, "", "it answered with status 403")
	f(says(503), "", 502, "", "it answered with status 503")
	f(says(503, "Retry-After", "30"), "", 503, "30", "it answered with status 503")
	f(says(429), "", 503, "1", "it answered with status 429")
	f(says(302, "Location", "http://127.0.0.1:1/"), "", 502, "", "it answered with a redirect (status 302), which is not followed")
	f(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}, `,"timeout":"200ms"`, 504, "", "it did not answer in time")
	f(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "", 502, "", "it ended the connection before its answer was complete")
	f(says(200, "Content-Length", "7000000"), "", 502, "", "its answer is larger than 6291456 bytes")
}

// TestStatusOfBreaker: a sender who is kept from a function is told for how long.
func TestStatusOfBreaker(t *testing.T) {
	t.Parallel()
	g := start(t)
	g.function("default", "f", "http://127.0.0.1:1")
	g.subscribe("default", `{"functionId":"f","event":"http","method":"GET","path":"/f"}`)
	for i := range 12 { // not by send: what comes later is answered otherwise
		resp, err := http.Get(g.events + "/f")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		status, after, message := 502, "", "it could not be reached."
		if i >= 10 {
			status, after, message = 503, "5", "it could not be reached the last times, so it is not called for some seconds."
		}
		if err != nil || resp.StatusCode != status || resp.Header.Get("Retry-After") != after || !strings.Contains(string(body), message) {
			t.Errorf("call %d: %d %q %s %v", i, resp.StatusCode, resp.Header.Get("Retry-After"), body, err)
		}
	}
}

// TestBreaker: whoever would wait for a function that cannot be reached is told at once to come back later, with -compat, too.
func TestBreaker(t *testing.T) {
	t.Parallel()
	for _, compat := range []bool{false, true} {
		g := start(t, fmt.Sprintf("-compat=%t", compat))
		g.function("default", "away", "http://127.0.0.1:1/")
		g.subscribe("default", `{"functionId":"away","event":"http","method":"GET","path":"/away"}`)
		before, after := 502, 503
		if compat {
			before = 500
		}
		for i := range 12 {
			resp, err := http.Get(g.events + "/away")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			want, retry := before, false
			if i >= 10 {
				want, retry = after, true
			}
			seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
			if resp.StatusCode != want || retry != (err == nil && seconds >= 1 && seconds <= 5) {
				t.Errorf("call %d, compat %t: %d, Retry-After %q", i, compat, resp.StatusCode, resp.Header.Get("Retry-After"))
			}
		}
		if m := send(t, "GET", g.config+"/metrics", "").body; !strings.Contains(m, `eventgateway_circuit_breakers_opened_total{space="default",type="http"} 1`) {
			t.Error("the metric does not say so")
		}
	}
}
