package zookeeper_test

import (
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/go-zookeeper/zk"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest"
	"github.com/event-gateway/event-gateway/store/zookeeper"
)

// TestUser: the operator has made the prefix for one user, and locked the rest.
func TestUser(t *testing.T) {
	t.Parallel()
	addr := server(t)
	plain := plainClient(t, addr)
	if err := plain.AddAuth("digest", []byte("root:root")); err != nil {
		t.Fatal(err)
	}
	acl := zk.DigestACL(zk.PermAll, "me", "right")
	if _, err := plain.Create("/gateway", nil, 0, acl); err != nil {
		t.Fatal(err)
	}
	if _, err := plain.SetACL("/", zk.AuthACL(zk.PermAll), -1); err != nil {
		t.Fatal(err)
	}
	login := func(user, password string, log *slog.Logger) *zookeeper.Store {
		return openWith(t, zookeeper.Options{Endpoints: []string{addr}, Prefix: "/gateway", Username: user, Password: password, Logger: log})
	}
	var logged storetest.Buffer
	s := login("me", "right", slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	w := &storetest.Writer{T: t}
	f := storetest.Follow(t, s)
	w.Commit(s, 3)
	f.Reaches(w)
	if items, head, err := s.Load(t.Context(), "r"); len(items) != 1 || head != w.Head || err != nil {
		t.Errorf("got %v, %v, %v", items, head, err)
	}
	if version, err := s.Inspect(t.Context()); version != "ZooKeeper 3.8.0" || err != nil {
		t.Errorf("got %q, %v", version, err)
	}
	if n := f.Failures(); n != 0 {
		t.Errorf("the follower failed %d times", n)
	}
	if err := plain.AddAuth("digest", []byte("me:right")); err != nil {
		t.Fatal(err)
	}
	for path := range tree(t, plain, "/gateway/v1") {
		if got, _, err := plain.GetACL(path); err != nil || !reflect.DeepEqual(got, acl) {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}

	for _, s := range []*zookeeper.Store{login("me", "wrong-secret", nil), login("", "", nil)} {
		refused := func(name string, err error) {
			t.Helper()
			if !errors.Is(err, store.ErrUnusable) || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), addr) {
				t.Errorf("%s: got %v, want ErrUnusable", name, err)
			}
		}
		_, _, err := s.Load(t.Context(), "r")
		refused("Load", err)
		t.Log(err)
		_, _, err = s.Changes(t.Context(), "r", 0, 0)
		refused("Changes", err)
		_, _, err = s.Changes(t.Context(), "r", 1, long)
		refused("Changes, waiting", err)
		_, err = s.Heads(t.Context(), map[store.Realm]store.Rev{"r": 0}, 0)
		refused("Heads", err)
		_, err = s.Commit(t.Context(), "r", w.Head, storetest.Commit("k", w.Head.Rev))
		refused("Commit", err)
		_, err = s.Commit(t.Context(), "other", store.Head{}, storetest.Commit("k", 0))
		refused("Commit to another realm", err)
		_, err = s.Inspect(t.Context())
		refused("Inspect", err)
		_, err = s.Realms(t.Context())
		refused("Realms", err)
	}
	// A realm that may not be read does no harm to others.
	if _, err := plain.Create("/gateway/v1/heads/locked", nil, 0, zk.DigestACL(zk.PermAll, "other", "other")); err != nil {
		t.Fatal(err)
	}
	w.Commit(s, 1)
	f.Reaches(w)
	moved, err := s.Heads(t.Context(), map[store.Realm]store.Rev{"r": 0, "locked": 7}, 0)
	if err != nil || len(moved) != 1 || moved["r"] != w.Head {
		t.Errorf("got %v, %v", moved, err)
	}
	if _, _, err := s.Changes(t.Context(), "locked", 7, long); !errors.Is(err, store.ErrUnusable) {
		t.Errorf("got %v", err)
	}
	for range 10 {
		w.Commit(s, 1)
		f.Reaches(w)
	}
	if log := logged.String(); log != "" {
		t.Errorf("logged: %s", log)
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	s := open(t, server(t))
	if version, err := s.Inspect(t.Context()); version != "ZooKeeper 3.8.0" || err != nil {
		t.Errorf("got %q, %v", version, err)
	}
}
