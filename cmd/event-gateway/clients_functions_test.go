package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// functions is a server with functions, which keep what they are sent.
type functions struct {
	*httptest.Server
	t   *testing.T
	got chan delivery
}

type delivery struct {
	name, contentType, body string
}

// users is what most functions answer.
const users = `{"statusCode":200,"headers":{"Content-Type":"application/json"},"body":"[\"Max\"]"}`

func newFunctions(t *testing.T) *functions {
	f := &functions{t: t, got: make(chan delivery, 10)}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		name := strings.TrimPrefix(r.URL.Path, "/")
		f.got <- delivery{name, r.Header.Get("Content-Type"), string(b)}
		switch name {
		case "fail":
			w.WriteHeader(http.StatusInternalServerError)
		case "allow":
			_, _ = io.WriteString(w, `{"authorization":{"principalId":"max","context":{"role":"admin"}}}`)
		case "deny":
			_, _ = io.WriteString(w, `{"error":{"message":"not you"}}`)
		default:
			_, _ = io.WriteString(w, users)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

// wants takes the next delivery, which must be for the function, and the members of its event those of want, where "*" is any value.
func (f *functions) wants(name, want string) {
	f.t.Helper()
	select {
	case d := <-f.got:
		if d.name != name || !alike(f.t, d.body, want) {
			f.t.Errorf("%s got\n     %s\nwant %s for %s", d.name, d.body, want, name)
		}
	case <-time.After(5 * time.Second):
		f.t.Errorf("%s got no event", name)
	}
}

// rests checks that no function was called that nobody asked about.
func (f *functions) rests() {
	f.t.Helper()
	select {
	case d := <-f.got:
		f.t.Errorf("%s was called with %s", d.name, d.body)
	case <-time.After(100 * time.Millisecond):
	}
}

// alike tells whether got is the JSON value want, in which "*" stands for any value.
func alike(t *testing.T, got, want string) bool {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%s: %v", want, err)
	}
	return json.Unmarshal([]byte(got), &g) == nil && fits(withoutLineage(g), w)
}

// withoutLineage takes the one extension out of a CloudEvent that differs each time.
func withoutLineage(event any) any {
	members, _ := event.(map[string]any)
	delete(members, "eventgatewaylineage")
	if extensions, ok := members["extensions"].(map[string]any); ok {
		if delete(extensions, "eventgatewaylineage"); len(extensions) == 0 {
			delete(members, "extensions")
		}
	}
	return event
}

func fits(got, want any) bool {
	if want == "*" {
		return true
	}
	w, ok := want.(map[string]any)
	if !ok {
		return reflect.DeepEqual(got, want)
	}
	g, ok := got.(map[string]any)
	for name, value := range w {
		v, there := g[name]
		ok = ok && there && fits(v, value)
	}
	return ok && len(g) == len(w)
}

// form is how a function gets an event of a 0.9-shaped subscription: CloudEvents 0.1 with -compat, else 1.0. Either is given less its
// braces and its version.
func form(compat bool, old, now string) string {
	if compat {
		return `{"cloudEventsVersion":"0.1",` + old + `}`
	}
	return `{"specversion":"1.0",` + now + `}`
}
