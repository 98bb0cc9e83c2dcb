package dynamodb_test

import (
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store/dynamodb"
)

func parse(t *testing.T, raw, secret string) (dynamodb.Options, error) {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return dynamodb.ParseURL(u, secret)
}

func TestParseURL(t *testing.T) {
	t.Parallel()
	good := func(raw string, want dynamodb.Options) {
		t.Helper()
		if got, err := parse(t, raw, "from-outside"); err != nil || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", raw, got, err, want)
		}
	}
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("of a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	good("dynamodb://gateway", dynamodb.Options{Table: "gateway"})
	good("dynamodb://My_table.1-a/?region=eu-west-1&timeout=1500ms&poll=5s&profile=prod", dynamodb.Options{
		Table: "My_table.1-a", Region: "eu-west-1", Timeout: 1500 * time.Millisecond, Poll: 5 * time.Second, Profile: "prod",
	})
	good("dynamodb://gateway?endpoint=http://localhost:8000", dynamodb.Options{Table: "gateway", Endpoint: "http://localhost:8000"})
	good("dynamodb://gateway?endpoint=https%3A%2F%2F%5B%3A%3A1%5D%3A7%2F", dynamodb.Options{Table: "gateway", Endpoint: "https://[::1]:7/"})
	good("dynamodb://AKIA:pa%2Fss@gateway", dynamodb.Options{Table: "gateway", Username: "AKIA", Password: "pa/ss"})
	good("dynamodb://AKIA@gateway", dynamodb.Options{Table: "gateway", Username: "AKIA", Password: "from-outside"})
	good("dynamodb://AKIA@gateway?password-file="+url.QueryEscape(file), dynamodb.Options{Table: "gateway", Username: "AKIA", Password: "of a file"})

	bad := func(raw, want string) {
		t.Helper()
		_, err := parse(t, raw, "")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "wrong-secret") {
			t.Errorf("%s: got %v, want %q", raw, err, want)
		}
	}
	bad("http://me:wrong-secret@gateway", "no URL of this kind")
	bad("dynamodb:gateway", "no URL of this kind")
	bad("dynamodb://", "is no name")
	bad("dynamodb://me:wrong-secret@gateway:8000", "is no name")
	bad("dynamodb://me:wrong-secret@gateway,other", "one table only")
	bad("dynamodb://me:wrong-secret@ab", "not the name of a table")
	bad("dynamodb://me:wrong-secret@ga$teway", "not the name of a table")
	bad("dynamodb://me:wrong-secret@gateway/prefix", "a table has no path")
	bad("dynamodb://me@gateway", "a user needs a name and a password")
	bad("dynamodb://:wrong-secret@gateway", "a user needs a name and a password")
	bad("dynamodb://me:wrong-secret@gateway?table=x", `"table" is unknown`)
	bad("dynamodb://me:wrong-secret@gateway?ca=x", `"ca" is unknown`)
	bad("dynamodb://me:wrong-secret@gateway?poll=0s", "poll: it is no duration")
	bad("dynamodb://me:wrong-secret@gateway?region=evil.example/", "not the name of a region")
	bad("dynamodb://me:wrong-secret@gateway?region=", "not the name of a region")
	bad("dynamodb://me:wrong-secret@gateway?endpoint=localhost:8000", "not a URL")
	bad("dynamodb://me:wrong-secret@gateway?endpoint=http://localhost/path", "not a URL")
	bad("dynamodb://me:wrong-secret@gateway?profile=", "not the name of a profile")
}

// TestTLS: the certificates that AWS_CA_BUNDLE names are trusted.
func TestTLS(t *testing.T) {
	server := start(t)
	to, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(to))
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	front.StartTLS()
	defer front.Close()
	load := func() error {
		s := impatient(t, front.URL)
		_, _, err := s.Load(t.Context(), "r")
		return err
	}
	if err := load(); err == nil || !strings.Contains(err.Error(), "x509") {
		t.Errorf("got %v, want the certificate to be refused", err)
	}
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", bundle)
	if err := load(); err != nil {
		t.Error(err)
	}
}
