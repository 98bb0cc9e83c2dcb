package invoke

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// Egress is the one place that calls go out by. It never follows a redirect. Where users of the Config API can name the host, it looks
// at the address when it dials, not at the name before.
type Egress struct {
	transport   *http.Transport
	hosted      bool
	credentials Credentials
	aws         awsSettings
}

// NewEgress returns the way out that o describes.
func NewEgress(o EgressOptions) *Egress {
	e := newEgress(newGuard(o).check)
	e.hosted, e.credentials = o.Hosted, o.Lent()
	return e
}

func newEgress(allowed func(network, address string) error) *Egress {
	dialer := &net.Dialer{
		Timeout: dialTimeout,
		Control: func(network, address string, _ syscall.RawConn) error { return allowed(network, address) },
	}
	return &Egress{transport: newTransport(dialer)}
}

const dialTimeout = 3 * time.Second

func newTransport(dialer *net.Dialer) *http.Transport {
	return &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           10_000,
		MaxIdleConnsPerHost:    256, // a gateway has many callers of few functions; two idle connections would mean dialling all the time
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // the answer goes on as it came
	}
}

// Close closes the connections that are idle.
func (e *Egress) Close() {
	e.transport.CloseIdleConnections()
	e.aws.close()
}

// send sends a request once: net/http repeats a POST without an Idempotency-Key only where the server has surely not begun with it. For
// that it needs GetBody.
func send(ctx context.Context, transport http.RoundTripper, method string, u *url.URL, header http.Header, body []byte) (*http.Response, error) {
	req := &http.Request{
		Method: method, URL: u, Host: u.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header,      // shared by deliveries: a transport never writes to it
		Body:   http.NoBody, // not an empty one of another kind, which would be sent in chunks
	}
	if len(body) > 0 {
		req.ContentLength = int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		req.Body, _ = req.GetBody()
	}
	return transport.RoundTrip(req.WithContext(ctx))
}
