package lambda

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// sources are the events of testdata that are served, one of each source and mode.
var sources = []string{"rest", "http", "url", "alb", "alb-multi"}

func read(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// with returns an event of testdata with other members: pairs of a dotted path and a value. A value of nil removes the member.
func with(t testing.TB, file string, pairs ...any) []byte {
	t.Helper()
	var event map[string]any
	if err := json.Unmarshal(read(t, file), &event); err != nil {
		t.Fatal(err)
	}
	for ; len(pairs) > 0; pairs = pairs[2:] {
		at := event
		path := strings.Split(pairs[0].(string), ".")
		for _, name := range path[:len(path)-1] {
			if at[name] == nil {
				at[name] = map[string]any{}
			}
			at = at[name].(map[string]any)
		}
		last := path[len(path)-1]
		if at[last] = pairs[1]; pairs[1] == nil {
			delete(at, last)
		}
	}
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// withLine returns an event with another method and target, wherever its kind has them.
func withLine(t testing.TB, file, method, path string) []byte {
	t.Helper()
	switch file {
	case "http", "url":
		return with(t, file, "requestContext.http.method", method, "requestContext.stage", "$default", "rawPath", path)
	}
	return with(t, file, "httpMethod", method, "path", path)
}

// withHeader returns an event with one more header, in the form that its kind has.
func withHeader(t testing.TB, file, name, value string) []byte {
	t.Helper()
	if file == "rest" || file == "alb-multi" {
		return with(t, file, "multiValueHeaders."+name, []string{value})
	}
	return with(t, file, "headers."+name, value)
}

// spell writes a header's name as the kind does: REST APIs leave it as the client sent it.
func spell(file, name string) string {
	if file == "rest" {
		return name
	}
	return strings.ToLower(name)
}

// reply is an answer of any kind.
type reply struct {
	StatusCode        int
	StatusDescription string
	Headers           map[string]string
	MultiValueHeaders http.Header
	Cookies           []string
	Body              string
	IsBase64Encoded   bool
}

func invoke(t testing.TB, a *Adapter, payload []byte) reply {
	t.Helper()
	out, err := a.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	var r reply
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v: %.200s", err, out)
	}
	return r
}

// answer returns what a handler answers to an event.
func answer(t testing.TB, h http.HandlerFunc, payload []byte) reply {
	t.Helper()
	return invoke(t, New(h, Options{}), payload)
}

// header returns the headers as the client gets them.
func (r reply) header() http.Header {
	h := http.Header{}
	for name, value := range r.Headers {
		h.Add(name, value)
	}
	for name, values := range r.MultiValueHeaders {
		for _, value := range values {
			h.Add(name, value)
		}
	}
	for _, cookie := range r.Cookies {
		h.Add("Set-Cookie", cookie)
	}
	return h
}

func (r reply) body(t testing.TB) string {
	t.Helper()
	if !r.IsBase64Encoded {
		return r.Body
	}
	b, err := base64.StdEncoding.DecodeString(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// received returns the request that an event becomes, with its body.
func received(t testing.TB, o Options, payload []byte) (*http.Request, string) {
	t.Helper()
	var got *http.Request
	var body []byte
	r := invoke(t, New(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}), o), payload)
	if got == nil {
		t.Fatalf("the handler was not called: %d %s", r.StatusCode, r.Body)
	}
	return got, string(body)
}
