package etcd_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/event-gateway/event-gateway/app/embed"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/etcd"
	"github.com/event-gateway/event-gateway/store/storetest"
)

const timeout = 500 * time.Millisecond // of a request, in these tests

func TestRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	endpoint := storetest.FreeAddr(t)
	start := func() *embed.Server { return serve(t, embed.Options{DataDir: dir, ClientAddr: endpoint}) }
	server := start()
	var logged storetest.Buffer
	s, err := etcd.Open(etcd.Options{Endpoints: []string{endpoint}, Timeout: timeout, Logger: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := &writer{t: t}
	f := startFollower(t, s)
	defer f.stop()

	w.commit(s, 3)
	f.reaches(w)
	for round := range 2 {
		server.Close()
		failsSoon(t, s)
		eventually(t, "the follower is told", func() bool { return f.failures() > round })

		server = start()
		w.commit(open(t, endpoint), 50)
		compact(t, endpoint)
		f.reaches(w)
		w.commit(open(t, endpoint), 1)
		f.reaches(w)
	}
	for _, line := range []string{"etcd is away", "etcd is back"} {
		eventually(t, line+" is logged twice", func() bool { return strings.Count(logged.String(), line) >= 2 })
	}
}

// failsSoon checks that each call fails while the database is away, well before its wait is over.
func failsSoon(t *testing.T, s *etcd.Store) {
	t.Helper()
	fails := func(name string, call func() error) {
		t.Helper()
		begin := time.Now()
		err := call()
		if err == nil || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrTrimmed) {
			t.Errorf("%s: got %v, want the database to be away", name, err)
		}
		if took := time.Since(begin); took > timeout+3*time.Second {
			t.Errorf("%s: failed after %v", name, took)
		}
	}
	fails("Load", func() error { _, _, err := s.Load(t.Context(), "r"); return err })
	fails("Changes", func() error { _, _, err := s.Changes(t.Context(), "r", 3, 0); return err })
	fails("Changes, waiting", func() error { _, _, err := s.Changes(t.Context(), "r", 3, time.Minute); return err })
	fails("Heads", func() error { _, err := s.Heads(t.Context(), map[store.Realm]store.Rev{"r": 0}, 0); return err })
	fails("Heads, waiting", func() error {
		_, err := s.Heads(t.Context(), map[store.Realm]store.Rev{"r": 0}, time.Minute)
		return err
	})
	fails("Commit", func() error { _, err := s.Commit(t.Context(), "r", store.Head{}, commit("k", 0)); return err })
}

func TestStartsBeforeItsDatabase(t *testing.T) {
	t.Parallel()
	endpoint := storetest.FreeAddr(t)
	var stores []*etcd.Store
	for _, user := range []string{"", "user"} {
		s, err := etcd.Open(etcd.Options{Endpoints: []string{endpoint}, Timeout: timeout, Username: user, Password: user})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		stores = append(stores, s)
		begin := time.Now()
		_, _, err = s.Load(t.Context(), "r")
		if took := time.Since(begin); took < timeout || took > 15*time.Second {
			t.Errorf("failed after %v, want %v", took, timeout)
		}
		if want := "etcd at " + endpoint + " does not answer: "; err == nil || !strings.HasPrefix(err.Error(), want) ||
			!strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "\n") {
			t.Errorf("user %q: got %v, want %s...connection refused", user, err, want)
		}
	}
	impatient, cancel := context.WithTimeout(t.Context(), timeout/10)
	defer cancel()
	if _, _, err := stores[0].Load(impatient, "r"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller whose own time is over: got %v", err)
	}
	serve(t, embed.Options{DataDir: t.TempDir(), ClientAddr: endpoint})
	for _, s := range stores {
		eventually(t, "the database is found", func() bool {
			_, _, err := s.Load(t.Context(), "r")
			return err == nil
		})
	}
}

// TestSilence cuts the connection so that neither side is told.
func TestSilence(t *testing.T) {
	t.Parallel()
	p := startProxy(t, server(t))
	s := open(t, p.addr)
	f := &writer{t: t}
	f.commit(s, 1)
	if _, _, err := s.Changes(t.Context(), "r", 1, 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	p.silence()
	begin := time.Now()
	_, _, err := s.Changes(t.Context(), "r", 1, time.Minute)
	if took := time.Since(begin); err == nil || took > 25*time.Second {
		t.Errorf("after %v: got %v, want an error within 25 seconds", took, err)
	}
}

// writer commits to realm r.
type writer struct {
	t    *testing.T
	head store.Head
	ids  []string
}

func commit(key string, was store.Rev) store.Commit {
	return store.Commit{ID: "id", Ops: []store.Op{{Key: key, Was: was, Value: []byte("v")}}}
}

func (w *writer) commit(s *etcd.Store, n int) {
	w.t.Helper()
	for range n {
		c := commit("k", w.head.Rev)
		c.ID = "id-" + w.head.String()
		head, err := s.Commit(w.t.Context(), "r", w.head, c)
		if err != nil {
			w.t.Fatal(err)
		}
		w.head, w.ids = head, append(w.ids, c.ID)
	}
}

// follower waits for changes of realm r, again and again.
type follower struct {
	t      *testing.T
	cancel context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	ids    []string
	failed int
}

func startFollower(t *testing.T, s *etcd.Store) *follower {
	ctx, cancel := context.WithCancel(t.Context())
	f := &follower{t: t, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(f.done)
		after := store.Rev(0)
		for ctx.Err() == nil {
			commits, head, err := s.Changes(ctx, "r", after, time.Minute)
			if err == nil {
				after = head.Rev
			}
			f.mu.Lock()
			for _, c := range commits {
				f.ids = append(f.ids, c.ID)
			}
			if err != nil {
				f.failed++
			}
			f.mu.Unlock()
		}
	}()
	return f
}

func (f *follower) stop() {
	f.cancel()
	<-f.done
}

func (f *follower) failures() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// reaches waits until the follower has all commits of the writer, each once and in order.
func (f *follower) reaches(w *writer) {
	f.t.Helper()
	eventually(f.t, "the follower has all commits", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.Equal(f.ids, w.ids)
	})
}

// compact has etcd forget all revisions but the newest.
func compact(t *testing.T, endpoint string) {
	t.Helper()
	c := plainClient(t, endpoint)
	r, err := c.Get(t.Context(), "any")
	if err == nil {
		_, err = c.Compact(t.Context(), r.Header.Revision, clientv3.WithCompactPhysical())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// proxy forwards TCP connections until it falls silent.
type proxy struct {
	addr   string
	silent chan struct{}
}

func startProxy(t *testing.T, to string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), silent: make(chan struct{})}
	forward(t, l, to, p.silent)
	return p
}

func (p *proxy) silence() { close(p.silent) }

// forward accepts connections, and copies what they send, until the test ends. Once silent is closed it swallows all.
func forward(t *testing.T, l net.Listener, to string, silent <-chan struct{}) {
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
			for _, ends := range [][2]net.Conn{{a, b}, {b, a}} {
				wg.Go(func() {
					io.Copy(unlessSilent{ends[0], silent}, ends[1])
					ends[0].Close()
				})
			}
		}
	})
}

type unlessSilent struct {
	io.Writer
	silent <-chan struct{}
}

func (w unlessSilent) Write(p []byte) (int, error) {
	select {
	case <-w.silent:
		return len(p), nil
	default:
		return w.Writer.Write(p)
	}
}
