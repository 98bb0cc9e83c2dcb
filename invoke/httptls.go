package invoke

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/event-gateway/event-gateway/store"
)

const (
	maxPEM          = 32 << 10 // bytes of one setting
	maxCertificates = 32       // in it
)

// readTLS returns how TLS is spoken with a function, or nil if it has no settings of that. Settings that are not opened may have
// store.Masked in place of the key.
func readTLS(p store.Provider, u *url.URL, opened bool) (*tls.Config, error) {
	if !p.Has("tls") {
		return nil, nil
	}
	if u.Scheme != "https" {
		return nil, errors.New("provider.tls is only for a provider.url that begins with https://")
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if p.Has("tls", "ca") {
		list, err := certificates(p, "ca")
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		for _, authority := range list {
			c.RootCAs.AddCert(authority)
		}
	}
	if p.Has("tls", "certificate") != p.Has("tls", "key") {
		return nil, errors.New("provider.tls.certificate and provider.tls.key must both be there or neither")
	}
	if !p.Has("tls", "certificate") {
		return c, nil
	}
	if _, err := certificates(p, "certificate"); err != nil {
		return nil, err
	}
	if !opened && p.Text("tls", "key") == store.Masked {
		return c, nil
	}
	pair, err := tls.X509KeyPair([]byte(p.Text("tls", "certificate")), []byte(p.Text("tls", "key")))
	if err != nil {
		return nil, errors.New("provider.tls.key must be the key of the first of provider.tls.certificate, as PEM without a password")
	}
	// It goes out whatever authorities the server names: it knows best whether it takes it.
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	return c, nil
}

// certificates returns those of one of the settings below tls, which has nothing else.
func certificates(p store.Provider, name string) ([]*x509.Certificate, error) {
	text := p.Text("tls", name)
	if len(text) > maxPEM {
		return nil, fmt.Errorf("provider.tls.%s has more than %d bytes", name, maxPEM)
	}
	var list []*x509.Certificate
	for rest := text; strings.TrimSpace(rest) != ""; {
		block, after := pem.Decode([]byte(rest))
		if block == nil || block.Type != "CERTIFICATE" || len(list) == maxCertificates {
			return nil, fmt.Errorf("provider.tls.%s must be certificates as PEM, at most %d, and nothing else", name, maxCertificates)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("provider.tls.%s has a certificate that cannot be read", name)
		}
		list, rest = append(list, c), string(after)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("provider.tls.%s has no certificates", name)
	}
	return list, nil
}
