package route

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	f := func(in, want string) {
		t.Helper()
		got, err := Canonical(in)
		if err != nil || got != want {
			t.Errorf("Canonical(%.80q) = %.80q, %v; want %.80q", in, got, err, want)
		}
	}
	f("/", "/")
	f("/a", "/a")
	f("/a/", "/a/")
	f("/a/b.c/d", "/a/b.c/d")
	f("/...", "/...")
	f("/.a/..b", "/.a/..b")
	f("/%61%62c", "/abc")
	f("/a%20b", "/a b")
	f("/a%2fb", "/a%2Fb")
	f("/a%2Fb", "/a%2Fb")
	f("/%2F", "/%2F")
	f("/%2f/%2F/", "/%2F/%2F/")
	f("/100%25", "/100%25")
	f("/%252F", "/%252F") // an escaped "%2F" is not an escaped slash
	f("/%25%32%46", "/%252F")
	f("/%3Aid/%2A", "/:id/*")
	f("/:id/*rest", "/:id/*rest")
	f("/caf%C3%A9", "/café")
	f("/café", "/café")
	f("/%f0%9f%98%80", "/😀")
	f("/\xC3%A9", "/é")
	f("/a%3Fb%23c", "/a?b#c")
	f("/a+b", "/a+b")
	f("/..%2F", "/..%2F")
	f("/"+strings.Repeat("a", maxPath-1), "/"+strings.Repeat("a", maxPath-1))
}

func TestCanonicalErrors(t *testing.T) {
	t.Parallel()
	f := func(in, want string) {
		t.Helper()
		if got, err := Canonical(in); err == nil || err.Error() != want || got != "" {
			t.Errorf("Canonical(%.80q) = %.80q, %v; want %s", in, got, err, want)
		}
	}
	f("", `path must start with "/"`)
	f("a", `path must start with "/"`)
	f("%2Fa", `path must start with "/"`)
	f("*", `path must start with "/"`)
	f("//", `path has an empty segment`)
	f("//a", `path has an empty segment`)
	f("/a//b", `path has an empty segment`)
	f("/a//", `path has an empty segment`)
	f("/.", `path has a "." segment`)
	f("/a/./b", `path has a "." segment`)
	f("/%2e", `path has a "." segment`)
	f("/..", `path has a ".." segment`)
	f("/../a", `path has a ".." segment`)
	f("/a/../b", `path has a ".." segment`)
	f("/a/%2E%2e", `path has a ".." segment`)
	f("/a/.%2e/", `path has a ".." segment`)
	f("/%", `path has a bad percent escape`)
	f("/%2", `path has a bad percent escape`)
	f("/%g0", `path has a bad percent escape`)
	f("/%+1", `path has a bad percent escape`)
	f("/%%41", `path has a bad percent escape`)
	f("/a\x00", `path has a control character`)
	f("/a%00", `path has a control character`)
	f("/a%0d%0ab", `path has a control character`)
	f("/\x1f", `path has a control character`)
	f("/\x7f", `path has a control character`)
	f("/%7F", `path has a control character`)
	f("/\u0080", `path has a control character`)
	f("/%C2%9F", `path has a control character`)
	f("/\xC2%85", `path has a control character`)
	f("/\xff", `path is not valid UTF-8`)
	f("/%ff", `path is not valid UTF-8`)
	f("/%C3", `path is not valid UTF-8`)
	f("/%C3/%A9", `path is not valid UTF-8`)
	f("/%C0%AF", `path is not valid UTF-8`) // a slash in two bytes
	f("/%ED%A0%80", `path is not valid UTF-8`)
	f("/"+strings.Repeat("a", maxPath), `path is longer than 8192 bytes`)
	f("/"+strings.Repeat("%61", maxPath/3+1), `path is longer than 8192 bytes`)
}

func TestCanonicalAllocations(t *testing.T) {
	f := func(in string) {
		t.Helper()
		if n := testing.AllocsPerRun(100, func() { Canonical(in) }); n != 0 {
			t.Errorf("Canonical(%q): %v allocations", in, n)
		}
	}
	f("/")
	f("/users/17/books/")
	f("/café/a%2Fb/100%25")
}

// FuzzCanonical holds what all others rely on: a canonical path is clean, means
// the same as what was sent, and stays as it is however it is spelled again.
func FuzzCanonical(f *testing.F) {
	f.Add("/a/%2F/%41")
	f.Fuzz(func(t *testing.T, in string) {
		path, err := Canonical(in)
		if err != nil {
			return
		}
		if !utf8.ValidString(path) || strings.ContainsFunc(path, unicode.IsControl) ||
			!strings.HasPrefix(path, "/") || strings.Contains(path, "//") || len(path) > len(in) {
			t.Fatalf("Canonical(%q) = %q", in, path)
		}
		for _, segment := range strings.Split(path, "/") {
			if segment == "." || segment == ".." {
				t.Fatalf("Canonical(%q) = %q", in, path)
			}
		}
		if strings.Count(path, "/") != strings.Count(in, "/") {
			t.Fatalf("Canonical(%q) = %q: another number of segments", in, path)
		}
		if meaning(t, path) != meaning(t, in) {
			t.Fatalf("Canonical(%q) = %q: another meaning", in, path)
		}
		for _, again := range []string{path, escapeAll(path)} {
			if len(again) > maxPath {
				continue
			}
			if got, err := Canonical(again); err != nil || got != path {
				t.Fatalf("Canonical(%q) = %q, but Canonical(%q) = %q, %v", in, path, again, got, err)
			}
		}
	})
}

// meaning decodes each segment of a path by itself.
func meaning(t *testing.T, path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		text, err := url.PathUnescape(s)
		if err != nil {
			t.Fatalf("%q: %v", path, err)
		}
		segments[i] = text
	}
	return fmt.Sprintf("%q", segments)
}

// escapeAll escapes every byte of a canonical path but the slashes and the escapes in it.
func escapeAll(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		switch path[i] {
		case '/':
			b.WriteByte('/')
		case '%':
			b.WriteString(strings.ToLower(path[i : i+3]))
			i += 2
		default:
			fmt.Fprintf(&b, "%%%02x", path[i])
		}
	}
	return b.String()
}
