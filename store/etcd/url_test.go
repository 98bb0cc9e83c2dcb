package etcd_test

import (
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store/etcd"
	"github.com/event-gateway/event-gateway/store/storetest"
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
	cert, key := storetest.Certificate(t)
	addr := storetest.TLSProxy(t, server(t), cert, key, "h2")
	storetest.TLS(t, cert, key, func(files url.Values) error {
		o, err := parse(t, "etcd://"+addr+"?timeout=2s&"+files.Encode())
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = openWith(t, o).Load(t.Context(), "r")
		return err
	})
}
