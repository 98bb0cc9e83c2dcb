package client_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/client"
)

const secret = "s3cret-t0ken"

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	f := func(o client.Options, want string) {
		t.Helper()
		_, err := client.New(o)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%+v: got %v, want %q", o, err, want)
		}
	}
	f(client.Options{}, "neither EventsURL nor ConfigURL")
	f(client.Options{EventsURL: "localhost:4000"}, "EventsURL must be a URL")
	f(client.Options{EventsURL: "/events"}, "EventsURL must be a URL")
	f(client.Options{ConfigURL: "ftp://localhost"}, "ConfigURL must be a URL")
	f(client.Options{ConfigURL: "http://" + secret + ":x@localhost"}, "no user")
	f(client.Options{ConfigURL: "http://localhost?token=" + secret}, "query")
	f(client.Options{ConfigURL: "http://localhost", Token: secret + "\n"}, "line end")
}

func TestToken(t *testing.T) {
	t.Parallel()
	g := startGateway("-config-token-file", writeFile(t, secret))
	t.Cleanup(g.stop)
	right := connect(t, client.Options{ConfigURL: g.config + "/", Token: secret})
	must(right.Functions.List(t.Context()))(t)
	_, err := connect(t, client.Options{ConfigURL: g.config, Token: "wr0ng"}).Functions.List(t.Context())
	wantStatus(t, err, 401)
	for _, text := range []string{fmt.Sprintf("%+v", right), fmt.Sprintf("%#v", *right.Functions), fmt.Sprint(err)} {
		if strings.Contains(text, secret) || strings.Contains(text, "wr0ng") {
			t.Errorf("the token is in %s", text)
		}
	}
}

// The token goes to the Config API only, and no further; not even an answer that repeats it brings it into an error.
func TestTokenStays(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	other := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	config := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+secret {
			t.Errorf("the Config API got %v", r.Header)
		}
		if r.Method == http.MethodGet {
			http.Redirect(w, r, other, http.StatusTemporaryRedirect)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprintf(w, `{"errors":[{"message":"what is %s?"}]}`, r.Header.Get("Authorization"))
	})
	events := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the Events API got the token")
		}
		http.Redirect(w, r, other, http.StatusTemporaryRedirect)
	})
	c := connect(t, client.Options{EventsURL: events, ConfigURL: config, Token: secret})
	_, err := c.Functions.Get(t.Context(), "f")
	wantStatus(t, err, 307)
	err = c.Functions.Delete(t.Context(), "f")
	if wantStatus(t, err, 502); strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), "what is Bearer ****?") {
		t.Errorf("got %v", err)
	}
	resp, err := c.Send(t.Context(), "/", client.Event{Type: "t"})
	if err != nil || resp.Status != 307 || resp.Header.Get("Location") != other {
		t.Errorf("got %+v, %v", resp, err)
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d requests went to another host", n)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestHTTPClient(t *testing.T) {
	t.Parallel()
	own := &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("by my transport") })}
	_, err := connect(t, client.Options{ConfigURL: "http://127.0.0.1:1", HTTPClient: own}).Functions.List(t.Context())
	if err == nil || !strings.HasSuffix(err.Error(), ": by my transport") || own.CheckRedirect != nil {
		t.Errorf("got %v", err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	f := func(want client.Error, text string, header, body string) {
		t.Helper()
		var requests atomic.Int32
		c := connect(t, client.Options{ConfigURL: serve(t, func(w http.ResponseWriter, _ *http.Request) {
			requests.Add(1)
			w.Header().Set("Content-Type", "application/json")
			if header != "" {
				w.Header().Set("Retry-After", header)
			}
			w.WriteHeader(want.Status)
			_, _ = io.WriteString(w, body)
		})})
		err := c.Functions.Delete(t.Context(), "f")
		var e *client.Error
		if !errors.As(err, &e) {
			t.Fatalf("got %v", err)
		}
		if e.RetryAfter > time.Minute { // a date
			e.RetryAfter = e.RetryAfter.Round(time.Hour)
		}
		if *e != want || e.Error() != text || !strings.Contains(err.Error(), "/v1/spaces/default/functions/f: "+text) {
			t.Errorf("got %+v (%v), want %+v", e, err, want)
		}
		if n := requests.Load(); n != 1 {
			t.Errorf("%d requests", n)
		}
	}
	const own = `{"errors":[{"message":"Wait."}]}`
	f(client.Error{Status: 503, Message: "Wait.", RetryAfter: time.Second}, "503 Service Unavailable: Wait.", "1", own)
	inOneHour := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	f(client.Error{Status: 429, Message: "Wait.", RetryAfter: time.Hour}, "429 Too Many Requests: Wait.", inOneHour, own)
	f(client.Error{Status: 503, Message: "Wait."}, "503 Service Unavailable: Wait.", "-1", own)
	f(client.Error{Status: 502}, "502 Bad Gateway", "", "<h1>payload</h1>")
	f(client.Error{Status: 400}, "400 Bad Request", "", `{"errors":[]}`)
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	const most = 10 << 20
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := w.Write(make([]byte, most))
		for err == nil && r.URL.Path != "/most" { // it never ends
			_, err = w.Write([]byte("x"))
		}
	})
	c := connect(t, client.Options{EventsURL: url, ConfigURL: url})
	if resp, err := c.Emit(t.Context(), "/most", "e", "", nil); err != nil || len(resp.Body) != most {
		t.Errorf("got %v for 10 MiB", err)
	}
	if resp, err := c.Emit(t.Context(), "/", "e", "", nil); resp != nil || err == nil || !strings.Contains(err.Error(), "larger than 10 MiB") {
		t.Errorf("got %v for more", err)
	}
	if _, err := c.Functions.List(t.Context()); err == nil || !strings.Contains(err.Error(), "larger than 10 MiB") {
		t.Errorf("got %v for more", err)
	}
}

func TestNoGateway(t *testing.T) {
	t.Parallel()
	page := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") })
	c := connect(t, client.Options{ConfigURL: page})
	_, list := c.Functions.List(t.Context())
	_, get := c.Functions.Get(t.Context(), "f")
	for _, err := range []error{list, get} {
		if err == nil || !strings.Contains(err.Error(), "is ConfigURL right?") {
			t.Errorf("got %v", err)
		}
	}
	if _, err := c.Emit(t.Context(), "/", "e", "", nil); err == nil || !strings.Contains(err.Error(), "Options.EventsURL is not set") {
		t.Errorf("got %v", err)
	}
	c = connect(t, client.Options{EventsURL: "http://127.0.0.1:1"})
	const want = "event gateway: POST http://127.0.0.1:1/p: dial "
	if _, err := c.Emit(t.Context(), "/p", "e", "", nil); client.Status(err) != 0 || !strings.HasPrefix(fmt.Sprint(err), want) {
		t.Errorf("got %v", err)
	}
}
