package storetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// TLS checks that a store trusts the ca of its URL and shows the cert. Its server shows the certificate, and wants to see it. load loads
// something, with the files as parameters of the URL.
func TLS(t *testing.T, certFile, keyFile string, load func(files url.Values) error) {
	t.Helper()
	if err := load(url.Values{"ca": {certFile}, "cert": {certFile}, "key": {keyFile}}); err != nil {
		t.Error(err)
	}
	if err := load(url.Values{"cert": {certFile}, "key": {keyFile}}); !errors.Is(err, store.ErrUnusable) || !strings.Contains(err.Error(), "x509") {
		t.Errorf("without ca: got %v, want ErrUnusable for the certificate", err)
	}
	if err := load(url.Values{"ca": {certFile}}); err == nil {
		t.Error("without a certificate of the client: no error")
	}
}

// TLSProxy returns the address of a proxy that takes TLS to a server without. It shows the certificate, and wants to see it.
func TLSProxy(t *testing.T, to, certFile, keyFile string, protocols ...string) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(pair.Leaf)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: protocols,
	})
	if err != nil {
		t.Fatal(err)
	}
	forward(t, l, to, io.Copy, io.Copy)
	return l.Addr().String()
}

// Certificate writes a self-signed certificate for 127.0.0.1, for both sides, and its key.
func Certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert, err1 := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	pkcs8, err2 := x509.MarshalPKCS8PrivateKey(key)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return write("cert", "CERTIFICATE", cert), write("key", "PRIVATE KEY", pkcs8)
}
