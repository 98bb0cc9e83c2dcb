package invoke

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"code.dny.dev/ssrf"

	"github.com/event-gateway/event-gateway/invoke/event"
)

// Egress is the one place that sends to addresses which users of the Config API can name. It never follows a redirect, and it
// looks at the address when it dials, not at the name before.
type Egress struct {
	transport *http.Transport
	headers   map[string]http.Header // of a request, by content type; shared by all, since a transport never writes to them
}

// blockedError is a dial that the guard refused.
type blockedError struct{ cause error }

func (e *blockedError) Error() string { return e.cause.Error() }
func (e *blockedError) Unwrap() error { return e.cause }

// NewEgress returns the way out of a gateway whose functions may live on private and loopback addresses. Link-local addresses, and with
// them the metadata services of clouds, are refused always.
func NewEgress() *Egress { return newEgress(newGuard()) }

func newEgress(allowed func(network, address string) error) *Egress {
	dialer := &net.Dialer{
		Timeout: 3 * time.Second,
		Control: func(network, address string, _ syscall.RawConn) error { return allowed(network, address) },
	}
	headers := map[string]http.Header{}
	for _, f := range []event.Format{event.CloudEvents, event.Native} {
		headers[f.ContentType()] = http.Header{"Content-Type": {f.ContentType()}, "User-Agent": {"event-gateway"}}
	}
	return &Egress{headers: headers, transport: &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           10_000,
		MaxIdleConnsPerHost:    256, // a gateway has many callers of few functions; two idle connections would mean dialling all the time
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // the answer goes on as it came
	}}
}

// Close closes the connections that are idle.
func (e *Egress) Close() { e.transport.CloseIdleConnections() }

// post sends p once: net/http repeats a POST without an Idempotency-Key only where the server has surely not begun with it. For that it
// needs GetBody.
func (e *Egress) post(ctx context.Context, u *url.URL, p Payload) (*http.Response, error) {
	req := &http.Request{
		Method: http.MethodPost, URL: u, Host: u.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        e.headers[p.ContentType],
		ContentLength: int64(len(p.Body)),
		GetBody:       func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(p.Body)), nil },
	}
	req.Body, _ = req.GetBody()
	return e.transport.RoundTrip(req.WithContext(ctx))
}

// newGuard returns a function that refuses addresses, which are what a connection is about to be made to, with a *blockedError.
func newGuard() func(network, address string) error {
	guard := ssrf.New(
		ssrf.WithAnyPort(),
		ssrf.WithAllowedV4Prefixes(prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10")...),
		ssrf.WithAllowedV6Prefixes(prefixes("::1/128", "fc00::/7")...),
	)
	// Services of clouds that lie in a range which is allowed: Azure, Alibaba Cloud, AWS (metadata, name server, credentials of pods), Google Cloud.
	metadata := prefixes("168.63.129.16/32", "100.100.100.200/32", "fd00:ec2::/32", "fd20:ce::/32")
	return func(network, address string) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return &blockedError{err}
		}
		ip := to.Addr().Unmap().WithZone("")
		if slices.ContainsFunc(metadata, func(p netip.Prefix) bool { return p.Contains(ip) }) {
			return &blockedError{ssrf.ErrProhibitedIP}
		}
		if err := guard.Safe(network, netip.AddrPortFrom(ip, to.Port()).String(), nil); err != nil {
			return &blockedError{err}
		}
		return nil
	}
}

func prefixes(list ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, s := range list {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}
