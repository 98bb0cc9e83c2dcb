package backend_test

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

func TestParseURL(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := errors.Join(os.WriteFile(file, []byte("filed\n"), 0o600), os.WriteFile(empty, []byte(" \n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	mode := ""
	parse := func(raw string) (backend.Location, error) {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		mode = ""
		return backend.ParseURL(u, backend.Form{
			Scheme: "db", Port: "77", Secret: "set", File: "password-file",
			Parameters: map[string]func(string) error{"mode": func(v string) error {
				if mode = v; v != "a" {
					return errors.New("it must be a")
				}
				return nil
			}},
		})
	}
	good := func(raw string, want backend.Location) {
		t.Helper()
		got, err := parse(raw)
		if secure := got.TLS != nil; secure != strings.Contains(raw, "tls=true") {
			t.Errorf("%s: TLS is %t", raw, secure)
		}
		if got.TLS = nil; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v; want %+v", raw, got, err, want)
		}
	}
	good("db://h", backend.Location{Hosts: []string{"h:77"}})
	good("db://h/a/b//?tls=true", backend.Location{Hosts: []string{"h:77"}, Path: "/a/b"})
	good("db://[::1]", backend.Location{Hosts: []string{"[::1]:77"}})
	good("db://g,h:1?timeout=2s&tls=false&mode=a", backend.Location{Hosts: []string{"g:77", "h:1"}, Timeout: 2 * time.Second})
	good("db://me:own@h", backend.Location{Hosts: []string{"h:77"}, Username: "me", Password: "own"})
	good("db://me@h", backend.Location{Hosts: []string{"h:77"}, Username: "me", Password: "set"})
	good("db://me@h?password-file="+file, backend.Location{Hosts: []string{"h:77"}, Username: "me", Password: "filed"})
	if _, err := parse("db://h?mode=a"); mode != "a" || err != nil {
		t.Errorf("mode is %q, %v", mode, err)
	}

	bad := func(raw, want string) {
		t.Helper()
		if _, err := parse(raw); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: got %v, want %q", raw, err, want)
		}
	}
	bad("etcd://me:hidden@h", "no URL of this kind")
	bad("db:h", "no URL of this kind")
	bad("db://me:hidden@h?password-file="+file, "a password and a password-file")
	bad("db://me@h?password-file="+empty, "is empty")
	bad("db://me@h?password-file=/does/not/exist", "no such file")
	bad("db://me:hidden@h?x=y", `"x" is unknown: there are ca, cert, key, mode, password-file, timeout, tls`)
	bad("db://me:hidden@h?mode=b", "mode: it must be a")
	bad("db://me:hidden@h?tls=yes", "tls: it can be true or false")
	bad("db://me:hidden@h?tls=true&tls=true", "twice")
	bad("db://:hidden@h", "a user needs a name")
	bad("db://h?password-file="+file, "a user needs a name")
	bad("db://me@h?password=hidden", `"password" is unknown`)
	bad("db://me:1/hidden@h", "%2F stands for /")
	bad("db://h//a", "neither an empty part")
	bad("db://h/a/../b", "neither an empty part")
	bad("db://me:1#hidden@h", "%23 for #")
	bad("db://me:1?hidden@h", `"..." is unknown`)
	bad("db://h?mode=hidden", "mode: it must be a")
	bad("db://h?%hidden", "the parameters cannot be read")
}

// TestParseNames: a store that is found by a name alone has no ports, nor TLS settings.
func TestParseNames(t *testing.T) {
	t.Parallel()
	for raw, good := range map[string]bool{"db://table": true, "db://": false, "db://table:1": false, "db://table?tls=true": false, "db://table?timeout=1s": true} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if l, err := backend.ParseURL(u, backend.Form{Scheme: "db"}); (err == nil) != good || good && l.Hosts[0] != "table" {
			t.Errorf("%s: got %+v, %v", raw, l, err)
		}
	}
}

func TestAtLeast(t *testing.T) {
	t.Parallel()
	for version, good := range map[string]bool{"3.4.0": true, "3.10.1": true, "4.0": true, "3.3.27": false, "2.9.9": false, "": true, "dev": true} {
		name, err := backend.AtLeast("db", version, 3, 4)
		if (err == nil) != good || !good && !errors.Is(err, store.ErrUnusable) || good && name != "db "+version {
			t.Errorf("%s: got %q, %v", version, name, err)
		}
	}
}
