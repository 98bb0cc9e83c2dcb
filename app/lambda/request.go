package lambda

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// What is wrong with a request, for its sender.
var (
	errMethod = errors.New("the method is malformed")
	errTarget = errors.New("the path or the query is malformed")
	errHost   = errors.New("the Host header is malformed")
	errHeader = errors.New("a header is malformed")
	errBody   = errors.New("the body is not the base64 that it should be")
)

// request makes the request that net/http's server would have made of the same message. What the library would fail on is looked at
// before: it prints what it cannot use.
func (a *Adapter) request(e *event, s source, l line) (*http.Request, error) {
	if !httpguts.ValidHeaderFieldName(l.method) { // methods are spelled like names of headers
		return nil, errMethod
	}
	uri := requestURI(cut(l.path, a.basePath), l.query)
	u, err := url.ParseRequestURI(uri)
	if err != nil {
		return nil, errTarget
	}
	hosts := e.takeHosts()
	if len(hosts) > 1 || len(hosts) == 1 && !httpguts.ValidHostHeader(hosts[0]) {
		return nil, errHost
	}
	r, err := s.request()
	if err != nil {
		return nil, errBody
	}
	r.Method, r.URL, r.RequestURI = l.method, u, uri // the library puts methods in capitals
	r.Host = cmp.Or(e.Context.DomainName, strings.Join(hosts, ""))
	r.RemoteAddr = remoteAddr(r.RemoteAddr)
	r.GetBody = nil // that is for clients
	return r, cleanHeader(r)
}

// cleanHeader removes what is about a connection, and what the library would take for its own.
func cleanHeader(r *http.Request) error {
	const library = "X-Golambdaproxy-"
	for name, values := range r.Header {
		if !httpguts.ValidHeaderFieldName(name) {
			return errHeader
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldValue(value) {
				return errHeader
			}
		}
		if strings.HasPrefix(name, library) {
			delete(r.Header, name)
		}
	}
	delete(r.Header, "Connection")
	delete(r.Header, "Transfer-Encoding")
	if _, ok := r.Header["Content-Length"]; ok {
		r.Header.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
	return nil
}

// requestURI puts together what comes after the method in a first line.
func requestURI(path, query string) string {
	path = strings.ReplaceAll(path, "?", "%3F") // HTTP APIs decode paths
	if query == "" {
		return path
	}
	return path + "?" + query
}

// cut returns the part of the path that is below prefix, or the whole path if it is not below.
func cut(path, prefix string) string {
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	rest, ok := strings.CutPrefix(path, prefix)
	switch {
	case !ok || rest != "" && rest[0] != '/':
		return path
	case rest == "":
		return "/"
	}
	return rest
}

// remoteAddr makes host:port of an address that may have no port. It is empty if there is no address.
func remoteAddr(addr string) string {
	if _, err := netip.ParseAddrPort(addr); err == nil {
		return addr
	}
	if _, err := netip.ParseAddr(addr); err != nil {
		return ""
	}
	return net.JoinHostPort(addr, "0")
}
