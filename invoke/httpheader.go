package invoke

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/store"
)

// What a function's own headers may be.
const (
	maxHeaders     = 32
	maxHeaderName  = 128
	maxHeaderValue = 8 << 10
	maxHeaderBytes = 16 << 10 // of all
)

// readHeaders returns the headers that each call has beside those of the event, or nil. No error has a value.
func readHeaders(p store.Provider) (http.Header, error) {
	header, bytes := http.Header{}, 0
	for name, value := range p.Map("headers") {
		if err := checkHeader(name, value); err != nil {
			return nil, err
		}
		name = http.CanonicalHeaderKey(name)
		if header[name] != nil {
			return nil, fmt.Errorf("provider.headers has %s twice", name)
		}
		header[name] = []string{value}
		bytes += len(name) + len(value)
	}
	if len(header) > maxHeaders || bytes > maxHeaderBytes {
		return nil, fmt.Errorf("provider.headers has more than %d headers, or more than %d bytes", maxHeaders, maxHeaderBytes)
	}
	authorization, err := readAuth(p)
	switch {
	case err != nil:
		return nil, err
	case authorization != "" && header["Authorization"] != nil:
		return nil, errors.New("provider.auth and the header Authorization of provider.headers are the same: leave one of them out")
	case authorization != "":
		header["Authorization"] = []string{authorization}
	}
	if len(header) == 0 {
		return nil, nil
	}
	return header, nil
}

func checkHeader(name, value string) error {
	switch {
	case len(name) > maxHeaderName || !httpguts.ValidHeaderFieldName(name):
		return fmt.Errorf("provider.headers has %.40q, which is no name of a header", name)
	case reserved(http.CanonicalHeaderKey(name)):
		return fmt.Errorf("provider.headers must not have %s: it is for the gateway to set", http.CanonicalHeaderKey(name))
	case !validValue(value):
		return fmt.Errorf("provider.headers.%s is empty, too long, or has characters that no header can have", name)
	}
	return nil
}

func validValue(s string) bool {
	return s != "" && len(s) <= maxHeaderValue && s == strings.Trim(s, " \t") && httpguts.ValidHeaderFieldValue(s)
}

// reserved says whether a header belongs to the connection, the event or the signature. With an Idempotency-Key net/http would send an
// event again whose call broke off.
func reserved(name string) bool {
	switch name {
	case "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Host", "Http2-Settings", "Keep-Alive",
		"Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Idempotency-Key", "X-Idempotency-Key", event.LineageHeader, "Traceparent", "Tracestate":
		return true
	}
	return strings.HasPrefix(name, "Ce-") || strings.HasPrefix(name, "Webhook-")
}

// readAuth returns the value of the header Authorization, or "".
func readAuth(p store.Provider) (string, error) {
	token, user, password := p.Text("auth", "bearer"), p.Text("auth", "basic", "username"), p.Text("auth", "basic", "password")
	switch {
	case !p.Has("auth"):
		return "", nil
	case p.Has("auth", "bearer") && p.Has("auth", "basic"):
		return "", errors.New("provider.auth must have either bearer or basic")
	case p.Has("auth", "bearer") && (!validValue(token) || strings.ContainsAny(token, " \t")):
		return "", errors.New("provider.auth.bearer is too long, or has characters that no token can have")
	case p.Has("auth", "bearer"):
		return "Bearer " + token, nil
	case user == "" || password == "":
		return "", errors.New("provider.auth.basic needs a username and a password")
	case strings.Contains(user, ":") || !validValue(basic(p)) || strings.ContainsFunc(user+password, control):
		return "", errors.New("provider.auth.basic is too long, or has control characters, or its username has a colon")
	}
	return basic(p), nil
}

func control(r rune) bool { return r < ' ' || r == 0x7f }

// basic returns the credentials of a user (RFC 7617), or "".
func basic(p store.Provider) string {
	if !p.Has("auth", "basic") {
		return ""
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(p.Text("auth", "basic", "username")+":"+p.Text("auth", "basic", "password")))
}
