package route_test

import (
	"fmt"

	"github.com/event-gateway/event-gateway/store/route"
)

func Example() {
	editor := route.Tree[string]{}.Edit()
	for _, path := range []string{"/users/:id", "/users/me", "/users/:name/books"} {
		pattern, err := route.ParsePattern(path)
		if err != nil {
			fmt.Println(err)
			return
		}
		editor.Add("http", "GET", pattern, "the function of "+path)
	}
	tree := editor.Tree()

	var m route.Match[string]
	for _, sent := range []string{"/users/me", "/users/%31%37", "/users/me/books", "/users/.."} {
		path, err := route.Canonical(sent)
		if err != nil {
			fmt.Println(err)
			continue
		}
		if tree.First("http", "GET", path, &m) {
			fmt.Println(m.Value, m.Names, m.Values)
		}
	}
	// Output:
	// the function of /users/me [] []
	// the function of /users/:id [id] [17]
	// the function of /users/:name/books [name] [me]
	// path has a ".." segment
}
