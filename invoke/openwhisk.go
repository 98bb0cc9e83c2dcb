package invoke

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

const (
	// openWhiskTimeout is as lambdaTimeout. OpenWhisk itself waits for an action for a minute, unless it is set up otherwise.
	openWhiskTimeout = 50 * time.Second
	// Between two looks at an action that OpenWhisk did not wait for.
	firstPause, longestPause = 100 * time.Millisecond, 2 * time.Second
)

func openWhiskType() store.FunctionType {
	return store.FunctionType{
		Name: "openwhisk", Title: "OpenWhisk action (apiHost, action, auth)",
		Fields: []store.Field{
			{Name: "apiHost", Required: true, Address: true},
			{Name: "namespace"},
			{Name: "package"},
			{Name: "action", Required: true},
			{Name: "auth", Required: true, Secret: true},
		},
		Check: func(p store.Provider) error {
			_, err := checkOpenWhisk(p)
			return err
		},
	}
}

// checkOpenWhisk returns where the API is.
func checkOpenWhisk(p store.Provider) (*url.URL, error) {
	names := regexp.MustCompile(`^\w([\w@ .&-]{0,254}[\w@.&-])?$`) // openwhisk/docs/reference.md, "Entity names"
	for _, field := range []string{"namespace", "package", "action"} {
		if name := p.Text(field); name != "" && !names.MatchString(name) {
			return nil, errors.New("provider." + field + " must be a name of OpenWhisk: letters, digits and _, and within it also @ . & - and spaces; no path")
		}
	}
	auth := p.Text("auth")
	if ok, _ := regexp.MatchString(`^[!-9;-~]{1,256}:[!-~]{1,512}$`, auth); !ok && auth != store.Masked && auth != "" {
		return nil, errors.New("provider.auth must be a key of OpenWhisk, UUID:KEY, as wsk property get --auth shows it")
	}
	host := p.Text("apiHost")
	if !strings.Contains(host, "://") {
		host = "https://" + host
	}
	u, err := url.Parse(host)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || !validPort(u.Port()) || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("provider.apiHost must be a host, a host with a port, or a URL with no path, such as https://openwhisk.example.com")
	}
	u.Path, u.RawPath = "/", "" // what is joined to an empty one would be relative
	return u, nil
}

// whisk is an action and how it is called.
type whisk struct {
	action, activations *url.URL
	auth                string // what stands in the header Authorization
	secrets             []string
	transport           http.RoundTripper
}

func openOpenWhisk(s store.Settings, e *Egress) (Invoker, error) {
	host, err := checkOpenWhisk(s.Provider)
	if err != nil {
		return nil, err
	}
	path := []string{"api/v1/namespaces", url.PathEscape(cmp.Or(s.Text("namespace"), "_")), "actions"}
	for _, field := range []string{"package", "action"} {
		if name := s.Text(field); name != "" {
			path = append(path, url.PathEscape(name))
		}
	}
	_, key, _ := strings.Cut(s.Text("auth"), ":")
	encoded := base64.StdEncoding.EncodeToString([]byte(s.Text("auth")))
	w := &whisk{
		action: host.JoinPath(path...),
		// An activation belongs to who caused it, whosever the action is.
		activations: host.JoinPath("api/v1/namespaces/_/activations"),
		auth:        "Basic " + encoded, secrets: []string{encoded, key},
		transport: e.transport,
	}
	w.action.RawQuery = "blocking=true&result=true"
	return w.invoke, nil
}

// whiskAnswer is what the API answered.
type whiskAnswer struct {
	status int
	header http.Header
	body   []byte
}

// ask sends one request. The header becomes its own. Its errors are *Error.
func (w *whisk) ask(ctx context.Context, method string, u *url.URL, header http.Header, body []byte) (*whiskAnswer, error) {
	header["Authorization"] = []string{w.auth}
	resp, err := send(ctx, w.transport, method, u, header, body)
	if err != nil {
		return nil, w.failed(ctx, err)
	}
	defer resp.Body.Close()
	a := &whiskAnswer{status: resp.StatusCode, header: resp.Header}
	if a.body, err = readAnswer(resp); err != nil {
		return nil, w.failed(ctx, err)
	}
	return a, nil
}

// failed says why a request failed. The log does not get the key, even if it came back.
func (w *whisk) failed(ctx context.Context, err error) *Error {
	var plain tls.RecordHeaderError
	e := callError(ctx, err)
	if errors.As(err, &plain) && e.Class == Invalid { // there may be no https:// in the settings
		e.Message = "it does not speak TLS: provider.apiHost has to begin with http://, or to have another port"
	}
	if e.Cause != nil {
		e.Cause = excerpt(e.Cause.Error(), w.secrets...)
	}
	return e
}

func (w *whisk) invoke(ctx context.Context, p Payload) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, openWhiskTimeout)
	defer cancel()
	header := http.Header{}
	maps.Copy(header, p.Header)
	header["Content-Type"] = []string{"application/json"} // no other is taken
	a, err := w.ask(ctx, http.MethodPost, w.action, header, p.Body)
	switch {
	case err != nil:
		return nil, err
	case a.status == http.StatusOK:
		return whiskResult(a.body)
	case a.status == http.StatusAccepted:
		return w.wait(ctx, a)
	}
	return nil, w.failure(a)
}

// wait asks for the result of an action that goes on, until it is there or there is no more time. That is asked for any number of
// times; the action is not called again.
func (w *whisk) wait(ctx context.Context, started *whiskAnswer) (*Answer, error) {
	id := started.activation()
	if id == "" {
		return nil, &Error{Class: Invalid, Message: "its answer says that it goes on, but not where"}
	}
	u := w.activations.JoinPath(id, "result")
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, callError(ctx, ctx.Err())
		}
		a, err := w.ask(ctx, http.MethodGet, u, http.Header{"User-Agent": {"event-gateway"}}, nil)
		switch {
		case err != nil && !unreachable(err):
			return nil, err
		case err != nil, a.status == http.StatusNotFound, a.status == http.StatusTooManyRequests, a.status >= 500: // not there yet, or not to be had now
		case a.status == http.StatusOK:
			return w.ended(a)
		default:
			return nil, w.failure(a)
		}
	}
}
