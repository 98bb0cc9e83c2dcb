package invoke_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/invoketest"
)

// TestTLSFailures: what is said of a server that TLS cannot be spoken with, or that does not want to.
func TestTLSFailures(t *testing.T) {
	t.Parallel()
	a, stranger := newAuthority(t), newAuthority(t)
	certificate, key := a.client("gateway")
	foreign, foreignKey := stranger.client("gateway")
	own := fmt.Sprintf(`,"tls":{"ca":%q}`, a.pem)
	with := func(certificate, key string) string {
		return fmt.Sprintf(`,"tls":{"ca":%q,"certificate":%q,"key":%q}`, a.pem, certificate, key)
	}
	good := func(c *tls.Config) { c.Certificates = []tls.Certificate{a.server()} }
	issued := func(template *x509.Certificate) func(*tls.Config) {
		return func(c *tls.Config) { c.Certificates = []tls.Certificate{a.pair(a.issueFor(template))} }
	}
	mutual := func(version uint16) func(*tls.Config) {
		return func(c *tls.Config) {
			good(c)
			c.ClientCAs, c.ClientAuth, c.MinVersion, c.MaxVersion = a.pool(), tls.RequireAndVerifyClientCert, version, version
		}
	}
	f := func(server func(*tls.Config), settings string, class invoke.Class, message string) {
		t.Helper()
		s := endpoint{server: server}.secure(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		c := invoketest.NewCaller(t, invoke.EgressOptions{})
		for told := false; !told; { // the alert of TLS 1.3 comes when the request is under way: now and then it is too late to be read
			_, err := c.Call(t.Context(), c.Function("http", fmt.Sprintf(`{"url":%q%s}`, s.URL, settings)), invoketest.Event())
			if class == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var e *invoke.Error
			late := class == invoke.Denied && errors.As(err, &e) && e.Message == "it ended the connection before its answer was complete"
			if told = !late; late {
				continue
			}
			if e := wantError(t, err, class); e.Message != message {
				t.Errorf("got %q, want %q: %v", e.Message, message, e)
			}
		}
	}
	f(good, own, "", "")
	f(good, "", invoke.Temporary, "it could not be reached: its certificate is not trusted")
	f(good, fmt.Sprintf(`,"tls":{"ca":%q}`, stranger.pem), invoke.Temporary, "it could not be reached: its certificate is not trusted")
	f(issued(&x509.Certificate{IPAddresses: []net.IP{{10, 0, 0, 1}}}), own, invoke.Temporary, "it could not be reached: its certificate is for another host name")
	f(issued(&x509.Certificate{IPAddresses: []net.IP{{127, 0, 0, 1}}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1, 0)}), own,
		invoke.Temporary, "it could not be reached: its certificate has expired, or is not valid yet")
	f(func(c *tls.Config) { good(c); c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 }, own,
		invoke.Temporary, "it could not be reached: TLS failed (tls: protocol version not supported)")
	const wanted = "it wants a client certificate: provider.tls.certificate"
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		f(mutual(version), with(certificate, key), "", "")
		f(mutual(version), with(foreign, foreignKey), invoke.Denied, "it does not accept the client certificate (tls: unknown certificate authority)")
	}
	f(mutual(tls.VersionTLS13), own, invoke.Denied, wanted)
	f(mutual(tls.VersionTLS12), own, invoke.Temporary, "it could not be reached: TLS failed (tls: handshake failure)")
}

// TestWrongProtocol: a server that speaks something else than its URL says.
func TestWrongProtocol(t *testing.T) {
	t.Parallel()
	f := func(scheme, banner string, class invoke.Class, message string) {
		t.Helper()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(c, banner)
				_, _ = c.Read(make([]byte, 1<<10))
				_ = c.Close()
			}
		}()
		c := invoketest.NewCaller(t, invoke.EgressOptions{})
		_, err = c.Call(t.Context(), c.Function("http", fmt.Sprintf(`{"url":"%s://%s"}`, scheme, l.Addr())), invoketest.Event())
		if e := wantError(t, err, class); e.Message != message {
			t.Errorf("%q: got %q, want %q: %v", banner, e.Message, message, e)
		}
	}
	f("https", "HTTP/1.1 400 Bad Request\r\n\r\n", invoke.Invalid, "it does not speak TLS, but its URL begins with https://")
	f("https", "SSH-2.0-OpenSSH\r\n", invoke.Invalid, "it does not speak TLS, but its URL begins with https://")
	f("http", "SSH-2.0-OpenSSH\r\n", invoke.Invalid, "its answer is not HTTP")
	f("http", "\x15\x03\x01\x00\x02\x02\x46", invoke.Invalid, "its answer is not HTTP")
	f("http", "", invoke.Temporary, "it ended the connection before its answer was complete")
	f("https", "", invoke.Temporary, "it ended the connection before its answer was complete")
}

// TestHTTP2Failures: the failures that only HTTP/2 has.
func TestHTTP2Failures(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	e := endpoint{server: func(c *tls.Config) { c.Certificates = []tls.Certificate{a.server()} }}
	f := func(class invoke.Class, message string, answer http.HandlerFunc) {
		t.Helper()
		s := e.secure(t, answer)
		c := invoketest.NewCaller(t, invoke.EgressOptions{})
		_, err := c.Call(t.Context(), c.Function("http", fmt.Sprintf(`{"url":%q,"tls":{"ca":%q}}`, s.URL, a.pem)), invoketest.Event())
		if e := wantError(t, err, class); e.Message != message {
			t.Errorf("got %q, want %q: %v", e.Message, message, e)
		}
	}
	f(invoke.Invalid, "the headers of its answer are larger than 64 KiB", func(w http.ResponseWriter, _ *http.Request) {
		for i := range 65 {
			w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("x", 1<<10))
		}
	})
	f(invoke.Temporary, "the connection to it failed", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	f(invoke.Temporary, "the connection to it failed", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "{")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
}

// TestNoHandshake: a server that takes the request and says nothing is cut off when the time is up.
func TestNoHandshake(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // it accepts nothing, the kernel does
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	for _, scheme := range []string{"http", "https"} {
		_, err := mustOpen(t, httpFunction(t, fmt.Sprintf(`{"url":"%s://%s","timeout":"200ms"}`, scheme, l.Addr())))(t.Context(), payload("{}"))
		wantError(t, err, invoke.Timeout, "it did not answer in time")
	}
}

// TestAnswerBounds: an answer may have as many bytes as the limit says, whether its length is told or not.
func TestAnswerBounds(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{true, false} {
		for _, size := range []int{invoke.MaxAnswer, invoke.MaxAnswer + 1} {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if told {
					w.Header().Set("Content-Length", fmt.Sprint(size))
				}
				_, _ = w.Write(make([]byte, size))
			}))
			a, err := mustOpen(t, httpFunction(t, fmt.Sprintf(`{"url":%q}`, s.URL)))(t.Context(), payload("{}"))
			s.Close()
			if size > invoke.MaxAnswer {
				wantError(t, err, invoke.Invalid, "its answer is larger than 6291456 bytes")
			} else if err != nil || len(a.Body) != size {
				t.Error(told, size, err)
			}
		}
	}
}
