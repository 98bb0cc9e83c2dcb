package storetest

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// Server is one that can be killed and started again.
type Server struct {
	Name string // of the database, in the log
	// Open returns a client, which is closed when the test ends. Its requests end after the timeout.
	Open        func(timeout time.Duration, log *slog.Logger) store.Database
	Kill, Start func()
	Compact     func() // has the database forget its past, if it keeps one, else nil
}

// Restart kills a server twice. Who follows it has all commits afterwards, and the log says when it was away.
func Restart(t *testing.T, server Server) {
	const timeout = time.Second
	var logged Buffer
	s := server.Open(timeout, slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	w, f := &Writer{T: t}, Follow(t, s)
	write := func(n int) {
		t.Helper()
		w.Commit(server.Open(20*timeout, slog.New(slog.DiscardHandler)), n) // the machine may be busy
	}
	write(3)
	f.Reaches(w)
	for round := range 2 {
		before := f.Failures()
		server.Kill()
		Away(t, s, w.Head.Rev, timeout, "")
		Eventually(t, "the follower is told", func() bool { return f.Failures() > before })

		server.Start()
		write(50)
		if server.Compact != nil {
			server.Compact()
		}
		f.Reaches(w)
		write(1)
		f.Reaches(w)
		for _, line := range []string{server.Name + " is away", server.Name + " is back"} {
			Eventually(t, line+" is logged each time, and not again and again", func() bool {
				n := strings.Count(logged.String(), line)
				return n > round && n <= 2*(round+1)
			})
		}
	}
}

// Away checks that each call fails while the database is away, well before its wait is over, with an error that says why on one line. Realm "r"
// is at the revision.
func Away(t *testing.T, s store.Database, at store.Rev, timeout time.Duration, why string) {
	t.Helper()
	all := calls(s, single, at)
	all["Inspect"] = func(ctx context.Context) error {
		_, err := s.Inspect(ctx)
		return err
	}
	all["Realms"] = func(ctx context.Context) error {
		_, err := s.Realms(ctx)
		return err
	}
	for name, call := range all {
		began := time.Now()
		err := call(t.Context())
		if took := time.Since(began); took > timeout+3*time.Second {
			t.Errorf("%s: failed after %v", name, took)
		}
		switch {
		case err == nil || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrTrimmed) || errors.Is(err, store.ErrUnusable):
			t.Errorf("%s: got %v, want the database to be away", name, err)
		case !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: got %v, want %q", name, err, why)
		}
	}
}
