package route

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"
)

// naive is the router that the tree must agree with: a plain slice.
type naive []naiveRoute

type naiveRoute struct {
	event, method string
	pattern       Pattern
	value         int
}

// match compares segment by segment. kinds has a letter a segment: s for
// static, then t for a parameter, u for the rest.
func (r naiveRoute) match(path string) (kinds string, values []string, ok bool) {
	want, got := strings.Split(r.pattern.String(), "/")[1:], strings.Split(path, "/")[1:]
	for i, w := range want {
		switch {
		case strings.HasPrefix(w, "*"):
			tail := strings.Join(got[min(i, len(got)):], "/")
			return kinds + "u", append(values, tail), tail != ""
		case i >= len(got):
			return "", nil, false
		case strings.HasPrefix(w, ":"):
			if got[i] == "" {
				return "", nil, false
			}
			kinds, values = kinds+"t", append(values, got[i])
		default:
			text, err := Canonical("/" + w)
			if err != nil || text[1:] != got[i] {
				return "", nil, false
			}
			kinds += "s"
		}
	}
	return kinds, values, len(want) == len(got)
}

func (rs naive) all(event, method, path string) []string {
	type match struct{ kinds, text string }
	var ms []match
	for _, r := range slices.Backward(rs) {
		if kinds, values, ok := r.match(path); ok && r.event == event && r.method == method {
			m := Match[int]{Value: r.value, Pattern: r.pattern.String(), Names: r.pattern.Names(), Values: values}
			ms = append(ms, match{kinds, fmt.Sprint(r.value, " ", show(m))})
		}
	}
	slices.SortStableFunc(ms, func(a, b match) int { return strings.Compare(a.kinds, b.kinds) })
	texts := make([]string, len(ms))
	for i, m := range ms {
		texts[i] = m.text
	}
	return texts
}

// shape is what two patterns share if they match the same.
func (r naiveRoute) shape() string {
	segments := strings.Split(r.pattern.String(), "/")[1:]
	for i, s := range segments {
		switch {
		case strings.HasPrefix(s, ":"):
			segments[i] = "\x00:"
		case strings.HasPrefix(s, "*"):
			segments[i] = "\x00*"
		default:
			text, _ := Canonical("/" + s)
			segments[i] = text[1:]
		}
	}
	return strings.Join(append(segments, r.event, r.method), "/")
}

func (rs naive) at(r naiveRoute) int {
	return slices.IndexFunc(rs, func(o naiveRoute) bool { return o.value == r.value && o.shape() == r.shape() })
}

// add and delete never change the slice that they are called on.
func (rs naive) add(r naiveRoute) naive {
	if i := rs.at(r); i >= 0 {
		if rs[i].pattern == r.pattern {
			return rs
		}
		rs, _ = rs.delete(rs[i])
	}
	return append(slices.Clip(rs), r)
}

func (rs naive) delete(r naiveRoute) (naive, bool) {
	i := rs.at(r)
	if i < 0 {
		return rs, false
	}
	return slices.Concat(rs[:i], rs[i+1:]), true
}

// compare fails the test if the tree and the naive router differ on a path.
func compare(t *testing.T, tree Tree[int], rs naive, event, method, path string) {
	t.Helper()
	var got []string
	for _, m := range tree.All(event, method, path, nil) {
		got = append(got, fmt.Sprint(m.Value, " ", show(m)))
	}
	want := rs.all(event, method, path)
	if !slices.Equal(got, want) {
		t.Fatalf("All(%s, %s, %s) = %q; want %q", event, method, path, got, want)
	}
	var m Match[int]
	found := tree.First(event, method, path, &m)
	if found != (len(want) > 0) || found && fmt.Sprint(m.Value, " ", show(m)) != want[0] {
		t.Fatalf("First(%s, %s, %s) = %v, %d %s; want %q", event, method, path, found, m.Value, show(m), want)
	}
}

// same fails the test if the tree differs from one that is built afresh.
func same(t *testing.T, tree Tree[int], rs naive) {
	t.Helper()
	e := Tree[int]{}.Edit()
	for _, r := range rs {
		e.Add(r.event, r.method, r.pattern, r.value)
	}
	fresh := e.Tree()
	if tree.Len() != len(rs) || fresh.Len() != len(rs) {
		t.Fatalf("Len() = %d, fresh %d; want %d", tree.Len(), fresh.Len(), len(rs))
	}
	if got, want := nodes(tree.root), nodes(fresh.root); got != want {
		t.Fatalf("%d nodes, fresh %d", got, want)
	}
	for _, r := range rs {
		var got, want []string
		for v, p := range tree.At(r.event, r.method, r.pattern) {
			got = append(got, fmt.Sprint(v, p))
		}
		for v, p := range fresh.At(r.event, r.method, r.pattern) {
			want = append(want, fmt.Sprint(v, p))
		}
		if !slices.Equal(got, want) || !slices.Contains(got, fmt.Sprint(r.value, r.pattern)) {
			t.Fatalf("At(%s) = %q, fresh %q; want %d among them", r.pattern, got, want, r.value)
		}
	}
}

// nodes counts what a node leads to, itself included.
func nodes(n *node[int]) int {
	if n == nil {
		return 0
	}
	count := 1 + nodes(n.param)
	var walk func(t table[int])
	walk = func(t table[int]) {
		for _, s := range t.slots {
			count += nodes(s.node)
		}
		if t.more != nil {
			for _, t := range t.more.tables {
				walk(t)
			}
		}
	}
	if n.static != nil {
		walk(*n.static)
	}
	return count
}

// random makes routes and paths over so few segments that they meet often, with
// now and then one of many so that tables become branches.
type random struct{ *rand.Rand }

func (r random) pick(from ...string) string { return from[r.Intn(len(from))] }

func (r random) path() string {
	var b strings.Builder
	for range 1 + r.Intn(4) {
		b.WriteString("/" + r.pick("a", "b", ":a", "*", "é", "a%2Fb", "%25", fmt.Sprint(r.Intn(60))))
	}
	return b.String() + r.pick("", "", "", "/")
}

func (r random) route() naiveRoute {
	for {
		var b strings.Builder
		for range 1 + r.Intn(4) {
			b.WriteString("/" + r.pick("a", "b", "%61", "%3Aa", "%2a", "%C3%A9", "a%2fb", "%25", fmt.Sprint(r.Intn(60)), ":"+r.pick("x", "y", "z"), ":"+r.pick("x", "y", "z")))
		}
		b.WriteString(r.pick("", "", "", "/", "/*w", "/*v"))
		if p, err := ParsePattern(b.String()); err == nil {
			return naiveRoute{r.pick("e", "f"), r.pick("GET", "POST"), p, r.Intn(3)}
		}
	}
}

// The tree agrees with the naive router after any adds and deletes, and each
// tree handed out on the way still does at the end.
func TestTreeAgainstNaive(t *testing.T) {
	t.Parallel()
	for range 8 {
		seed := time.Now().UnixNano()
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			againstNaive(t, random{rand.New(rand.NewSource(seed))})
		})
	}
}

func againstNaive(t *testing.T, r random) {
	type version struct {
		tree   Tree[int]
		routes naive
	}
	versions := []version{{}}
	check := func(v version) {
		t.Helper()
		for range 15 {
			compare(t, v.tree, v.routes, r.pick("e", "f"), r.pick("GET", "POST"), r.path())
		}
	}
	for range 40 {
		// Not always from the newest: editors may start from any tree.
		from := versions[len(versions)-1-r.Intn(min(2, len(versions)))]
		e, rs := from.tree.Edit(), from.routes
		adds := r.Intn(11) // of ten, so that the tree shrinks as well as grows
		for range 1 + r.Intn(60) {
			if r.Intn(10) < adds {
				route := r.route()
				e.Add(route.event, route.method, route.pattern, route.value)
				rs = rs.add(route)
			} else {
				route := r.route()
				if len(rs) > 0 && r.Intn(4) > 0 {
					route = rs[r.Intn(len(rs))]
				}
				var want bool
				rs, want = rs.delete(route)
				if got := e.Delete(route.event, route.method, route.pattern, route.value); got != want {
					t.Fatalf("Delete(%v) = %v", route, got)
				}
			}
			if r.Intn(10) == 0 { // the editor goes on after this
				versions = append(versions, version{e.Tree(), rs})
				check(versions[len(versions)-1])
			}
		}
		versions = append(versions, version{e.Tree(), rs})
		check(versions[len(versions)-1])
	}
	for _, v := range versions {
		check(v)
		same(t, v.tree, v.routes)
	}
	e, rs := versions[len(versions)-1].tree.Edit(), versions[len(versions)-1].routes
	for _, i := range r.Perm(len(rs)) {
		e.Delete(rs[i].event, rs[i].method, rs[i].pattern, rs[i].value)
	}
	if left := e.Tree(); left.root != nil || left.Len() != 0 {
		t.Fatalf("%d values left, root %v", left.Len(), left.root)
	}
}

// FuzzTree reads a script of lines such as "+1/a/:id" and "-1/a/:id", which add
// and delete the value 1, and a path.
func FuzzTree(f *testing.F) {
	f.Add("+1/a/:id\n+2/a/b\n-1/a/:x", "/a/b")
	f.Fuzz(func(t *testing.T, script, path string) {
		lines := strings.Split(script, "\n")
		if len(lines) > 200 {
			return // the naive router is slow
		}
		var old Tree[int]
		var oldRoutes, routes naive
		e := Tree[int]{}.Edit()
		for i, line := range lines {
			if i == len(lines)/2 {
				old, oldRoutes = e.Tree(), routes
			}
			if len(line) < 3 {
				continue
			}
			p, err := ParsePattern(line[2:])
			if err != nil {
				continue
			}
			r := naiveRoute{"e", "GET", p, int(line[1])}
			if line[0] != '-' {
				e.Add(r.event, r.method, r.pattern, r.value)
				routes = routes.add(r)
				continue
			}
			var want bool
			routes, want = routes.delete(r)
			if got := e.Delete(r.event, r.method, r.pattern, r.value); got != want {
				t.Fatalf("Delete(%s) = %v", p, got)
			}
		}
		paths := []string{"/", "/a", "/a/", "/a/b", "/a/b/c", "/:a"}
		if canonical, err := Canonical(path); err == nil {
			paths = append(paths, canonical)
		}
		for _, path := range paths {
			compare(t, e.Tree(), routes, "e", "GET", path)
			compare(t, old, oldRoutes, "e", "GET", path)
		}
		same(t, e.Tree(), routes)
		same(t, old, oldRoutes)
	})
}
