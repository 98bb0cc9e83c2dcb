package zookeeper_test

import (
	"errors"
	"io"
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
	"github.com/event-gateway/event-gateway/store/storetest"
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
	bad("zookeeper://me:secret@h1//a", "none that prefixes can have")
	bad("zookeeper://me:secret@h1/a/../b", "none that prefixes can have")
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
	cert, key := storetest.Certificate(t)
	addr := storetest.TLSProxy(t, server(t), cert, key)
	storetest.TLS(t, cert, key, func(files url.Values) error {
		o, err := parse(t, "zookeeper://"+addr+"?timeout=2s&"+files.Encode())
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
	})
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
