package embed_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/event-gateway/event-gateway/app/embed"
	"github.com/event-gateway/event-gateway/store/storetest"
)

func TestMain(m *testing.M) {
	// The two that etcd leaves behind in TestBrokenData.
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/event-gateway/event-gateway/app/embed.(*failure).OnWrite"), // etcds that failed
		goleak.IgnoreTopFunction("go.etcd.io/etcd/server/v3/storage/backend.(*backend).run"),
		goleak.IgnoreTopFunction("go.etcd.io/etcd/server/v3/storage/wal.(*filePipeline).run"))
}

func TestKeepsData(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "data")

	s := start(t, embed.Options{DataDir: dir})
	put(t, s, "k", "v")
	first := s.Endpoint()
	s.Close()

	if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("the data directory: %v, %v; want a mode of 0700", fi, err)
	}
	if l, err := net.Listen("tcp", first); err == nil { // so that the port is another one; or somebody else has it already
		defer l.Close()
	}
	s = start(t, embed.Options{DataDir: dir})
	if got := get(t, s, "k"); got != "v" || s.Endpoint() == first {
		t.Errorf("started again at %s, first at %s: got %q, want %q", s.Endpoint(), first, got, "v")
	}
	s.Close()
}

func TestClientAddr(t *testing.T) {
	t.Parallel()
	good := func(addr, host string) {
		t.Helper()
		s := start(t, embed.Options{DataDir: t.TempDir(), ClientAddr: addr})
		defer s.Close()
		if got, _, _ := net.SplitHostPort(s.Endpoint()); got != host {
			t.Errorf("%q: serves at %s, want host %s", addr, s.Endpoint(), host)
		}
		put(t, s, "k", "v")
	}
	good("", "127.0.0.1")
	good("127.0.0.1:0", "127.0.0.1")
	good("localhost:0", "127.0.0.1")
	good("http://127.0.0.1:0/", "127.0.0.1")
	good(":0", "127.0.0.1")

	bad := func(addr, want string) {
		t.Helper()
		if s, err := embed.Start(t.Context(), embed.Options{DataDir: t.TempDir(), ClientAddr: addr}); err == nil {
			s.Close()
			t.Errorf("%q: no error", addr)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %q, want %q", addr, err, want)
		}
	}
	bad("127.0.0.1", "host:port")
	bad("https://127.0.0.1:0", "host:port")
	bad("http://127.0.0.1:0/x", "host:port")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	bad(l.Addr().String(), "address already in use")
}

// TestPeerAddr: peers are listened for only where that was asked for.
func TestPeerAddr(t *testing.T) {
	addr := storetest.FreeAddr(t)
	s, err := embed.Start(t.Context(), embed.Options{DataDir: t.TempDir(), PeerAddr: addr, UnsafeNoFsync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestDataDirInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inUse := func(by string) {
		t.Helper()
		s, err := embed.Start(t.Context(), embed.Options{DataDir: dir, Patience: 200 * time.Millisecond})
		if err == nil {
			s.Close()
			t.Fatalf("in use by %s: no error", by)
		}
		if want := "another process is using the data directory " + dir; err.Error() != want {
			t.Errorf("in use by %s: got %q, want %q", by, err, want)
		}
	}

	first := start(t, embed.Options{DataDir: dir})
	inUse("a gateway")
	put(t, first, "k", "v")
	first.Close()

	db, err := bbolt.Open(filepath.Join(dir, "member", "snap", "db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	inUse("an etcd")
	time.AfterFunc(200*time.Millisecond, func() { db.Close() })
	start(t, embed.Options{DataDir: dir}).Close() // waits for it
}

// TestDataDirInUseFromTheStart has two make the data at once.
func TestDataDirInUseFromTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	started := make(chan *embed.Server, 2)
	for range 2 {
		go func() {
			s, err := embed.Start(t.Context(), embed.Options{DataDir: dir, Patience: time.Second, UnsafeNoFsync: true})
			if err != nil && !strings.Contains(err.Error(), "another process is using") {
				t.Error(err)
			}
			started <- s
		}()
	}
	running := 0
	for range 2 {
		select {
		case s := <-started:
			if s != nil {
				running++
				defer s.Close()
			}
		case <-time.After(30 * time.Second):
			t.Error("still starting")
		}
	}
	if running != 1 {
		t.Errorf("%d servers run on one directory", running)
	}
}

func TestBrokenData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, embed.Options{DataDir: dir}).Close()
	if err := os.WriteFile(filepath.Join(dir, "member", "snap", "db"), bytes.Repeat([]byte("x"), 1<<16), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := func(want string) {
		t.Helper()
		s, err := embed.Start(t.Context(), embed.Options{DataDir: dir})
		if err == nil {
			s.Close()
			t.Fatalf("no error, want %q", want)
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want %q", err, want)
		}
	}
	broken("invalid database")

	// etcd panics on this one.
	dir = t.TempDir()
	start(t, embed.Options{DataDir: dir}).Close()
	wals, _ := filepath.Glob(filepath.Join(dir, "member", "wal", "*.wal"))
	for _, w := range wals {
		if err := os.WriteFile(w, bytes.Repeat([]byte("x"), 1<<16), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	broken("it cannot read the data in " + dir)
}

// TestEmptyDatabase: what a start that was cut off leaves does not stop the next one.
func TestEmptyDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "member", "snap"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "member", "snap", "db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, embed.Options{DataDir: dir}).Close()
}

func TestEndedContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := embed.Start(ctx, embed.Options{DataDir: dir}); err == nil {
		s.Close()
		t.Error("no error")
	} else if !errors.Is(err, context.Canceled) {
		t.Errorf("got %q, want context.Canceled", err)
	}
	start(t, embed.Options{DataDir: dir}).Close() // the directory is free
}

func TestCloseIsQuickAndQuiet(t *testing.T) {
	t.Parallel()
	var out storetest.Buffer
	s, err := embed.Start(t.Context(), embed.Options{DataDir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&out, nil)), UnsafeNoFsync: true})
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, s)
	<-c.Watch(t.Context(), "k", clientv3.WithCreatedNotify())

	begin := time.Now()
	s.Close()
	s.Close()
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("Close took %v while a client was watching", took)
	}
	if out.String() != "" {
		t.Errorf("logged:\n%s", out.String())
	}
}

func start(t *testing.T, o embed.Options) *embed.Server {
	t.Helper()
	o.UnsafeNoFsync = true
	begin := time.Now()
	s, err := embed.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("started in %v", time.Since(begin))
	return s
}

func dial(t *testing.T, s *embed.Server) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{s.Endpoint()}, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func put(t *testing.T, s *embed.Server, key, value string) {
	t.Helper()
	if _, err := dial(t, s).Put(t.Context(), key, value); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s *embed.Server, key string) string {
	t.Helper()
	r, err := dial(t, s).Get(t.Context(), key)
	if err != nil || len(r.Kvs) != 1 {
		t.Fatalf("%s: %v, %v", key, r, err)
	}
	return string(r.Kvs[0].Value)
}
