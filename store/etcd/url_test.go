package etcd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store/etcd"
)

func parse(t *testing.T, raw string) (etcd.Options, error) {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return etcd.ParseURL(u, "")
}

func TestParseURL(t *testing.T) {
	t.Parallel()
	good := func(raw string, want etcd.Options) {
		t.Helper()
		if got, err := parse(t, raw); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v; want %+v", raw, got, err, want)
		}
	}
	good("etcd://h1", etcd.Options{Endpoints: []string{"h1:2379"}})
	good("etcd://h1:1/", etcd.Options{Endpoints: []string{"h1:1"}})
	good("etcd://h1:1,h2:2,h3:3/a/b/?timeout=1500ms", etcd.Options{Endpoints: []string{"h1:1", "h2:2", "h3:3"}, Prefix: "/a/b", Timeout: 1500 * time.Millisecond})
	good("etcd://[::1]:7", etcd.Options{Endpoints: []string{"[::1]:7"}})
	good("etcd://[::1]", etcd.Options{Endpoints: []string{"[::1]:2379"}})
	good("etcd://me:pa%2Fss@h1", etcd.Options{Endpoints: []string{"h1:2379"}, Username: "me", Password: "pa/ss"})

	bad := func(raw, want string) {
		t.Helper()
		_, err := parse(t, raw)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want %q", raw, err, want)
		}
	}
	bad("http://me:secret@h1", "no URL of this kind")
	bad("etcd:h1", "no URL of this kind")
	bad("etcd://", "no host")
	bad("etcd://h1,,h2", "no host")
	bad("etcd://h1#x", "no URL of this kind")
	bad("etcd://me@h1", "a name and a password")
	bad("etcd://me:secret@h1?prefix=x", `"prefix" is unknown`)
	bad("etcd://me:secret@h1?timeout=3", "timeout: it is no duration")
	bad("etcd://me:secret@h1?timeout=-3s", "timeout: it is no duration")
	bad("etcd://me:secret@h1?timeout=3s&timeout=4s", "twice")
	bad("etcd://me:secret@h1?a=%zz", "the parameters cannot be read")
	bad("etcd://me:secret@h1?ca=/does/not/exist", "no such file")
	bad("etcd://me:secret@h1?ca=url_test.go", "holds no certificate")
	bad("etcd://me:secret@h1?cert=url_test.go", "together")
	bad("etcd://me:secret@h1?cert=url_test.go&key=url_test.go", "PEM")
}

func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	pair, pool := certificate(t, certFile, keyFile)

	// In front of a server without TLS.
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{"h2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	forward(t, l, server(t), nil)
	load := func(query string) error {
		o, err := parse(t, "etcd://"+l.Addr().String()+"?timeout=2s&"+query)
		if err != nil {
			t.Fatal(err)
		}
		s, err := etcd.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		_, _, err = s.Load(t.Context(), "r")
		return err
	}
	files := url.Values{"ca": {certFile}, "cert": {certFile}, "key": {keyFile}}
	if err := load(files.Encode()); err != nil {
		t.Error(err)
	}
	files.Del("ca")
	if err := load(files.Encode()); err == nil || !strings.Contains(err.Error(), "x509") {
		t.Errorf("without ca: got %v, want the certificate to be refused", err)
	}
}

// certificate writes a self-signed certificate for 127.0.0.1.
func certificate(t *testing.T, certFile, keyFile string) (tls.Certificate, *x509.CertPool) {
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
	der, err1 := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	pkcs8, err2 := x509.MarshalPKCS8PrivateKey(key)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	pair, err3 := tls.X509KeyPair(certPEM, keyPEM)
	if err1, err2 = os.WriteFile(certFile, certPEM, 0o600), os.WriteFile(keyFile, keyPEM, 0o600); err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return pair, pool
}
