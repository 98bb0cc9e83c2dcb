package invoke

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"syscall"
	"time"
)

// Egress is the one place that calls go out by. It never follows a redirect. Where users of the Config API can name the host, it looks
// at the address when it dials, not at the name before.
type Egress struct {
	dialer      *net.Dialer
	transport   *http.Transport // of all functions but those that have a pool of their own
	pools       pools
	operator    *http.Transport // to hosts that only the operator names: no guard, but the proxy of the environment
	hosted      bool
	credentials Credentials
	aws         awsSettings
}

// NewEgress returns the way out that o describes.
func NewEgress(o EgressOptions) *Egress {
	e := newEgress(guarded(newGuard(o).check))
	e.hosted, e.credentials = o.Hosted, o.Lent()
	return e
}

func newEgress(dialer *net.Dialer) *Egress {
	e := &Egress{dialer: dialer, operator: newTransport(&net.Dialer{Timeout: dialTimeout})}
	e.operator.Proxy = operatorProxy
	e.transport = newTransport(dialer)
	e.transport.DialContext = e.dial
	e.pools.init(e.transport, openFiles())
	return e
}

// operatorProxy returns the proxy of the environment, but none for Google's metadata server, which tells who this machine is, not the proxy.
func operatorProxy(r *http.Request) (*url.URL, error) {
	if r.Header.Get("Metadata-Flavor") != "" {
		return nil, nil
	}
	return http.ProxyFromEnvironment(r)
}

const (
	dialTimeout      = 3 * time.Second
	handshakeTimeout = 5 * time.Second
	idleTimeout      = 90 * time.Second
	maxAnswerHeader  = 64 << 10

	// A server that has gone without a word is noticed after both: an HTTP/2 connection is used by all calls, and nothing else would end it.
	pingAfter   = 10 * time.Second
	pingTimeout = 3 * time.Second
)

// guarded returns a dialer that asks about each address, of whatever name, before it connects.
func guarded(allowed func(network, address string) error) *net.Dialer {
	return &net.Dialer{
		Timeout: dialTimeout,
		Control: func(network, address string, _ syscall.RawConn) error { return allowed(network, address) },
	}
}

// newTransport returns a pool for many upstreams. How many calls one of them gets at once is for others to limit.
func newTransport(dialer *net.Dialer) *http.Transport {
	return &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		MaxIdleConns:           idleConnections(openFiles()),
		MaxIdleConnsPerHost:    256, // a gateway has many callers of few functions; two idle connections would mean dialling all the time
		IdleConnTimeout:        idleTimeout,
		TLSHandshakeTimeout:    handshakeTimeout,
		MaxResponseHeaderBytes: maxAnswerHeader,
		DisableCompression:     true, // the answer goes on as it came
	}
}

// own returns a pool for who alone: TLS settings hold for a connection, and so for all calls that use it. Its connections are closed when
// who is gone.
func (e *Egress) own(who *endpoint, c *tls.Config) *http.Transport {
	t := newTransport(e.dialer)
	t.DialContext, t.TLSClientConfig = e.dial, c
	t.MaxIdleConns, t.MaxIdleConnsPerHost = ownConnections, ownConnections
	e.pools.add(t)
	runtime.AddCleanup(who, e.pools.drop, t)
	return t
}

func (e *Egress) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := e.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return e.pools.count(c), nil
}

// Close closes the connections that are idle.
func (e *Egress) Close() {
	e.pools.closeIdle()
	e.operator.CloseIdleConnections()
	e.aws.close()
}

// send sends a request once: net/http repeats a POST, PUT or PATCH without an Idempotency-Key only where the server has surely not begun
// with it. For that it needs GetBody.
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
