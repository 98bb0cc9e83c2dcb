package zookeeper_test

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
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/zookeeper"
)

func parse(t *testing.T, raw string) (zookeeper.Options, error) {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return zookeeper.ParseURL(u, "from-outside")
}

func TestParseURL(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("pass\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := func(raw string, want zookeeper.Options) {
		t.Helper()
		if got, err := parse(t, raw); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v; want %+v", raw, got, err, want)
		}
	}
	good("zookeeper://h1", zookeeper.Options{Endpoints: []string{"h1:2181"}})
	good("zookeeper://[::1]", zookeeper.Options{Endpoints: []string{"[::1]:2181"}})
	good("zookeeper://h1,h2:2/a/b/?timeout=1500ms&session=4s",
		zookeeper.Options{Endpoints: []string{"h1:2181", "h2:2"}, Prefix: "/a/b", Timeout: 1500 * time.Millisecond, Session: 4 * time.Second})
	good("zookeeper://me:pa%2Fss@h1", zookeeper.Options{Endpoints: []string{"h1:2181"}, Username: "me", Password: "pa/ss"})
	good("zookeeper://me@h1", zookeeper.Options{Endpoints: []string{"h1:2181"}, Username: "me", Password: "from-outside"})
	good("zookeeper://me@h1?password-file="+secret, zookeeper.Options{Endpoints: []string{"h1:2181"}, Username: "me", Password: "pass"})

	bad := func(raw, want string) {
		t.Helper()
		_, err := parse(t, raw)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want %q", raw, err, want)
		}
	}
	bad("etcd://me:secret@h1", "no URL of this kind")
	bad("zookeeper://", "no host")
	bad("zookeeper://:secret@h1", "a name and a password")
	bad("zookeeper://me:secret@h1?prefix=x", `"prefix" is unknown`)
	bad("zookeeper://me:secret@h1?session=3", "session: it is no duration")
	bad("zookeeper://me:secret@h1//a", "is no prefix")
	bad("zookeeper://me:secret@h1/a/../b", "is no prefix")
	bad("zookeeper://me:secret@h1/a%20b", "is no prefix")
	one := []string{"h1:2181"}
	for _, o := range []zookeeper.Options{
		{}, {Endpoints: one, Prefix: "relative"}, {Endpoints: one, Session: time.Millisecond}, {Endpoints: one, Session: 1000 * time.Hour},
	} {
		if _, err := zookeeper.Open(o); err == nil {
			t.Errorf("Open of %+v: no error", o)
		}
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	pair, pool := certificate(t, certFile, keyFile)

	// In front of a server without TLS.
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	})
	if err != nil {
		t.Fatal(err)
	}
	forward(t, l, server(t), io.Copy)
	use := func(query string) error {
		o, err := parse(t, "zookeeper://"+l.Addr().String()+"?timeout=2s&"+query)
		if err != nil {
			t.Fatal(err)
		}
		s := openWith(t, o)
		if _, _, err = s.Load(t.Context(), "r"); err == nil {
			version, err := s.Inspect(t.Context())
			if err != nil || version != "ZooKeeper 3.8.0" {
				t.Errorf("got %q, %v", version, err)
			}
		}
		return err
	}
	files := url.Values{"ca": {certFile}, "cert": {certFile}, "key": {keyFile}}
	if err := use(files.Encode()); err != nil {
		t.Error(err)
	}
	files.Del("ca")
	if err := use(files.Encode()); err == nil || !strings.Contains(err.Error(), "x509") {
		t.Errorf("without ca: got %v, want the certificate to be refused", err)
	}
	if err := use(url.Values{"ca": {certFile}}.Encode()); err == nil {
		t.Error("without a certificate of the client: no error")
	}
}

// TestOtherServer: something else answers there.
func TestOtherServer(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"HTTP":       "HTTP/1.1 400 Bad Request\r\n\r\n",
		"nothing":    "",
		"no session": "\x00\x00\x00\x25" + strings.Repeat("\x00", 37),
		"large frame": "\x00\x00\x00\x25\x00\x00\x00\x00\x00\x00\x0f\xff\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x10" +
			strings.Repeat("\x00", 17) + "\x7f\xff\xff\xff",
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var server sync.WaitGroup
		server.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				io.ReadFull(c, make([]byte, 48)) // what the client wants of a session
				io.WriteString(c, answer)
				c.Close()
			}
		})
		s := openWith(t, zookeeper.Options{Endpoints: []string{l.Addr().String()}, Timeout: timeout})
		_, _, err = s.Load(t.Context(), "r")
		if err == nil || errors.Is(err, store.ErrUnusable) != (name == "HTTP") || !strings.Contains(err.Error(), l.Addr().String()) {
			t.Errorf("%s: got %v", name, err)
		}
		t.Logf("%s: %v", name, err)
		l.Close()
		server.Wait()
	}
}

// forward accepts connections, and has the copiers copy what they send, until the test ends.
func forward(t *testing.T, l net.Listener, to string, fromClient func(io.Writer, io.Reader) (int64, error)) {
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { l.Close() })
	wg.Go(func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", to)
			if err != nil {
				a.Close()
				continue
			}
			t.Cleanup(func() { a.Close(); b.Close() })
			wg.Go(func() { fromClient(b, a); b.Close() })
			wg.Go(func() { io.Copy(a, b); a.Close() })
		}
	})
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
