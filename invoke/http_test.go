package invoke_test

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/invoke/invoketest"
	"github.com/event-gateway/event-gateway/store"
)

// webAnswer answers as a plain web server that has the behaviour.
func webAnswer(w http.ResponseWriter, _ *http.Request, _ []byte, what invoketest.Behaviour) {
	switch what {
	case invoketest.Fail:
		http.Error(w, "no", http.StatusInternalServerError)
	case invoketest.Deny:
		http.Error(w, "no", http.StatusForbidden)
	case invoketest.Throttle:
		w.Header().Set("Retry-After", "7")
		http.Error(w, "no", http.StatusTooManyRequests)
	case invoketest.Nonsense:
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusFound)
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"body":"done"}`))
	}
}

// endpoint is a function of type http with some of its settings.
type endpoint struct {
	settings string // after the url
	server   func(*tls.Config)
	secrets  []string
	// arrived looks at a request.
	arrived func(t *testing.T, r *http.Request, body []byte)
}

const (
	token     = "tok-0123456789"
	headerKey = "key-0123456789"
	password  = "pass-0123456789"
	oldSecret = "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQtb2xk"
	newSecret = "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3"
)

// endpoints are all ways to speak with a function of type http.
func endpoints(t testing.TB) map[string]endpoint {
	a := newAuthority(t)
	certificate, key := a.client("gateway")
	secure := func(c *tls.Config) { c.Certificates = []tls.Certificate{a.server()} }
	return map[string]endpoint{
		"plain": {},
		"headers, bearer and signing": {
			settings: fmt.Sprintf(`,"headers":{"X-Key":%q,"user-agent":"shop"},"auth":{"bearer":%q},"signing":{"old":%q,"new":%q}`, headerKey, token, oldSecret, newSecret),
			secrets:  []string{token, headerKey, oldSecret, newSecret},
			arrived:  arrivedSigned,
		},
		"PUT, basic": {
			settings: fmt.Sprintf(`,"method":"PUT","timeout":"2.5s","auth":{"basic":{"username":"max","password":%q}}`, password),
			secrets:  []string{password, base64.StdEncoding.EncodeToString([]byte("max:" + password))},
			arrived: func(t *testing.T, r *http.Request, _ []byte) {
				if user, pass, ok := r.BasicAuth(); r.Method != "PUT" || user != "max" || pass != password || !ok {
					t.Error(r.Method, r.Header)
				}
			},
		},
		"TLS": {
			settings: fmt.Sprintf(`,"tls":{"ca":%q}`, a.pem), server: secure,
			arrived: func(t *testing.T, r *http.Request, _ []byte) {
				if r.ProtoMajor != 2 {
					t.Error(r.Proto)
				}
			},
		},
		"mTLS": {
			settings: fmt.Sprintf(`,"tls":{"ca":%q,"certificate":%q,"key":%q}`, a.pem, certificate, key),
			server: func(c *tls.Config) {
				secure(c)
				c.ClientCAs, c.ClientAuth = a.pool(), tls.RequireAndVerifyClientCert
			},
			secrets: strings.Split(strings.TrimSpace(key), "\n"),
			arrived: func(t *testing.T, r *http.Request, _ []byte) {
				if r.ProtoMajor != 2 || r.TLS.PeerCertificates[0].Subject.CommonName != "gateway" {
					t.Error(r.Proto, r.TLS)
				}
			},
		},
	}
}

func arrivedSigned(t *testing.T, r *http.Request, body []byte) {
	if r.Method != "POST" || r.Header.Get("X-Key") != headerKey || r.Header.Get("Authorization") != "Bearer "+token || r.UserAgent() != "shop" {
		t.Error(r.Method, r.Header)
	}
	if id := r.Header.Get("webhook-id"); len(id) != 36 || id == invoketest.Event().ID {
		t.Errorf("the id is %q", id)
	}
	for _, secret := range []string{oldSecret, newSecret} {
		if w, err := standardwebhooks.NewWebhook(secret); err != nil || w.Verify(body, r.Header) != nil {
			t.Error(secret, err, r.Header)
		}
	}
}

// start starts a server with a behaviour, as the function wants it.
func (e endpoint) start(t *testing.T) *invoketest.Backend {
	b := &invoketest.Backend{}
	var mu sync.Mutex
	s := b.Serve(t, nil, func(w http.ResponseWriter, r *http.Request, body []byte, what invoketest.Behaviour) {
		mu.Lock()
		defer mu.Unlock()
		if e.arrived != nil {
			e.arrived(t, r, body)
		}
		webAnswer(w, r, body, what)
	})
	scheme := "http"
	if e.server != nil {
		scheme, s = "https", e.secure(t, s.Config.Handler)
	}
	b.Elsewhere = func(address string) string {
		return fmt.Sprintf(`{"url":"%s://%s/hook"%s}`, scheme, address, e.settings)
	}
	b.Provider = b.Elsewhere(s.Listener.Addr().String())
	return b
}

// secure starts a server that speaks TLS, and tells of its connections if that is wanted.
func (e endpoint) secure(t testing.TB, h http.Handler, state ...func(net.Conn, http.ConnState)) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	for _, f := range state {
		s.Config.ConnState = f
	}
	s.EnableHTTP2, s.TLS = true, &tls.Config{}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	e.server(s.TLS)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	for name, e := range endpoints(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			missing := map[invoketest.Behaviour]string{invoketest.Expire: "it has no credentials that are renewed"}
			if e.server != nil {
				missing[invoketest.Echo] = "HTTP/2 has no lines"
			}
			invoketest.Run(t, invoketest.Type{
				Name:    "http",
				Start:   e.start,
				Missing: missing,
				Want:    map[invoketest.Behaviour]invoketest.Failure{invoketest.Nonsense: {Class: invoke.Function}},
				Secrets: e.secrets,
			})
		})
	}
}

// TestHTTPArrives: a call has its own headers beside those of the event, whatever form that has, and no others.
func TestHTTPArrives(t *testing.T) {
	t.Parallel()
	f := func(settings, mode string, want map[string]string) {
		t.Helper()
		var got http.Header
		s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
		defer s.Close()
		c := invoketest.NewCaller(t, invoke.EgressOptions{})
		fn := c.Function("http", fmt.Sprintf(`{"url":%q%s}`, s.URL, settings))
		fn.Mode = mode
		ev := invoketest.Event()
		ev.TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
		if _, err := c.Call(t.Context(), fn, ev); err != nil {
			t.Fatal(err)
		}
		for name := range got {
			if value, ok := want[name]; !ok || value != "*" && got.Get(name) != value || len(got[name]) != 1 {
				t.Errorf("%s: %s: %q", settings, name, got[name])
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: got %v", settings, got)
		}
	}
	with := func(more ...string) map[string]string {
		all := map[string]string{
			"Content-Type": "application/cloudevents+json", "Content-Length": "*", "User-Agent": "event-gateway",
			"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		}
		for i := 0; i < len(more); i += 2 {
			all[more[i]] = more[i+1]
		}
		return all
	}
	f(``, "", with())
	f(`,"headers":{"x-b":"2","X-a":"1 1"}`, "", with("X-A", "1 1", "X-B", "2"))
	f(`,"headers":{"Authorization":"Key 7"}`, "", with("Authorization", "Key 7"))
	f(`,"auth":{"basic":{"username":"ü","password":"a:b"}}`, "", with("Authorization", "Basic w7w6YTpi"))
	f(`,"signing":{"a":"`+oldSecret+`"}`, "", with("Webhook-Id", "*", "Webhook-Timestamp", "*", "Webhook-Signature", "*"))
	f(`,"auth":{"bearer":"t"},"headers":{"X-A":"1"}`, "binary", with("Authorization", "Bearer t", "X-A", "1", "Content-Type", "application/json",
		"Ce-Id", "id-1", "Ce-Source", "/shop", "Ce-Type", "order.paid", "Ce-Subject", "*", "Ce-Time", "*", "Ce-Specversion", "1.0"))
}

// TestHTTPTimeout: the setting holds for the whole call.
func TestHTTPTimeout(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the end of the caller is seen after it
		if r.URL.Path == "/body" {
			_, _ = w.Write([]byte("{"))
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	for _, path := range []string{"/", "/body"} {
		c := invoketest.NewCaller(t, invoke.EgressOptions{})
		began := time.Now()
		_, err := c.Call(t.Context(), c.Function("http", fmt.Sprintf(`{"url":%q,"timeout":"300ms"}`, s.URL+path)), invoketest.Event())
		wantError(t, err, invoke.Timeout, "did not answer in time")
		if took := time.Since(began); took < 300*time.Millisecond || took > 3*time.Second {
			t.Errorf("%s: it took %s", path, took)
		}
	}
}

// TestHTTPAnswers: what a status means, and for how long the sender should wait.
func TestHTTPAnswers(t *testing.T) {
	t.Parallel()
	internal := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	t.Cleanup(internal.Close)
	f := func(status int, retryAfter string, class invoke.Class, after time.Duration, message string) {
		t.Helper()
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", internal.URL+"/latest/meta-data/")
			if retryAfter != "" {
				w.Header().Set("Retry-After", retryAfter)
			}
			w.WriteHeader(status)
		}))
		defer s.Close()
		c := invoketest.NewCaller(t, invoke.EgressOptions{})
		_, err := c.Call(t.Context(), c.Function("http", fmt.Sprintf(`{"url":%q}`, s.URL)), invoketest.Event())
		if e := wantError(t, err, class); e.RetryAfter != after || e.Message != message {
			t.Errorf("status %d, Retry-After %q: got %q, %s", status, retryAfter, e.Message, e.RetryAfter)
		}
	}
	f(500, "", invoke.Function, 0, "it answered with status 500")
	f(404, "", invoke.Function, 0, "it answered with status 404")
	f(401, "", invoke.Denied, 0, "it answered with status 401")
	f(503, "", invoke.Function, 0, "it answered with status 503")
	f(503, "30", invoke.Throttled, 30*time.Second, "it answered with status 503")
	f(503, "soon", invoke.Throttled, time.Second, "it answered with status 503")
	f(429, "", invoke.Throttled, time.Second, "it answered with status 429")
	f(429, "86400", invoke.Throttled, time.Hour, "it answered with status 429")
	for _, status := range []int{301, 302, 303, 307, 308} {
		f(status, "", invoke.Function, 0, fmt.Sprintf("it answered with a redirect (status %d), which is not followed", status))
	}
}

// TestHTTPDelivery: the id of a delivery is the one that it was given, and the event's form is signed as it is sent, also if that is nothing.
func TestHTTPDelivery(t *testing.T) {
	t.Parallel()
	ids := make(chan string, 3)
	verify, err := standardwebhooks.NewWebhook(oldSecret)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := verify.Verify(body, r.Header); err != nil {
			t.Error(err, r.Header)
		}
		ids <- r.Header.Get("webhook-id")
	}))
	t.Cleanup(s.Close)
	call := mustOpen(t, httpFunction(t, fmt.Sprintf(`{"url":%q,"signing":{"a":%q}}`, s.URL, oldSecret)))
	for _, p := range []invoke.Payload{{Body: []byte(`{"a":"ü\u0000"}`), Delivery: "d-1"}, {Delivery: "d-1"}, {}} {
		if _, err := call(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if a, b, c := <-ids, <-ids, <-ids; a != "d-1" || b != "d-1" || len(c) != 36 {
		t.Error(a, b, c)
	}
}

func httpFunction(t testing.TB, provider string) *store.Function {
	t.Helper()
	body := fmt.Sprintf(`{"functionId":"f","type":"http","provider":%s}`, provider)
	f, err := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil).DecodeFunction([]byte(body), "default", "")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestHTTPHostileAnswers: a function that sends back what it was sent gets no secret into the log.
func TestHTTPHostileAnswers(t *testing.T) {
	t.Parallel()
	basic := false
	f := func(class invoke.Class, words string, answer func(r *http.Request) string) {
		t.Helper()
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			_, _ = io.WriteString(c, answer(r))
		}))
		defer s.Close()
		c := invoketest.NewCaller(t, invoke.EgressOptions{})
		auth := fmt.Sprintf(`{"bearer":%q}`, token)
		if basic {
			auth = fmt.Sprintf(`{"basic":{"username":"max","password":%q}}`, password)
		}
		fn := c.Function("http", fmt.Sprintf(`{"url":%q,"headers":{"X-Key":%q,"X-Odd":"odd\\\"%s"},"auth":%s}`, s.URL, headerKey, headerKey, auth))
		_, err := c.Call(t.Context(), fn, invoketest.Event())
		e := wantError(t, err, class, words)
		for _, secret := range []string{headerKey, token, "odd", password, base64.StdEncoding.EncodeToString([]byte("max:" + password))} {
			if all := e.Error() + c.Log.String(); strings.Contains(all, secret) || strings.ContainsAny(e.Error(), "\n\x00") || len(e.Error()) > 500 {
				t.Errorf("%q is in %q", secret, all)
			}
		}
	}
	said := func(r *http.Request) string {
		return r.Header.Get("X-Key") + r.Header.Get("Authorization") + r.Header.Get("X-Odd")
	}
	for _, basic = range []bool{false, true} {
		f(invoke.Invalid, "its answer is not HTTP", func(r *http.Request) string { return said(r) + "\r\n\r\n" })
		f(invoke.Invalid, "its answer is not HTTP", func(r *http.Request) string { return strings.Fields(r.Header.Get("Authorization"))[1] + "\r\n\r\n" })
	}
	f(invoke.Invalid, "its answer is not HTTP", func(r *http.Request) string { return "HTTP/1.1 " + said(r) + "\r\n\r\n" })
	f(invoke.Invalid, "its answer is not HTTP", func(r *http.Request) string { return "HTTP/1.1 200 OK\r\n" + said(r) + "\r\n\r\n" })
	f(invoke.Invalid, "its answer is not HTTP", func(r *http.Request) string { return "HTTP/1.1 200 OK\r\nContent-Length: x" + said(r) + "\r\n\r\n" })
	f(invoke.Invalid, "its answer is not HTTP", func(r *http.Request) string {
		return "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + said(r) + "\r\n\r\n"
	})
	f(invoke.Invalid, "larger than 64 KiB", func(*http.Request) string { return "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 65<<10) + "\r\n\r\n" })
	f(invoke.Temporary, "ended the connection", func(*http.Request) string { return "" })
	f(invoke.Temporary, "ended the connection", func(*http.Request) string { return "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx" })
}

// TestHTTPMethod: the method is the setting's.
func TestHTTPMethod(t *testing.T) {
	t.Parallel()
	var method string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { method = r.Method }))
	t.Cleanup(s.Close)
	c := invoketest.NewCaller(t, invoke.EgressOptions{})
	ev := &event.Event{Kind: event.CloudEvent, ID: "1", Source: "/", Type: "a"}
	if _, err := c.Call(t.Context(), c.Function("http", fmt.Sprintf(`{"url":%q,"method":"PATCH"}`, s.URL)), ev); err != nil || method != "PATCH" {
		t.Error(method, err)
	}
}
