package zookeeper_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest"
	"github.com/event-gateway/event-gateway/store/zookeeper"
)

// TestLayout: other versions of the gateway read and write the same nodes.
func TestLayout(t *testing.T) {
	t.Parallel()
	addr := server(t)
	plain := plainClient(t, addr)
	for _, prefix := range []string{"", "/other/place/"} {
		s := openWith(t, zookeeper.Options{Endpoints: []string{addr}, Prefix: prefix})
		c := store.Commit{ID: "id", Ops: []store.Op{
			{Key: "a/b", Value: []byte("x y")}, {Key: "..", Value: []byte{}}, {Key: "ü %2f", Value: []byte("z")},
		}}
		head, err := s.Commit(t.Context(), "r", store.Head{}, c)
		if err != nil {
			t.Fatal(err)
		}
		entry, _ := c.Encode()
		root := "/event-gateway/v1/"
		if prefix != "" {
			root = "/other/place/v1/"
		}
		want := map[string]string{
			root + "heads": "", root + "heads/r": head.String(), root + "heads/r/" + strings.ReplaceAll(head.String(), " ", "-"): "",
			root + "log": "", root + "log/r": "", root + "log/r/00000000000000000001": string(entry),
			root + "records": "", root + "records/r": "",
			root + "records/r/078": "", root + "records/r/078/a%2Fb": "1 x y",
			root + "records/r/12a": "", root + "records/r/12a/%2E%2E": "1 ",
			root + "records/r/3a6": "", root + "records/r/3a6/%C3%BC%20%252f": "1 z",
		}
		got := tree(t, plain, strings.TrimSuffix(root, "/"))
		delete(got, strings.TrimSuffix(root, "/"))
		if !maps.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		for path := range want {
			if acl, _, err := plain.GetACL(path); err != nil || !reflect.DeepEqual(acl, zk.WorldACL(zk.PermAll)) {
				t.Errorf("%s: %v, %v", path, acl, err)
			}
		}
	}
}

// tree reads a node and all below it.
func tree(t testing.TB, c *zk.Conn, path string) map[string]string {
	t.Helper()
	data, _, err := c.Get(path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	all := map[string]string{path: string(data)}
	names, _, err := c.Children(path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for _, name := range names {
		maps.Copy(all, tree(t, c, path+"/"+name))
	}
	return all
}

// remove deletes a node and all below it.
func remove(t testing.TB, c *zk.Conn, path string) {
	t.Helper()
	names, _, err := c.Children(path)
	for _, name := range names {
		remove(t, c, path+"/"+name)
	}
	if err == nil {
		err = c.Delete(path, -1)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// put writes a node, and makes those that it is in.
func put(t testing.TB, c *zk.Conn, path, value string) {
	t.Helper()
	for i := range path {
		if i > 0 && path[i] == '/' {
			if _, err := c.Create(path[:i], nil, 0, zk.WorldACL(zk.PermAll)); err != nil && !errors.Is(err, zk.ErrNodeExists) {
				t.Fatalf("%s: %v", path[:i], err)
			}
		}
	}
	_, err := c.Create(path, []byte(value), 0, zk.WorldACL(zk.PermAll))
	if errors.Is(err, zk.ErrNodeExists) {
		_, err = c.Set(path, []byte(value), -1)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

const root = "/event-gateway/v1/"

// TestBrokenRecords: what cannot be read is left out, or an error of that realm, and harms nothing else.
func TestBrokenRecords(t *testing.T) {
	t.Parallel()
	addr := server(t)
	plain := plainClient(t, addr)
	head := store.Head{Rev: 1, Digest: 2, Chain: 3}
	put(t, plain, root+"heads/x", "what?")
	put(t, plain, root+"heads/y", head.String())
	put(t, plain, root+"log/y/00000000000000000001", "{")
	put(t, plain, root+"records/y/078/a%2Fb", "no revision")
	for _, stray := range []string{"078/a", "078/%61", "078/%zz", "078/a%2fb", "78/a%2Fb", "07A/a%2Fb", "zzz/a", "400/a", "a", "078/a%2Fb/below"} {
		put(t, plain, root+"records/y/"+stray, "1 x")
	}
	s := open(t, addr)
	if _, _, err := s.Load(t.Context(), "x"); err == nil {
		t.Error("Load of x: no error")
	}
	items, at, err := s.Load(t.Context(), "y")
	if err != nil || at != head || len(items) != 1 || items[0].Key != "a/b" || items[0].Rev != 0 || string(items[0].Value) != "no revision" {
		t.Errorf("Load of y: %v, %v, %v", items, at, err)
	}
	if _, err := s.Commit(t.Context(), "x", store.Head{}, storetest.Commit("k", 0)); err == nil || errors.Is(err, store.ErrConflict) {
		t.Errorf("Commit to x: %v", err)
	}
	for _, wait := range []time.Duration{0, time.Minute} {
		if _, _, err := s.Changes(t.Context(), "x", 0, wait); err == nil || errors.Is(err, store.ErrTrimmed) {
			t.Errorf("Changes of x: %v", err)
		}
		if _, _, err := s.Changes(t.Context(), "y", 0, wait); !errors.Is(err, store.ErrTrimmed) {
			t.Errorf("Changes of y: %v, want ErrTrimmed", err)
		}
	}
	// While the watch runs: nodes of nobody, in and beside the places of heads and logs.
	for _, path := range []string{"i", "log/x", "log/x/y", "heads/a/b", "heads/%zz", "items"} {
		put(t, plain, root+path, "x")
	}
	w := &storetest.Writer{T: t}
	f := storetest.Follow(t, s)
	w.Commit(open(t, addr), 1)
	f.Reaches(w)
	put(t, plain, root+"heads/x", strings.Repeat("x", 100_000))
	moved, err := s.Heads(t.Context(), map[store.Realm]store.Rev{"r": 0, "x": 0}, time.Minute)
	if err != nil || len(moved) != 1 || moved["r"] != w.Head {
		t.Errorf("got %v, %v; want r at %v", moved, err, w.Head)
	}
	if realms, err := s.Realms(t.Context()); err != nil || len(realms) != 4 {
		t.Errorf("got %v, %v; want a, r, x and y", realms, err)
	}
}

// TestCommitMeetsStrangers: a commit lands whatever somebody else has made or deleted.
func TestCommitMeetsStrangers(t *testing.T) {
	t.Parallel()
	addr := server(t)
	plain := plainClient(t, addr)
	s := open(t, addr)
	w := &storetest.Writer{T: t}
	w.Commit(s, 2)
	const item = root + "records/r/3c6/k"
	if got := tree(t, plain, item); got[item] != "2 v" {
		t.Fatalf("the test is wrong: %q", got)
	}
	for name, break_ := range map[string]func(){
		"the item is gone":          func() { remove(t, plain, item) },
		"the items are gone":        func() { remove(t, plain, root+"records") },
		"the log is gone":           func() { remove(t, plain, root+"log") },
		"the next entry is there":   func() { put(t, plain, fmt.Sprintf(root+"log/r/%020d", w.Head.Rev+1), "x") },
		"the mark is gone":          func() { remove(t, plain, root+"heads/r/"+strings.ReplaceAll(w.Head.String(), " ", "-")) },
		"the head was made again":   func() { remove(t, plain, root+"heads/r"); put(t, plain, root+"heads/r", w.Head.String()) },
		"an item that no one wrote": func() { put(t, plain, root+"records/r/12a/%2E%2E", "x") },
	} {
		break_()
		c := storetest.Commit("k", w.Head.Rev)
		c.ID = name
		c.Ops = append(c.Ops, store.Op{Key: ".."}, store.Op{Key: "new " + name, Value: []byte("v")}, store.Op{Key: "never", Was: 1})
		if name == "an item that no one wrote" {
			c.Ops[1].Value = []byte("ours")
		}
		head, err := s.Commit(t.Context(), "r", w.Head, c)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		w.Head = head
		if got := tree(t, plain, item)[item]; got != fmt.Sprintf("%d v", head.Rev) {
			t.Errorf("%s: the item is %q", name, got)
		}
		if commits, at, err := s.Changes(t.Context(), "r", head.Rev-1, 0); len(commits) != 1 || commits[0].ID != name || at != head || err != nil {
			t.Errorf("%s: got %v, %v, %v", name, commits, at, err)
		}
		if marks, _, err := plain.Children(root + "heads/r"); len(marks) != 1 || err != nil {
			t.Errorf("%s: there are %v, %v; want one mark", name, marks, err)
		}
	}
	remove(t, plain, root+"heads/r")
	if _, err := s.Commit(t.Context(), "r", w.Head, storetest.Commit("k", w.Head.Rev)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the realm is gone: got %v", err)
	}
	// It is made again, on top of what is left of it.
	if head, err := s.Commit(t.Context(), "r", store.Head{}, storetest.Commit("k", 0)); head.Rev != 1 || err != nil {
		t.Errorf("the realm is made again: got %v, %v", head, err)
	}
	remove(t, plain, "/event-gateway")
	if head, err := s.Commit(t.Context(), "r", store.Head{}, storetest.Commit("k", 0)); head.Rev != 1 || err != nil {
		t.Errorf("all was gone: got %v, %v", head, err)
	}
}

// TestSetBack: what a session remembers of a head is not believed when somebody has put another one in its place.
func TestSetBack(t *testing.T) {
	t.Parallel()
	addr := server(t)
	plain := plainClient(t, addr)
	s, reader, other := open(t, addr), open(t, addr), open(t, addr)
	w, again := &storetest.Writer{T: t}, &storetest.Writer{T: t}
	w.Commit(s, 2)
	checks := func(name string, now store.Head) {
		t.Helper()
		if _, head, err := reader.Changes(t.Context(), "r", now.Rev, 0); head != now || err != nil {
			t.Errorf("%s: Changes: got %v, %v; want %v", name, head, err, now)
		}
	}
	checks("before", w.Head)

	// The realm is made again, with as many commits.
	remove(t, plain, root+"heads/r")
	for i := range 2 {
		c := storetest.Commit("k", again.Head.Rev)
		c.ID = fmt.Sprint("other ", i)
		head, err := other.Commit(t.Context(), "r", again.Head, c)
		if err != nil {
			t.Fatal(err)
		}
		again.Head = head
	}
	if _, err := s.Commit(t.Context(), "r", w.Head, storetest.Commit("k", 2)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("Commit to another past: %v, want ErrConflict", err)
	}
	checks("made again", again.Head)

	// Somebody puts an old head over the new one, and leaves the rest.
	w.Head = again.Head
	w.Commit(s, 1)
	checks("one more", w.Head)
	put(t, plain, root+"heads/r", again.Head.String())
	if _, err := s.Commit(t.Context(), "r", w.Head, storetest.Commit("k", 2)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("Commit to a future that is over: %v, want ErrConflict", err)
	}
	put(t, plain, root+"heads/r", again.Head.String())
	checks("set back", again.Head)
	w.Head = again.Head
	w.Commit(s, 1)
	checks("after it", w.Head)
}

func TestHoleInTheLog(t *testing.T) {
	t.Parallel()
	addr := server(t)
	storetest.HoleInTheLog(t, open(t, addr), func(rev store.Rev) error {
		return plainClient(t, addr).Delete(fmt.Sprintf(root+"log/r/%020d", rev), -1)
	})
}
