package consul_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/consul"
	"github.com/event-gateway/event-gateway/store/storetest"
)

// TestLayout: other versions of the gateway read and write the same keys.
func TestLayout(t *testing.T) {
	t.Parallel()
	addr := server(t)
	plain := plainClient(t, addr)
	for _, realm := range []store.Realm{"r", store.Shared} {
		for _, prefix := range []string{"", "/other/place/"} {
			s := openWith(t, consul.Options{Endpoints: []string{addr}, Prefix: prefix})
			c := store.Commit{ID: "id", Ops: []store.Op{{Key: "a/b", Value: []byte("x y")}, {Key: "c", Value: []byte{}}}}
			head, err := s.Commit(t.Context(), realm, store.Head{}, c)
			if err != nil {
				t.Fatal(err)
			}
			c.Ops = []store.Op{{Key: "c", Was: 1}, {Key: "d", Value: []byte("z")}}
			if head, err = s.Commit(t.Context(), realm, head, c); err != nil {
				t.Fatal(err)
			}
			entry, _ := c.Encode()
			root := "event-gateway/v1/"
			if prefix != "" {
				root = "other/place/v1/"
			}
			type stored struct {
				value string
				flags uint64
			}
			now := uint64(time.Now().Unix())
			want := map[string]stored{
				"heads/%s":                    {head.String(), 1},
				"log/%s/00000000000000000001": {"", now},
				"log/%s/00000000000000000002": {string(entry), now},
				"records/%s/c1/a/b":           {"x y", 1},
				"records/%s/18/d":             {"z", 2},
			}
			if realm == store.Shared {
				want["heads/%s"] = stored{head.String() + " " + string(entry), 1}
			}
			pairs, _, err := plain.KV().List(root, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := make(map[string]*api.KVPair)
			for _, p := range pairs {
				if strings.Contains(p.Key, "/"+string(realm)) {
					got[p.Key] = p
				}
			}
			if len(got) != len(want) {
				t.Errorf("got %v, want %v", got, want)
			}
			for key, w := range want {
				key = root + fmt.Sprintf(key, realm)
				g := got[key]
				if g == nil || w.value != "" && string(g.Value) != w.value || g.Flags != w.flags && (w.flags != now || now-g.Flags > 60) {
					t.Errorf("%s: got %v, want %v", key, g, w)
				}
			}
		}
	}
	for _, prefix := range []string{"a/../b", "..", "a//b", strings.Repeat("x", 301)} {
		if _, err := consul.Open(consul.Options{Endpoints: []string{addr}, Prefix: prefix}); err == nil {
			t.Errorf("the prefix %q is taken", prefix)
		}
	}
}

func TestHoleInTheLog(t *testing.T) {
	t.Parallel()
	addr := server(t)
	var logged storetest.Buffer
	s := openWith(t, consul.Options{Endpoints: []string{addr}, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	storetest.HoleInTheLog(t, s, func(rev store.Rev) error {
		_, err := plainClient(t, addr).KV().Delete(entryKey("r", rev), nil)
		return err
	})
	if logged.String() != "" {
		t.Errorf("what is usual was logged: %s", logged.String())
	}
}

// TestTrim: commits delete what is old from the log, in small steps, and nothing else.
func TestTrim(t *testing.T) {
	t.Parallel()
	addr := server(t)
	plain := plainClient(t, addr).KV()
	s := open(t, addr)
	w := &storetest.Writer{T: t}
	oldest := func(want store.Rev) {
		t.Helper()
		p, _, err := plain.Get("event-gateway/v1/heads/r", nil)
		if err != nil || p.Flags != uint64(want) {
			t.Errorf("got %v, %v; want a log from revision %d on", p, err, want)
		}
		keys, _, err := plain.Keys("event-gateway/v1/log/r/", "", nil)
		if err != nil || len(keys) != int(w.Head.Rev-want+1) || keys[0] != entryKey("r", want) {
			t.Errorf("got %d entries, %v; want those from %d to %d", len(keys), err, want, w.Head.Rev)
		}
	}
	age := func(from, to store.Rev, age time.Duration) {
		t.Helper()
		for rev := from; rev <= to; rev++ {
			p, _, err := plain.Get(entryKey("r", rev), nil)
			if err == nil {
				p.Flags = uint64(time.Now().Add(-age).Unix())
				_, err = plain.Put(p, nil)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	w.Commit(s, 190)
	age(1, 128, 3*store.LogAge)
	oldest(1)
	w.Commit(s, 1)
	oldest(1) // it was not time to look
	w.Commit(s, 1)
	oldest(65) // 192 is a multiple of 32
	w.Commit(s, 31)
	oldest(65)
	w.Commit(s, 1)
	oldest(129)
	w.Commit(s, 32)
	oldest(129) // the rest is young
	if commits, head, err := s.Changes(t.Context(), "r", 128, 0); len(commits) != 128 || head != w.Head || err != nil {
		t.Errorf("the rest of the log: got %d commits, %v, %v", len(commits), head, err)
	}
	if _, _, err := s.Changes(t.Context(), "r", 127, 0); !errors.Is(err, store.ErrTrimmed) {
		t.Errorf("what was trimmed: got %v, want ErrTrimmed", err)
	}

	// The largest commit while it is time to trim. An entry that claims to come from next year must not stop it for a year.
	age(129, 192, -365*24*time.Hour)
	w.Commit(s, 31)
	oldest(129)
	ops := make([]store.Op, store.MaxOps)
	for i := range ops {
		key := fmt.Sprintf("%d%s", 100+i, strings.Repeat("k", store.MaxKeyBytes-3))
		ops[i] = store.Op{Key: key, Value: []byte(strings.Repeat("\xff", store.MaxCommitBytes/store.MaxOps))}
	}
	w.CommitOps(s, ops)
	oldest(193)
	if items, head, err := s.Load(t.Context(), "r"); len(items) != store.MaxOps+1 || head != w.Head || err != nil {
		t.Errorf("got %d items, %v, %v", len(items), head, err)
	}
}

// TestLargest: the largest commit of a realm with the longest name, under a long prefix, in keys that are not ASCII.
func TestLargest(t *testing.T) {
	t.Parallel()
	addr := server(t)
	plain := plainClient(t, addr).KV()
	prefix := strings.Repeat("prefix/", 40)
	s := openWith(t, consul.Options{Endpoints: []string{addr}, Prefix: prefix})
	realm := store.Realm(strings.Repeat("r", 63))
	var head store.Head
	for range 95 {
		var err error
		if head, err = s.Commit(t.Context(), realm, head, storetest.Commit("k", head.Rev)); err != nil {
			t.Fatal(err)
		}
	}
	// It is time to trim, but there is no room.
	if _, err := plain.Put(&api.KVPair{Key: fmt.Sprintf("%sv1/log/%s/%020d", prefix, realm, 64), Value: []byte("{}"), Flags: 1}, nil); err != nil {
		t.Fatal(err)
	}
	c := store.Commit{ID: "0123456789abcdef-0123456789abcdef-id", Ops: make([]store.Op, store.MaxOps)}
	left := store.MaxCommitBytes
	for i := range c.Ops {
		size := min(left, store.MaxValueBytes)
		left -= size
		value := make([]byte, size)
		c.Ops[i] = store.Op{Key: fmt.Sprintf("%02d%s", i, strings.Repeat("€", 170)), Value: value}
	}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	head, err := s.Commit(t.Context(), realm, head, c)
	if err != nil {
		t.Fatal(err)
	}
	if p, _, err := plain.Get(prefix+"v1/heads/"+string(realm), nil); err != nil || p.Flags != 1 {
		t.Errorf("got %v, %v; want a log from revision 1 on", p, err)
	}
	if items, at, err := s.Load(t.Context(), realm); len(items) != store.MaxOps+1 || at != head || err != nil {
		t.Errorf("Load: got %d items, %v, %v; want %v", len(items), at, err, head)
	}
	if commits, at, err := s.Changes(t.Context(), realm, 95, 0); len(commits) != 1 || at != head || err != nil {
		t.Errorf("Changes: got %d commits, %v, %v; want %v", len(commits), at, err, head)
	}
	// JSON needs six bytes for each byte of such a key, twice.
	for i := range c.Ops {
		c.Ops[i].Key = fmt.Sprintf("%02d%s", i, strings.Repeat("\x01", store.MaxKeyBytes-2))
	}
	if _, err := s.Commit(t.Context(), realm, head, c); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("too large a transaction: got %v, want ErrTooLarge", err)
	}
	c.Ops = []store.Op{{Key: "\xff", Value: []byte("v")}}
	if _, err := s.Commit(t.Context(), realm, head, c); err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("a key that is no UTF-8: got %v", err)
	}
}

// TestBrokenRecords: what cannot be read is left out, or an error of that realm, and harms nothing else.
func TestBrokenRecords(t *testing.T) {
	t.Parallel()
	addr := server(t)
	plain := plainClient(t, addr)
	put := func(key, value string) {
		t.Helper()
		if _, err := plain.KV().Put(&api.KVPair{Key: "event-gateway/v1/" + key, Value: []byte(value)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	head := store.Head{Rev: 1, Digest: 2, Chain: 3}
	put("heads/x", "what?")
	put("heads/y", head.String())
	put("heads/_", head.String()+" {")
	put("heads/huge", store.Head{Rev: math.MaxUint64}.String())
	put("records/y/82/k", "no revision")
	put("records/y/\xff", "")
	put("records/y/ff/large", strings.Repeat("x", 500<<10))
	put("log/y/00000000000000000001", "{")
	var logged storetest.Buffer
	s := openWith(t, consul.Options{Endpoints: []string{addr}, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	if _, _, err := s.Load(t.Context(), "x"); err == nil {
		t.Error("Load of x: no error")
	}
	if _, err := s.Commit(t.Context(), "x", store.Head{}, storetest.Commit("k", 0)); err == nil || errors.Is(err, store.ErrConflict) {
		t.Errorf("Commit of x: %v", err)
	}
	items, at, err := s.Load(t.Context(), "y")
	if err != nil || at != head || len(items) != 3 || items[0].Key != "k" || items[0].Rev != 0 || string(items[0].Value) != "no revision" {
		t.Errorf("Load of y: %d items, %v, %v", len(items), at, err)
	}
	for _, wait := range []time.Duration{0, time.Minute} {
		if _, _, err := s.Changes(t.Context(), "x", 0, wait); err == nil || errors.Is(err, store.ErrTrimmed) {
			t.Errorf("Changes of x: %v", err)
		}
		for _, realm := range []store.Realm{"y", store.Shared, "huge"} {
			if _, _, err := s.Changes(t.Context(), realm, 0, wait); !errors.Is(err, store.ErrTrimmed) {
				t.Errorf("Changes of %s: %v, want ErrTrimmed", realm, err)
			}
		}
	}
	// While the watch runs: keys of nobody, in and beside the places of heads and logs.
	for _, key := range []string{"i", "hi", "log", "log/", "log/x", "log/x/", "log/r/x", "heads", "heads/", "heads/a/b", "heads/\xff", "records/r"} {
		put(key, "x")
	}
	w := &storetest.Writer{T: t}
	f := storetest.Follow(t, s)
	w.Commit(open(t, addr), 1)
	f.Reaches(w)
	moved, err := s.Heads(t.Context(), map[store.Realm]store.Rev{"r": 0, "x": 0}, time.Minute)
	if err != nil || len(moved) != 1 || moved["r"] != w.Head {
		t.Errorf("got %v, %v; want r at %v", moved, err, w.Head)
	}
	if n := strings.Count(logged.String(), "a head that cannot be read\" realm=x"); n != 1 {
		t.Errorf("the broken head was logged %d times, want once", n)
	}
}
