package etcd_test

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/etcd"
)

// TestUntrusted: waiting does not help against the certificate of an authority that is not known.
func TestUntrusted(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	defer server.Close()
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	s, err := etcd.Open(etcd.Options{Endpoints: []string{server.Listener.Addr().String()}, TLS: new(tls.Config), Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, _, err := s.Load(t.Context(), "r"); !errors.Is(err, store.ErrUnusable) || !strings.Contains(err.Error(), "x509: ") {
		t.Errorf("got %v", err)
	}
}
