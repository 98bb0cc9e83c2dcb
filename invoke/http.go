package invoke

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

const (
	// httpTimeout is how long a function of type http may take to answer, the reading of its answer included, if its settings say nothing.
	httpTimeout = 5 * time.Second
	minTimeout  = 100 * time.Millisecond
	maxTimeout  = 50 * time.Second // has to leave room for the answer in the time that the server has for it
)

func httpType() store.FunctionType {
	return store.FunctionType{
		Name: "http", Title: "HTTP endpoint", Web: true,
		Fields: []store.Field{
			{Name: "url", Required: true, Address: true},
			{Name: "method"},
			{Name: "timeout"},
			{Name: "headers", Kind: store.Map, Secret: true},
			{Name: "auth", Kind: store.Object, Members: []store.Field{
				{Name: "bearer", Secret: true},
				{Name: "basic", Kind: store.Object, Members: []store.Field{{Name: "username"}, {Name: "password", Secret: true}}},
			}},
			{Name: "tls", Kind: store.Object, Members: []store.Field{{Name: "ca"}, {Name: "certificate"}, {Name: "key", Secret: true}}},
			{Name: "signing", Kind: store.Map, Secret: true},
		},
		Check: func(p store.Provider) error {
			_, _, err := readHTTP(p, false)
			return err
		},
	}
}

// openHTTP makes an Invoker that sends the event.
func openHTTP(s store.Settings, e *Egress) (Invoker, error) {
	w, c, err := readHTTP(s.Provider, true)
	if err != nil {
		return nil, err
	}
	w.transport = e.transport
	if c != nil {
		w.transport = e.own(w, c)
	}
	return w.invoke, nil
}

// readHTTP makes an endpoint without a way out, and says how TLS is spoken with it if that is special. Settings that are not opened yet
// may have store.Masked in place of a secret.
func readHTTP(p store.Provider, opened bool) (*endpoint, *tls.Config, error) {
	e := &endpoint{method: p.Text("method"), secrets: secretsOf(p)}
	var err error
	if e.url, err = parseURL(p.Text("url")); err != nil {
		return nil, nil, err
	}
	if methods := []string{"", http.MethodPost, http.MethodPut, http.MethodPatch}; !slices.Contains(methods, e.method) {
		return nil, nil, fmt.Errorf("provider.method is %.40q, it can be POST, PUT or PATCH: the event is the body", e.method)
	}
	if e.timeout, err = parseTimeout(p.Text("timeout")); err != nil {
		return nil, nil, err
	}
	if e.header, err = readHeaders(p); err != nil {
		return nil, nil, err
	}
	if e.webhook, err = readWebhookKeys(p, opened); err != nil {
		return nil, nil, err
	}
	c, err := readTLS(p, e.url, opened)
	return e, c, err
}

func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("provider.url must be an absolute URL that begins with http:// or https://")
	case !validPort(u.Port()):
		return nil, errors.New("provider.url has a port that is none: it is a number up to 65535")
	case u.User != nil:
		return nil, errors.New("provider.url must not contain a user or a password: it is shown to everybody who may read the configuration")
	}
	return u, nil
}

func validPort(port string) bool {
	_, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil
}

func parseTimeout(s string) (time.Duration, error) {
	if s == "" {
		return httpTimeout, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < minTimeout || d > maxTimeout {
		return 0, fmt.Errorf("provider.timeout is %.40q, it must be a time from 100ms to 50s, such as 2.5s", s)
	}
	return d, nil
}

// secretsOf returns what no error may have. Keys are not in it: they never go out.
func secretsOf(p store.Provider) []string {
	list := []string{p.Text("auth", "basic", "password")}
	for _, value := range p.Map("headers") {
		list = append(list, value)
	}
	return list
}
