package route

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// treeOf returns a tree of routes such as "GET /a/:id", each with itself as value.
func treeOf(routes ...string) Tree[string] {
	e := Tree[string]{}.Edit()
	for _, r := range routes {
		method, path, _ := strings.Cut(r, " ")
		e.Add("http", method, mustPattern(path), r)
	}
	return e.Tree()
}

// show writes a match as "pattern name=value ...".
func show[T comparable](m Match[T]) string {
	s := m.Pattern
	for i, name := range m.Names {
		s += " " + name + "=" + m.Values[i]
	}
	return s
}

func first[T comparable](tree Tree[T], method, path string) string {
	var m Match[T]
	if !tree.First("http", method, path, &m) {
		return "none"
	}
	return show(m)
}

func all[T comparable](tree Tree[T], method, path string) string {
	var s []string
	for _, m := range tree.All("http", method, path, nil) {
		s = append(s, show(m))
	}
	return strings.Join(s, "; ")
}

func TestFirst(t *testing.T) {
	t.Parallel()
	tree := treeOf(
		"GET /", "GET /users", "GET /users/", "GET /users/:id", "GET /users/me", "GET /users/:name/books",
		"GET /users/:id/books/:book", "GET /files/*path", "GET /files/:name", "GET /%3Aid/x", "GET /caf%C3%A9",
		"POST /users/:user", "DELETE /*any",
	)
	f := func(method, path, want string) {
		t.Helper()
		if got := first(tree, method, path); got != want {
			t.Errorf("%s %s: %s; want %s", method, path, got, want)
		}
	}
	f("GET", "/", "/")
	f("GET", "/users", "/users")
	f("GET", "/users/", "/users/")
	f("GET", "/users/me", "/users/me")
	f("GET", "/users/17", "/users/:id id=17")
	f("GET", "/users/17/", "none")
	f("GET", "/users/17/books", "/users/:name/books name=17")
	f("GET", "/users/me/books", "/users/:name/books name=me")
	f("GET", "/users/17/books/2", "/users/:id/books/:book id=17 book=2")
	f("GET", "/users/17/books/", "none")
	f("GET", "/files", "none")
	f("GET", "/files/", "none")
	f("GET", "/files/a", "/files/:name name=a")
	f("GET", "/files/a/", "/files/*path path=a/")
	f("GET", "/files/a/b", "/files/*path path=a/b")
	f("GET", "/:id/x", "/%3Aid/x")
	f("GET", "/a/x", "none")
	f("GET", "/café", "/caf%C3%A9")
	f("GET", "/Users", "none")
	f("GET", "", "none")
	f("GET", "users", "none")
	f("DELETE", "xa", "none")
	f("POST", "/users/me", "/users/:user user=me")
	f("POST", "/users", "none")
	f("DELETE", "/", "none")
	f("DELETE", "/a", "/*any any=a")
	f("DELETE", strings.Repeat("/a", 4000), "/*any any="+strings.Repeat("/a", 4000)[1:])
	f("PUT", "/", "none")
	f("", "/", "none")
}

// A pattern of as many parameters as there can be.
func TestDeepestPattern(t *testing.T) {
	t.Parallel()
	var pattern, path, want string
	for i := range maxSegments {
		name := fmt.Sprintf("%c%c", 'a'+i/8, 'a'+i%8)
		pattern += "/:" + name
		path += "/x"
		want += " " + name + "=x"
	}
	withRest := pattern[:len(pattern)-3] + "*hh"
	tree := treeOf("GET "+pattern, "GET "+withRest)
	f := func(path, want string) {
		t.Helper()
		if got := all(tree, "GET", path); got != want {
			t.Errorf("%s: %s; want %s", path, got, want)
		}
	}
	f(path, pattern+want+"; "+withRest+want)
	f(path+"/y", withRest+want+"/y")
	f(path[2:], "")
}

func TestFirstBacktracks(t *testing.T) {
	t.Parallel()
	tree := treeOf(
		"GET /a/b/c/d", "GET /a/:x/c/e", "GET /:y/b/c/f", "GET /a/b/*z", "GET /:p/:q/:r/:s/end", "GET /*all",
	)
	f := func(path, want string) {
		t.Helper()
		if got := first(tree, "GET", path); got != want {
			t.Errorf("%s: %s; want %s", path, got, want)
		}
	}
	f("/a/b/c/d", "/a/b/c/d")
	f("/a/b/c/e", "/a/b/*z z=c/e") // static before parameter at the second segment
	f("/a/x/c/e", "/a/:x/c/e x=x")
	f("/x/b/c/f", "/:y/b/c/f y=x")
	f("/a/b/c/f", "/a/b/*z z=c/f")
	f("/a/b", "/*all all=a/b")
	f("/a/b/", "/*all all=a/b/")
	f("/a/x/c/f", "/*all all=a/x/c/f")
	f("/a/x/c/d/end", "/:p/:q/:r/:s/end p=a q=x r=c s=d")
	f("/a/x/c/e/end", "/:p/:q/:r/:s/end p=a q=x r=c s=e")
	f("/x/b/c/f/no", "/*all all=x/b/c/f/no")
}

func TestAll(t *testing.T) {
	t.Parallel()
	tree := treeOf("GET /a/b", "GET /a/:x", "GET /a/:x2", "GET /:y/b", "GET /:y/:z", "GET /a/*r", "GET /*r", "GET /a", "POST /a/b")
	f := func(path, want string) {
		t.Helper()
		if got := all(tree, "GET", path); got != want {
			t.Errorf("%s: %s; want %s", path, got, want)
		}
	}
	f("/a/b", "/a/b; /a/:x2 x2=b; /a/:x x=b; /a/*r r=b; /:y/b y=a; /:y/:z y=a z=b; /*r r=a/b")
	f("/a/c", "/a/:x2 x2=c; /a/:x x=c; /a/*r r=c; /:y/:z y=a z=c; /*r r=a/c")
	f("/a", "/a; /*r r=a")
	f("/", "")
	f("/a/b/c", "/a/*r r=b/c; /*r r=a/b/c")
}

// Matches that All overwrites lend their slices to one match each.
func TestAllReusesMatches(t *testing.T) {
	t.Parallel()
	tree := treeOf("GET /:a/:b", "GET /:a/*b", "GET /x/:c")
	ms := tree.All("http", "GET", "/x/y", nil)
	ms = tree.All("http", "GET", "/p/q", ms[:0])
	ms = tree.All("http", "GET", "/x/z", ms)
	var got []string
	for _, m := range ms {
		got = append(got, show(m))
	}
	want := []string{"/:a/:b a=p b=q", "/:a/*b a=p b=q", "/x/:c c=z", "/:a/:b a=x b=z", "/:a/*b a=x b=z"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestEscapedSlash(t *testing.T) {
	t.Parallel()
	tree := treeOf("GET /a%2fb", "GET /a/:x", "GET /:y")
	f := func(sent, want string) {
		t.Helper()
		path, err := Canonical(sent)
		if err != nil {
			t.Fatal(err)
		}
		if got := first(tree, "GET", path); got != want {
			t.Errorf("%s: %s; want %s", sent, got, want)
		}
	}
	f("/a%2Fb", "/a%2fb")
	f("/%61%2fb", "/a%2fb")
	f("/a/b", "/a/:x x=b")
	f("/a/b%2fc", "/a/:x x=b%2Fc")
	f("/a%2Fc", "/:y y=a%2Fc")
	f("/a%252Fb", "/:y y=a%252Fb")
}

// The first Event Gateway died of this one: security.md, X2.
func TestX2(t *testing.T) {
	t.Parallel()
	e := Tree[string]{}.Edit()
	e.Add("http", "GET", mustPattern("/api/:id/x"), "a")
	e.Add("http", "GET", mustPattern("/api/b/c/d"), "b")
	both := e.Tree()
	if !e.Delete("http", "GET", mustPattern("/api/b/c/d"), "b") {
		t.Error("the route of b was not there to be deleted")
	}
	f := func(tree Tree[string], path, want string) {
		t.Helper()
		if got := first(tree, "GET", path); got != want {
			t.Errorf("%s: %s; want %s", path, got, want)
		}
	}
	f(both, "/api/b/c/d", "/api/b/c/d")
	f(both, "/api/1/x", "/api/:id/x id=1")
	f(both, "/api/b/x", "/api/:id/x id=b")
	f(e.Tree(), "/api/b/c/d", "none")
	f(e.Tree(), "/api/1/x", "/api/:id/x id=1")
	f(e.Tree(), "/api/b/x", "/api/:id/x id=b")
}

// Two spaces in the same place: C and N of security.md, as far as the tree goes.
func TestDeleteTouchesItsOwn(t *testing.T) {
	t.Parallel()
	e := Tree[string]{}.Edit()
	e.Add("http", "GET", mustPattern("/x/:id"), "a")
	e.Add("http", "GET", mustPattern("/x/:name"), "b")
	f := func(method, path, value string, want bool) {
		t.Helper()
		if got := e.Delete("http", method, mustPattern(path), value); got != want {
			t.Errorf("Delete(%s, %s, %s) = %v", method, path, value, got)
		}
	}
	f("GET", "/x/:id", "c", false)
	f("POST", "/x/:id", "b", false)
	f("GET", "/x/*id", "b", false)
	f("GET", "/x/:id/y", "b", false)
	f("GET", "/x", "b", false)
	f("GET", "/x/:any", "b", true)
	f("GET", "/x/:any", "b", false)
	if got := all(e.Tree(), "GET", "/x/1"); got != "/x/:id id=1" {
		t.Errorf("left: %s", got)
	}
	f("GET", "/x/:id", "a", true)
	if tree := e.Tree(); tree.Len() != 0 || tree.root != nil {
		t.Errorf("the tree is not empty: %d values, root %v", tree.Len(), tree.root)
	}
}

func TestAddTwice(t *testing.T) {
	t.Parallel()
	e := Tree[int]{}.Edit()
	e.Add("http", "GET", mustPattern("/:a"), 1)
	e.Add("http", "GET", mustPattern("/:b"), 2)
	e.Add("http", "GET", mustPattern("/:a"), 1)
	if got := all(e.Tree(), "GET", "/x"); got != "/:b b=x; /:a a=x" || e.Tree().Len() != 2 {
		t.Errorf("added twice: %s", got)
	}
	e.Add("http", "GET", mustPattern("/:c"), 1)
	if got := all(e.Tree(), "GET", "/x"); got != "/:c c=x; /:b b=x" || e.Tree().Len() != 2 {
		t.Errorf("added with another name: %s", got)
	}
}

func TestAt(t *testing.T) {
	t.Parallel()
	tree := treeOf("GET /a/:x", "GET /a/:y", "GET /a/b", "GET /a/*r", "GET /%61", "POST /a/:x")
	f := func(event, path, want string) {
		t.Helper()
		var got []string
		for v, p := range tree.At(event, "GET", mustPattern(path)) {
			if v != "GET "+p.String() {
				t.Errorf("%s: %s with the pattern %s", path, v, p)
			}
			got = append(got, p.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("At(%s): %s; want %s", path, got, want)
		}
	}
	f("http", "/a/:z", "/a/:y /a/:x")
	f("http", "/a/b", "/a/b")
	f("http", "/a/*z", "/a/*r")
	f("http", "/a", "/%61")
	f("http", "/a/", "")
	f("http", "/a/:z/b", "")
	f("http", "/*z", "")
	f("other", "/a/b", "")
	for range tree.At("http", "GET", mustPattern("/a/:z")) {
		break // must not go on
	}
}

// Events and methods are looked up as they are, never as parameters.
func TestEventsAndMethods(t *testing.T) {
	t.Parallel()
	e := Tree[int]{}.Edit()
	for i, event := range []string{"", ":e", "*e", "a", "a/b", "/"} {
		e.Add(event, event+"x", mustPattern("/"), i)
	}
	tree := e.Tree()
	f := func(event, method string, want int) {
		t.Helper()
		m := Match[int]{Value: -1}
		tree.First(event, method, "/", &m)
		if m.Value != want {
			t.Errorf("%q %q: %d; want %d", event, method, m.Value, want)
		}
	}
	f("", "x", 0)
	f(":e", ":ex", 1)
	f("*e", "*ex", 2)
	f("a", "ax", 3)
	f("a/b", "a/bx", 4)
	f("/", "/x", 5)
	f("a", "x", -1)
	f("b", "bx", -1)
}

func TestZeroTree(t *testing.T) {
	t.Parallel()
	var tree Tree[int]
	if first(tree, "GET", "/") != "none" || all(tree, "GET", "/") != "" || tree.Len() != 0 {
		t.Error("the zero tree is not empty")
	}
	for range tree.At("http", "GET", mustPattern("/")) {
		t.Error("the zero tree holds a value")
	}
	if tree.Edit().Delete("http", "GET", mustPattern("/"), 0) {
		t.Error("deleted from the zero tree")
	}
}

func TestAllocations(t *testing.T) {
	e := treeOf("GET /a/:b/c", "GET /a/:b/:c", "GET /:a/b/c", "GET /*all", "GET /s").Edit()
	for i := range 1000 { // so that a branch is on the way
		e.Add("http", "GET", mustPattern(fmt.Sprintf("/a/b%d/c", i)), "v")
	}
	tree := e.Tree()
	var m Match[string]
	var ms []Match[string]
	f := func(path string, want int) {
		t.Helper()
		ms = tree.All("http", "GET", path, ms[:0])
		if len(ms) != want || tree.First("http", "GET", path, &m) != (want > 0) {
			t.Errorf("%s: %d matches; want %d", path, len(ms), want)
		}
		if n := testing.AllocsPerRun(100, func() { tree.First("http", "GET", path, &m) }); n != 0 {
			t.Errorf("First(%s): %v allocations", path, n)
		}
		if n := testing.AllocsPerRun(100, func() { ms = tree.All("http", "GET", path, ms[:0]) }); n != 0 {
			t.Errorf("All(%s): %v allocations", path, n)
		}
	}
	f("/a/b7/c", 4)
	f("/a/b/c", 4)
	f("/s", 2)
	f("/x/y/z", 1)
	f("/", 0)
}

// Readers use trees, old and new, while an editor works on. It needs the race detector.
func TestReadersWhileEditing(t *testing.T) {
	t.Parallel()
	const n = 300
	path := func(i int) string { return fmt.Sprintf("/r%d/:id", i) }
	e := Tree[int]{}.Edit()
	for i := range n {
		e.Add("http", "GET", mustPattern(path(i)), i)
	}
	var wg sync.WaitGroup
	for round := range 20 {
		// This tree lacks exactly the routes below round.
		tree := e.Tree()
		wg.Go(func() {
			for i := range n {
				found := tree.First("http", "GET", fmt.Sprintf("/r%d/7", i), new(Match[int]))
				if found != (i >= round) {
					t.Errorf("round %d: route %d: %v", round, i, found)
				}
			}
		})
		e.Delete("http", "GET", mustPattern(path(round)), round)
		for i := range n {
			e.Add("http", "POST", mustPattern(path(i)), round)
		}
	}
	wg.Wait()
}
