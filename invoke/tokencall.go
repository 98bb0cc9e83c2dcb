package invoke

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/oauth2"
)

const maxTokenAnswer = 64 << 10

// tokenCall is one request for a token. It keeps what came of it: of that, the libraries tell in words only, or repeat all of it.
type tokenCall struct {
	ctx       context.Context // bounds the request: not every library has a place for it
	transport http.RoundTripper

	err    error // of the way there and back
	status int
	after  string // Retry-After
	body   []byte
}

// client returns an HTTP client for the request. It follows no redirect.
func (c *tokenCall) client() *http.Client {
	return &http.Client{Transport: c, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// oauth returns a context by which the packages of oauth2 find the client.
func (c *tokenCall) oauth() context.Context {
	return context.WithValue(c.ctx, oauth2.HTTPClient, c.client())
}

// RoundTrip implements http.RoundTripper. What is too large is cut off, and then no JSON any more.
func (c *tokenCall) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.transport.RoundTrip(r.WithContext(c.ctx))
	if err == nil {
		c.status, c.after = resp.StatusCode, resp.Header.Get("Retry-After")
		c.body, err = io.ReadAll(io.LimitReader(resp.Body, maxTokenAnswer))
		resp.Body.Close()
	}
	if c.err = err; err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(c.body))
	return resp, nil
}

// failure says in words for people why there is no token. from is who was asked, check what to look at where the request was refused;
// secrets are what was sent.
func (c *tokenCall) failure(from, check string, secrets ...string) *Error {
	e := &Error{Class: Temporary, Message: fmt.Sprintf("it answered with status %d", c.status)}
	var said struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}
	_ = json.Unmarshal(c.body, &said) // whatever it is
	code := word(said.Code, "_")
	switch {
	case c.err != nil:
		if e = callError(c.ctx, c.err); e.Cause != nil {
			e.Cause = excerpt(e.Cause.Error(), secrets...)
		}
	case c.status == http.StatusTooManyRequests:
		e.Class, e.RetryAfter, e.Message = Throttled, retryAfter(c.after, time.Now()), "it gives out no more for now (status 429)"
	case c.status >= 500, c.status == http.StatusRequestTimeout:
	case c.status >= 400, c.status/100 == 2 && said.Code != "":
		e.Class, e.Message = Denied, "it refused ("+cmp.Or(code, fmt.Sprintf("status %d", c.status))+"): "+check
	case c.status/100 == 3:
		e.Class, e.Message = Invalid, "it answered with a redirect, which is not followed"
	default:
		e.Class, e.Message = Invalid, "its answer has none that can be used"
	}
	e.Message = "no token for the call could be had from " + from + ": " + e.Message
	if e.Cause == nil {
		e.Cause = excerpt(fmt.Sprintf("status %d %s %s", c.status, code, said.Description), secrets...)
	}
	return e
}

// parseSecure reads a URL that secrets are sent to: over HTTPS, or within this machine.
func parseSecure(s string) (*url.URL, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || !validPort(u.Port()) {
		return nil, false
	}
	return u, isSecure(u)
}

func isSecure(u *url.URL) bool {
	ip, _ := netip.ParseAddr(u.Hostname())
	local := ip.IsLoopback() || u.Hostname() == "localhost"
	return u.Scheme == "https" || u.Scheme == "http" && local
}

var errNotSecure = errors.New("provider.url must begin with https://, since what says who calls goes there; http:// is for functions on the gateway's own machine (localhost, 127.0.0.1), or without credentials")
