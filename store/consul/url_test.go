package consul_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store/consul"
	"github.com/event-gateway/event-gateway/store/storetest"
)

func parse(t *testing.T, raw, secret string) (consul.Options, error) {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return consul.ParseURL(u, secret)
}

func TestParseURL(t *testing.T) {
	t.Parallel()
	tokenFile := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(tokenFile, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := func(raw, secret string, want consul.Options) {
		t.Helper()
		if got, err := parse(t, raw, secret); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v; want %+v", raw, got, err, want)
		}
	}
	good("consul://h1", "", consul.Options{Endpoints: []string{"h1:8500"}})
	good("consul://h1,h2:2/a/b/?timeout=1500ms&dc=east", "",
		consul.Options{Endpoints: []string{"h1:8500", "h2:2"}, Prefix: "/a/b", Timeout: 1500 * time.Millisecond, Datacenter: "east"})
	good("consul://:to%2Fken@[::1]", "other", consul.Options{Endpoints: []string{"[::1]:8500"}, Token: "to/ken"})
	good("consul://h1", "token", consul.Options{Endpoints: []string{"h1:8500"}, Token: "token"})
	good("consul://h1?token-file="+tokenFile, "other", consul.Options{Endpoints: []string{"h1:8500"}, Token: "from-file"})

	bad := func(raw, want string) {
		t.Helper()
		_, err := parse(t, raw, "")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want %q", raw, err, want)
		}
	}
	bad("http://:secret@h1", "no URL of this kind")
	bad("consul://", "no host")
	bad("consul://secret@h1", "a token is written with a colon before it")
	bad("consul://secret:secret@h1", "a token is written with a colon before it")
	bad("consul://:secret@h1?token=x", `"token" is unknown`)
	bad("consul://:secret@h1?token-file=x", "a password and a token-file")
	bad("consul://h1?token-file=/does/not/exist", "no such file")
}

// TestTLS: Consul itself asks for a certificate of the client.
func TestTLS(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	addr := storetest.FreeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	server(t, fmt.Sprintf(`
		ports { https = %s }
		tls { https { ca_file = %q, cert_file = %q, key_file = %q, verify_incoming = true } }`, port, cert, cert, key))
	load := func(files url.Values) error {
		o, err := parse(t, "consul://"+addr+"?timeout=5s&"+files.Encode(), "")
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = openWith(t, o).Load(t.Context(), "r")
		return err
	}
	if err := load(url.Values{"ca": {cert}, "cert": {cert}, "key": {key}}); err != nil {
		t.Error(err)
	}
	if err := load(url.Values{"cert": {cert}, "key": {key}}); err == nil || !strings.Contains(err.Error(), "x509") {
		t.Errorf("without ca: got %v, want the certificate to be refused", err)
	}
	if err := load(url.Values{"ca": {cert}}); err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("without a certificate: got %v, want it to be required", err)
	}
	if err := load(nil); err == nil || !strings.Contains(err.Error(), "HTTPS") {
		t.Errorf("without TLS: got %v, want Consul to say that it is HTTPS", err)
	}
}

// certificate writes a self-signed certificate for 127.0.0.1, for both sides, and its key.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert, err1 := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	pkcs8, err2 := x509.MarshalPKCS8PrivateKey(key)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return write("cert", "CERTIFICATE", cert), write("key", "PRIVATE KEY", pkcs8)
}
