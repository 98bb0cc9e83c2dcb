package consul_test

import (
	"fmt"
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
	cert, key := storetest.Certificate(t)
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
	storetest.TLS(t, cert, key, load)
	if err := load(url.Values{"ca": {cert}}); err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("without a certificate: got %v, want it to be required", err)
	}
	if err := load(nil); err == nil || !strings.Contains(err.Error(), "HTTPS") {
		t.Errorf("without TLS: got %v, want Consul to say that it is HTTPS", err)
	}
}
