package backend_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store/backend"
)

func TestUntrusted(t *testing.T) {
	t.Parallel()
	// check connects to a server, and does so until one side refuses the other.
	check := func(name string, want bool, change func(server, client *tls.Config)) {
		t.Helper()
		server := httptest.NewUnstartedServer(nil)
		defer server.Close()
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.TLS = new(tls.Config)
		client := &tls.Config{ServerName: "example.com", RootCAs: x509.NewCertPool()}
		server.StartTLS()
		client.RootCAs.AddCert(server.Certificate())
		change(server.TLS, client)
		c, err := tls.Dial("tcp", server.Listener.Addr().String(), client)
		if err == nil {
			_, err = c.Read(make([]byte, 1)) // where TLS 1.3 tells that the client is refused
			c.Close()
		}
		err = fmt.Errorf("wrapped: %w", err)
		if backend.Untrusted(err) != want || backend.UntrustedText(err.Error()) != want {
			t.Errorf("%s: want %t: %v", name, want, err)
		}
	}
	check("an unknown authority", true, func(_, client *tls.Config) { client.RootCAs = nil })
	check("another host", true, func(_, client *tls.Config) { client.ServerName = "elsewhere" })
	check("an expired certificate", true, func(_, client *tls.Config) {
		client.Time = func() time.Time { return time.Now().AddDate(1000, 0, 0) }
	})
	check("no certificate of the client", true, func(server, _ *tls.Config) { server.ClientAuth = tls.RequireAnyClientCert })
	check("no certificate of the client, TLS 1.2", true, func(server, client *tls.Config) {
		server.ClientAuth, client.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12
	})
	check("a server in trouble", false, func(server, _ *tls.Config) {
		server.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return nil, errors.New("the certificate cannot be read")
		}
	})
	for _, err := range []error{nil, io.EOF, context.DeadlineExceeded, errors.New("tls: first record does not look like a TLS handshake")} {
		if backend.Untrusted(err) {
			t.Errorf("%v counts", err)
		}
	}
}
