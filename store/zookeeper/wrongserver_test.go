package zookeeper_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/zookeeper"
)

// TestWrongServer: one of several servers is a mistake. The store cannot be used only if all are.
func TestWrongServer(t *testing.T) {
	t.Parallel()
	good := server(t)
	web := peer{greeting: strings.Repeat("p", 200)}.start(t)
	refuses := peer{greeting, map[int32]func(string) string{
		auth: func(number string) string { return number + strings.Repeat("\x00", 8) + "\xff\xff\xff\x8d" },
	}}.start(t)
	const away = "127.0.0.1:1"
	load := func(addrs ...string) error {
		s := openWith(t, zookeeper.Options{Endpoints: addrs, Timeout: 2 * timeout, Username: "user", Password: "secret"})
		_, _, err := s.Load(t.Context(), "r")
		return err
	}
	for range 8 { // each begins with another one
		if err := load(web, good); err != nil {
			t.Errorf("beside one that is no ZooKeeper: %v", err)
		}
		if err := load(refuses, good, web); err != nil {
			t.Errorf("beside two, of which one refuses the login: %v", err)
		}
	}
	for range 3 {
		if err := load(web, away, refuses); err == nil || errors.Is(err, store.ErrUnusable) || !strings.Contains(err.Error(), "does not answer") {
			t.Errorf("one is just away: got %v", err)
		}
	}
	for _, addrs := range [][]string{{web}, {refuses}, {web, refuses}, {refuses, web, web}} {
		err := load(addrs...)
		if !errors.Is(err, store.ErrUnusable) || strings.Contains(err.Error(), "secret") {
			t.Errorf("all are wrong: got %v, want ErrUnusable", err)
		}
		t.Log(err)
	}
}

// TestUntrusted: TLS will not get better by waiting.
func TestUntrusted(t *testing.T) {
	t.Parallel()
	l := httptest.NewUnstartedServer(nil)
	l.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	l.Config.ErrorLog = log.New(io.Discard, "", 0)
	l.StartTLS()
	t.Cleanup(l.Close)
	pool := x509.NewCertPool()
	pool.AddCert(l.Certificate())
	for want, c := range map[string]*tls.Config{
		"unknown authority":    {},
		"wrong.invalid":        {RootCAs: pool, ServerName: "wrong.invalid"},
		"certificate required": {RootCAs: pool},
		"handshake failure":    {RootCAs: pool, MaxVersion: tls.VersionTLS12},
	} {
		s := openWith(t, zookeeper.Options{Endpoints: []string{l.Listener.Addr().String()}, TLS: c, Timeout: 2 * timeout})
		_, _, err := s.Load(t.Context(), "r")
		if !errors.Is(err, store.ErrUnusable) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want ErrUnusable, %q", err, want)
		}
		t.Log(err)
	}
}
