package store_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/memory"
	"github.com/event-gateway/event-gateway/store/storetest"
)

// moody is a store of which no reads succeed while there is an error.
type moody struct {
	store.Store
	err atomic.Pointer[error]
}

func (m *moody) be(err error) { m.err.Store(&err) }

func (m *moody) now() error {
	if err := m.err.Load(); err != nil {
		return *err
	}
	return nil
}

func (m *moody) Load(ctx context.Context, realm store.Realm) ([]store.Item, store.Head, error) {
	if err := m.now(); err != nil {
		return nil, store.Head{}, err
	}
	return m.Store.Load(ctx, realm)
}

func (m *moody) Changes(ctx context.Context, realm store.Realm, after store.Rev, wait time.Duration) ([]store.Commit, store.Head, error) {
	if err := m.now(); err != nil {
		return nil, store.Head{}, err
	}
	commits, head, err := m.Store.Changes(ctx, realm, after, wait)
	if now := m.now(); now != nil {
		return nil, store.Head{}, now
	}
	return commits, head, err
}

func (m *moody) Heads(ctx context.Context, known map[store.Realm]store.Rev, wait time.Duration) (map[store.Realm]store.Head, error) {
	if err := m.now(); err != nil {
		return nil, err
	}
	moved, err := m.Store.Heads(ctx, known, wait)
	if now := m.now(); now != nil {
		return nil, now
	}
	return moved, err
}

// TestAwayIsTold: the log has a line when the store is away, one when it answers and refuses, and one within two seconds after it is back, also if
// nothing has changed meanwhile.
func TestAwayIsTold(t *testing.T) {
	both(t, func(t *testing.T, hosted bool, realm store.Realm) {
		m := &moody{Store: memory.New()}
		subscribe(t, m.Store, realm, "acme", "/a")
		logged := &storetest.Buffer{}
		rules := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil)
		m.be(errDown)
		r := store.NewRealms(m, rules, store.RealmsOptions{Hosted: hosted, Max: 10}, slog.New(slog.NewTextHandler(logged, nil)))
		defer run(r)()
		seen := ""
		tells := func(within time.Duration, lines ...string) {
			t.Helper()
			time.Sleep(within)
			said := strings.TrimPrefix(logged.String(), seen)
			seen = logged.String()
			missing := strings.Count(said, "\n") != len(lines)
			for _, line := range lines {
				missing = missing || !strings.Contains(said, line)
			}
			if missing {
				t.Errorf("after %v it says\n%s, want a line with each of %q", within, said, lines)
			}
		}
		tells(time.Minute, "connection refused")
		m.be(fmt.Errorf("%w: there is no such table", store.ErrUnusable))
		tells(time.Minute, "there is no such table")
		m.be(nil)
		tells(2*time.Second, "is back")
		request(t, r, realm, "/a")
		tells(time.Minute)
		m.be(errDown)
		tells(time.Minute, "connection refused")
		m.be(nil)
		tells(2*time.Second, "is back")
	})
}
