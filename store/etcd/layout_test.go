package etcd_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/etcd"
	"github.com/event-gateway/event-gateway/store/storetest"
)

// TestLayout: other versions of the gateway read and write the same keys.
func TestLayout(t *testing.T) {
	t.Parallel()
	endpoint := server(t)
	plain := plainClient(t, endpoint)
	for _, prefix := range []string{"", "/other/"} {
		s := openWith(t, etcd.Options{Endpoints: []string{endpoint}, Prefix: prefix})
		c := store.Commit{ID: "id", Ops: []store.Op{{Key: "a/b", Value: []byte("x y")}, {Key: "c", Value: []byte{}}}}
		head, err := s.Commit(t.Context(), "r", store.Head{}, c)
		if err != nil {
			t.Fatal(err)
		}
		entry, _ := c.Encode()
		root := "/event-gateway/v1/"
		if prefix != "" {
			root = "/other/v1/"
		}
		want := map[string]string{
			root + "heads/r": head.String(), root + "log/r/00000000000000000001": string(entry),
			root + "records/r/a/b": "1 x y", root + "records/r/c": "1 ",
		}
		r, err := plain.Get(t.Context(), root, clientv3.WithPrefix())
		if err != nil || len(r.Kvs) != len(want) {
			t.Fatalf("got %v, %v; want %v", r, err, want)
		}
		for _, kv := range r.Kvs {
			key := string(kv.Key)
			if string(kv.Value) != want[key] {
				t.Errorf("%s: got %q, want %q", key, kv.Value, want[key])
			}
			if isLog := strings.Contains(key, "/log/"); isLog != (kv.Lease != 0) {
				t.Errorf("%s: has lease %d", key, kv.Lease)
			} else if isLog {
				ttl, err := plain.TimeToLive(t.Context(), clientv3.LeaseID(kv.Lease))
				if err != nil || time.Duration(ttl.GrantedTTL)*time.Second != 2*store.LogAge {
					t.Errorf("%s: lease %v, %v; want %v", key, ttl, err, 2*store.LogAge)
				}
			}
		}
	}
}

func TestLostLease(t *testing.T) {
	t.Parallel()
	endpoint := server(t)
	plain := plainClient(t, endpoint)
	s := open(t, endpoint)
	w := &storetest.Writer{T: t}
	w.Commit(s, 2)
	leases, err := plain.Leases(t.Context())
	if err != nil || len(leases.Leases) != 1 {
		t.Fatalf("got %v, %v; want one lease for all commits", leases, err)
	}
	if _, err := plain.Revoke(t.Context(), leases.Leases[0].ID); err != nil {
		t.Fatal(err)
	}
	w.Commit(s, 1)
	if _, _, err := s.Changes(t.Context(), "r", 1, 0); !errors.Is(err, store.ErrTrimmed) {
		t.Errorf("of the lost entries: got %v, want ErrTrimmed", err)
	}
	if commits, head, err := s.Changes(t.Context(), "r", 2, 0); len(commits) != 1 || head != w.Head || err != nil {
		t.Errorf("of the new entry: got %v, %v, %v", commits, head, err)
	}
}

func TestHoleInTheLog(t *testing.T) {
	t.Parallel()
	endpoint := server(t)
	storetest.HoleInTheLog(t, open(t, endpoint), func(rev store.Rev) error {
		_, err := plainClient(t, endpoint).Delete(t.Context(), fmt.Sprintf("/event-gateway/v1/log/r/%020d", rev))
		return err
	})
}

// TestBrokenRecords: what cannot be read is left out, or an error of that realm, and harms nothing else.
func TestBrokenRecords(t *testing.T) {
	t.Parallel()
	endpoint := server(t)
	plain := plainClient(t, endpoint)
	put := func(key, value string) {
		t.Helper()
		if _, err := plain.Put(t.Context(), "/event-gateway/v1/"+key, value); err != nil {
			t.Fatal(err)
		}
	}
	head := store.Head{Rev: 1, Digest: 2, Chain: 3}
	put("heads/x", "what?")
	put("heads/y", head.String())
	put("records/y/k", "no revision")
	put("log/y/00000000000000000001", "{")
	s := open(t, endpoint)
	if _, _, err := s.Load(t.Context(), "x"); err == nil {
		t.Error("Load of x: no error")
	}
	items, at, err := s.Load(t.Context(), "y")
	if err != nil || at != head || len(items) != 1 || items[0].Rev != 0 || string(items[0].Value) != "no revision" {
		t.Errorf("Load of y: %v, %v, %v", items, at, err)
	}
	for _, wait := range []time.Duration{0, time.Minute} {
		if _, _, err := s.Changes(t.Context(), "x", 0, wait); err == nil || errors.Is(err, store.ErrTrimmed) {
			t.Errorf("Changes of x: %v", err)
		}
		if _, _, err := s.Changes(t.Context(), "y", 0, wait); !errors.Is(err, store.ErrTrimmed) {
			t.Errorf("Changes of y: %v, want ErrTrimmed", err)
		}
	}
	// While the watch runs: keys of nobody, in and beside the places of heads and logs.
	for _, key := range []string{"i", "hi", "log", "log/", "log/x", "log/x/", "log//", "heads/", "heads/a/b", "items"} {
		put(key, "x")
	}
	w := &storetest.Writer{T: t}
	f := storetest.Follow(t, s)
	w.Commit(open(t, endpoint), 1)
	f.Reaches(w)
	moved, err := s.Heads(t.Context(), map[store.Realm]store.Rev{"r": 0, "x": 0}, time.Minute)
	if err != nil || len(moved) != 1 || moved["r"] != w.Head {
		t.Errorf("got %v, %v; want r at %v", moved, err, w.Head)
	}
}

func TestUser(t *testing.T) {
	t.Parallel()
	endpoint := server(t)
	plain := plainClient(t, endpoint)
	ctx := t.Context()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(plain.UserAdd(ctx, "root", "root"))
	must(plain.UserGrantRole(ctx, "root", "root"))
	must(plain.RoleAdd(ctx, "gateway"))
	const all = "/event-gateway/v1/"
	must(plain.RoleGrantPermission(ctx, "gateway", all, clientv3.GetPrefixRangeEnd(all), clientv3.PermissionType(clientv3.PermReadWrite)))
	must(plain.UserAdd(ctx, "me", "right"))
	must(plain.UserGrantRole(ctx, "me", "gateway"))
	must(plain.AuthEnable(ctx))

	login := func(password string) *etcd.Store {
		return openWith(t, etcd.Options{Endpoints: []string{endpoint}, Username: "me", Password: password, Timeout: 30 * time.Second})
	}
	s := login("right")
	w := &storetest.Writer{T: t}
	f := storetest.Follow(t, s)
	w.Commit(s, 3)
	f.Reaches(w)
	if items, head, err := s.Load(ctx, "r"); len(items) != 1 || head != w.Head || err != nil {
		t.Errorf("got %v, %v, %v", items, head, err)
	}
	if n := f.Failures(); n != 0 {
		t.Errorf("the follower failed %d times", n)
	}
	if _, _, err := login("wrong-secret").Load(ctx, "r"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a wrong password: got %v", err)
	} else {
		t.Log(err)
	}
}
