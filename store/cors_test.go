package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/memory"
	"github.com/event-gateway/event-gateway/store/route"
)

func (i *instance) cors(space, method, path string) error {
	c, err := i.rules.DecodeCORS(fmt.Appendf(nil, `{"method":%q,"path":%q}`, method, path), space)
	if err == nil {
		_, err = i.config.CreateCORS(context.Background(), c)
	}
	return err
}

// TestCORS: of each space the most specific record for a request is found, and no other.
func TestCORS(t *testing.T) {
	t.Parallel()
	i := newInstance(t, memory.New())
	if got := i.live.Snapshot().CORSOf("GET", "/a"); got != nil {
		t.Error("a realm without records has", got)
	}
	for _, r := range []string{"aaa GET /a", "aaa GET /:x", "aaa GET /*r", "aaa POST /a", "bbb GET /*all", "bbb GET /b/:x", "ccc GET /%61", "ddd GET /a/"} {
		w := strings.Fields(r)
		if err := i.cors(w[0], w[1], w[2]); err != nil {
			t.Fatal(err)
		}
	}
	f := func(method, path string, want ...string) {
		t.Helper()
		s := i.live.Snapshot()
		var got []string
		for _, c := range s.CORSOf(method, path) {
			got = append(got, c.Space+" "+c.Path)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("CORSOf(%s, %s) is %q, want %q", method, path, got, want)
		}
		for _, space := range []string{"aaa", "bbb", "ccc", "ddd", "eee"} {
			one, n := s.CORS(space, method, path), slices.IndexFunc(want, func(w string) bool { return strings.HasPrefix(w, space+" ") })
			if n < 0 && one != nil || n >= 0 && (one == nil || one.Space+" "+one.Path != want[n]) {
				t.Errorf("CORS(%s, %s, %s) is %+v, want one of %q", space, method, path, one, want)
			}
		}
	}
	f("GET", "/a", "aaa /a", "bbb /*all", "ccc /%61")
	f("GET", "/b", "aaa /:x", "bbb /*all")
	f("GET", "/b/c", "aaa /*r", "bbb /b/:x")
	f("GET", "/a/", "aaa /*r", "bbb /*all", "ddd /a/")
	f("POST", "/a", "aaa /a")
	f("POST", "/b")
	f("GET", "/")
	if _, err := i.config.DeleteCORS(t.Context(), "aaa", "GET%2Fa", nil); err != nil {
		t.Fatal(err)
	}
	f("GET", "/a", "aaa /:x", "bbb /*all", "ccc /%61")
	if _, err := i.config.DeleteCORS(t.Context(), "ccc", "GET%2F%2561", nil); err != nil {
		t.Fatal(err)
	}
	f("GET", "/a", "aaa /:x", "bbb /*all")
	if n := i.live.Snapshot().Counts(); n["aaa"].CORS != 3 || n["bbb"].CORS != 2 || n["ccc"].CORS != 0 {
		t.Error(n)
	}
	if s := i.live.Snapshot(); !s.HasSpace("ddd") || s.HasSpace("ccc") {
		t.Error("a space with a CORS record is not there, or one is that has nothing")
	}
}

// TestCORSAgainstRecords: after any changes, the look-ups find what a search through all records finds, in a fresh snapshot as well.
func TestCORSAgainstRecords(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 2))
	t.Logf("seed %d", seed)
	m := memory.New()
	i := newInstance(t, m)
	spaces := []string{"aaa", "bbb", "ccc", "ddd"}
	for range 500 {
		space := spaces[random.IntN(len(spaces))]
		if random.IntN(3) > 0 {
			path := []string{"/", "/a", "/:x", "/:y", "/a/:y", "/*z", "/:x/b", "/a/b", "/%61"}[random.IntN(9)]
			_ = i.cors(space, []string{"GET", "POST"}[random.IntN(2)], path) // or refused
			continue
		}
		for c := range i.live.Snapshot().CORSRecords(space) {
			if random.IntN(3) == 0 {
				if _, err := i.config.DeleteCORS(t.Context(), space, c.ID, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	fresh := newInstance(t, m)
	for _, s := range []*store.Snapshot{i.live.Snapshot(), fresh.live.Snapshot()} {
		for _, method := range []string{"GET", "POST", "PUT"} {
			for _, path := range []string{"/", "/a", "/b", "/a/b", "/b/b", "/a/b/c"} {
				checkCORS(t, s, spaces, method, path)
			}
		}
	}
	for _, space := range spaces {
		for c := range i.live.Snapshot().CORSRecords(space) {
			if _, err := i.config.DeleteCORS(t.Context(), space, c.ID, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := i.live.Snapshot().CORSOf("GET", "/a"); got != nil {
		t.Error("all were deleted, and found is", got)
	}
}

func checkCORS(t *testing.T, s *store.Snapshot, spaces []string, method, path string) {
	t.Helper()
	var want []string
	for _, space := range spaces {
		e := route.Tree[*store.CORS]{}.Edit()
		for c := range s.CORSRecords(space) {
			p, err := route.ParsePattern(c.Path)
			if err != nil {
				t.Fatal(err)
			}
			e.Add("", c.Method, p, c)
		}
		var m route.Match[*store.CORS]
		e.Tree().First("", method, path, &m)
		if got := s.CORS(space, method, path); got != m.Value {
			t.Errorf("%s %s in %s: %+v, want %+v", method, path, space, got, m.Value)
		}
		if m.Value != nil {
			want = append(want, space+" "+m.Value.ID)
		}
	}
	var got []string
	for _, c := range s.CORSOf(method, path) {
		got = append(got, c.Space+" "+c.ID)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s %s: %q, want %q", method, path, got, want)
	}
}

// TestNothingCostsNothing: a realm without CORS records, authorizers and subscriptions to system events does not pay for them.
func TestNothingCostsNothing(t *testing.T) {
	i := newInstance(t, memory.New())
	i.function(t, "default", "f")
	s := i.live.Snapshot()
	var targets []store.Target
	if n := testing.AllocsPerRun(100, func() {
		if s.CORS("default", "GET", "/a") != nil || s.CORSOf("GET", "/a") != nil || s.HasSystem() {
			t.Error("there is something")
		}
		targets = s.System("function.invoked", "default", targets)
		if _, _, wanted := s.Authorizer("default", "a"); wanted || len(targets) > 0 {
			t.Error("there is something")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestCORSOfLongPaths: an id may be longer than a key.
func TestCORSOfLongPaths(t *testing.T) {
	t.Parallel()
	i := newInstance(t, memory.New())
	path := strings.Repeat("/é", 60) + "/"
	for _, end := range []string{"a", "b"} {
		if err := i.cors("default", "GET", path+end); err != nil {
			t.Fatal(err)
		}
	}
	for _, end := range []string{"a", "b"} {
		c := i.live.Snapshot().CORS("default", "GET", path+end)
		if c == nil || c.Path != path+end {
			t.Fatal(c)
		}
		if got, err := i.config.CORSRecord("default", c.ID); err != nil || got != c || len(c.ID) < store.MaxKeyBytes {
			t.Error(got, err, len(c.ID))
		}
	}
}

// TestHostedCORS: a hosted realm holds the records of its own space only.
func TestHostedCORS(t *testing.T) {
	t.Parallel()
	var items []store.Item
	for _, space := range []string{"acme", "other"} {
		items = append(items, store.Item{Key: "cors/" + space + "/GET%2Fa", Rev: 1, Value: fmt.Appendf(nil, `{"space":%q,"method":"GET","path":"/a"}`, space)})
	}
	s := newSnapshot(t, "acme", false, items)
	if s.Corrupt() != 1 || s.CORS("acme", "GET", "/a") == nil || s.CORS("other", "GET", "/a") != nil || len(s.CORSOf("GET", "/a")) != 1 {
		t.Errorf("%d records are left out, found are %+v", s.Corrupt(), s.CORSOf("GET", "/a"))
	}
}
