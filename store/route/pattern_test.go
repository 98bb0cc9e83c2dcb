package route

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"
)

func mustPattern(path string) Pattern {
	p, err := ParsePattern(path)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", path, err))
	}
	return p
}

func TestParsePattern(t *testing.T) {
	t.Parallel()
	f := func(path string, names ...string) {
		t.Helper()
		p, err := ParsePattern(path)
		if err != nil || p.String() != path || !slices.Equal(p.Names(), names) {
			t.Errorf("ParsePattern(%q) = %q, names %q, %v; want names %q", path, p, p.Names(), err, names)
		}
	}
	f("/")
	f("/a/b/")
	f("/:id", "id")
	f("/:id/", "id")
	f("/a/:id/*rest", "id", "rest")
	f("/*rest", "rest")
	f("/a:b/c*d")
	f("/%3Aid/%2Arest")
	f("/:a%2Fb", "a%2Fb")
	f("/::", ":")
	f("/caf%C3%A9/:é", "é")
	f(strings.Repeat("/a", maxSegments))
	f("/" + strings.Repeat("a", maxPattern-1))
}

func TestParsePatternErrors(t *testing.T) {
	t.Parallel()
	f := func(path, want string) {
		t.Helper()
		if _, err := ParsePattern(path); err == nil || err.Error() != want {
			t.Errorf("ParsePattern(%q): %v; want %s", path, err, want)
		}
	}
	f("", `path must start with "/"`)
	f("a", `path must start with "/"`)
	f("/a//b", `path has an empty segment`)
	f("/:id/..", `path has a ".." segment`)
	f("/%2e%2E", `path has a ".." segment`)
	f("/:i%zz", `path has a bad percent escape`)
	f("/:\x01", `path has a control character`)
	f("/*a/b", `wildcard must be the last parameter`)
	f("/*a/", `wildcard must be the last parameter`)
	f("/*a/*b", `wildcard must be the last parameter`)
	f("/:", `path has a parameter without a name`)
	f("/:/a", `path has a parameter without a name`)
	f("/a/*", `path has a parameter without a name`)
	f("/:a/:a", `path has two parameters of the same name`)
	f("/:a/b/:c/*a", `path has two parameters of the same name`)
	f(strings.Repeat("/a", maxSegments)+"/", `path has more than 64 segments`)
	f("/"+strings.Repeat("a", maxPattern), `path is longer than 256 bytes`)
}

func TestSameShape(t *testing.T) {
	t.Parallel()
	f := func(a, b string, want bool) {
		t.Helper()
		p, q := mustPattern(a), mustPattern(b)
		if p.SameShape(q) != want || q.SameShape(p) != want {
			t.Errorf("%q and %q: SameShape is not %v", a, b, want)
		}
	}
	f("/", "/", true)
	f("/a", "/a/", false)
	f("/a", "/a/b", false)
	f("/a", "/A", false)
	f("/%61%2f", "/a%2F", true)
	f("/a%2Fb", "/a/b", false)
	f("/:id", "/:name", true)
	f("/:id", "/%3Aid", false)
	f("/:id/x", "/:name/x", true)
	f("/:id/x", "/:id/y", false)
	f("/:id", "/:id/", false)
	f("/:id", "/*id", false)
	f("/*a", "/*b", true)
	f("/*a", "/%2Aa", false)
	f("/:a/:b", "/:b/:a", true)
}

// TestShape: two patterns have one shape's text if and only if they match the same.
func TestShape(t *testing.T) {
	t.Parallel()
	f := func(a, b string, want bool) {
		t.Helper()
		p, q := mustPattern(a), mustPattern(b)
		if same := p.Shape() == q.Shape(); same != want || same != p.SameShape(q) {
			t.Errorf("%q and %q have the shapes %q and %q", a, b, p.Shape(), q.Shape())
		}
	}
	f("/", "/", true)
	f("/a/:b/*c", "/%61/:x/*y", true)
	f("/a", "/a/", false)
	f("/:a", "/*a", false)
	f("/:a", "/%3A", false)
	f("/:a", "/%3Aa", false)
	f("/*a", "/%2A", false)
	f("/a%2fb", "/a%2Fb", true)
	f("/a%2Fb", "/a/b", false)
	r := random{rand.New(rand.NewSource(time.Now().UnixNano()))}
	for range 2000 {
		p, q := r.route().pattern, r.route().pattern
		f(p.String(), q.String(), p.SameShape(q))
	}
}
