package handlers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Section 2.4: path rules.

// TestContractRoutes: path rules, with the shapes of the subscriptions mixed in one tree.
func TestContractRoutes(t *testing.T) {
	twice(t, func(t *testing.T, g *gateway, _ bool) {
		g.bothShapes("http://localhost:1", "e", "http.request")
		async := answers(t, ``)
		g.function("default", "async", async.URL)
		add := func(i int, shape, path string) {
			t.Helper()
			id := fmt.Sprintf("r%d", i)
			g.function("default", id, answers(t, fmt.Sprintf(`{"body":%q}`, path)).URL)
			if shape == "seed" {
				g.subscribe("default", fmt.Sprintf(`{"event":"http","method":"GET","functionId":%q,"path":%q}`, id, path))
			} else {
				g.subscribe("default", fmt.Sprintf(`{"type":"sync","eventType":"http.request","method":"GET","functionId":%q,"path":%q}`, id, path))
			}
		}
		for i, r := range []string{
			"seed /", "v09 /users/:id", "seed /users/me", "seed /users/:name/books", "v09 /users/:id/books/:book", "seed /users/me/*rest",
			"v09 /files/*path", "seed /files/:a/b", "v09 /slash/", "seed /c/:x/end", "v09 /c/static/other",
		} {
			shape, path, _ := strings.Cut(r, " ")
			add(i, shape, path)
		}
		f := func(path, want string) {
			t.Helper()
			a := send(t, "GET", g.events+path, "")
			if got := strings.TrimSpace(a.body + a.message()); a.status == 200 && got != want || a.status != 200 && want != fmt.Sprint(a.status) {
				t.Errorf("%s: got %d %s, want %s", path, a.status, got, want)
			}
		}
		f("/", "/") // matches only "/"
		f("/x", "404")
		f("/users", "404")
		f("/users/7", "/users/:id") // one segment
		f("/users/7%2F8", "/users/:id")
		f("/users/7/", "404") // a slash at the end is significant
		f("/users/me", "/users/me")
		f("/users/me/", "404")
		f("/users/me/x/y", "/users/me/*rest")
		f("/users/7/books", "/users/:name/books") // beside /users/:id, which was 400 in 2018
		f("/users/7/books/8", "/users/:id/books/:book")
		f("/users/me/books", "/users/me/*rest") // static before a parameter
		f("/files", "404")
		f("/files/", "404") // the rest has at least one segment
		f("/files/a", "/files/*path")
		f("/files/a/b", "/files/:a/b")
		f("/files/a/b/c", "/files/*path")
		f("/slash/", "/slash/")
		f("/slash", "404")
		f("/c/static/end", "/c/:x/end") // with back-tracking, unlike in 2018
		f("/c/static/other", "/c/static/other")
		// Async subscriptions get every event that their own pattern matches, parameters and all.
		for _, s := range []string{
			`{"event":"e","functionId":"async","path":"/teams/:id"}`, `{"event":"e","functionId":"async","path":"/*all"}`,
			`{"type":"async","eventType":"e","functionId":"async","path":"/teams/a"}`, `{"type":"async","eventType":"e","functionId":"async","path":"/teams/*rest"}`,
			`{"type":"async","eventType":"http.request","functionId":"async","method":"GET","path":"/users/:id"}`,
		} {
			g.subscribe("default", s)
		}
		got := 0
		for path, n := range map[string]int{"/teams/a": 4, "/teams/b": 3, "/x": 1, "/": 0} {
			send(t, "POST", g.events+path, "", "Event: e")
			got += n
			eventually(t, path+" is delivered", func() bool { return len(async.events()) >= got })
		}
		f("/users/me", "/users/me")
		eventually(t, "beside the more specific sync route", func() bool { return len(async.events()) >= got+1 })
		time.Sleep(50 * time.Millisecond)
		if n := len(async.events()); n != got+1 {
			t.Errorf("%d deliveries, want %d", n, got+1)
		}
	})
}
