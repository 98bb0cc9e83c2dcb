package lambda

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestResponse is the exact form that each source takes.
func TestResponse(t *testing.T) {
	t.Parallel()
	h := func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Set-Cookie"] = []string{"a=1; Path=/", "b=2", "c=3"}
		w.Header()["X-Tag"] = []string{"red", "blue"}
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "<ok>")
	}
	multi := `"multiValueHeaders":{"Content-Length":["4"],"Content-Type":["text/plain"],"Set-Cookie":["a=1; Path=/","b=2","c=3"],"X-Tag":["red","blue"]}`
	v2 := `{"statusCode":201,"headers":{"Content-Length":"4","Content-Type":"text/plain","X-Tag":"red,blue"},"multiValueHeaders":null,` +
		`"cookies":["a=1; Path=/","b=2","c=3"],"body":"<ok>","isBase64Encoded":false}`
	for file, want := range map[string]string{
		"rest": `{"statusCode":201,"headers":null,` + multi + `,"body":"<ok>","isBase64Encoded":false}`,
		"http": v2, "url": v2,
		"alb": `{"statusCode":201,"statusDescription":"201 Created","headers":{"Content-Length":"4","Content-Type":"text/plain","X-Tag":"red,blue",` +
			`"Set-Cookie":"a=1; Path=/","set-Cookie":"b=2","SEt-Cookie":"c=3"},"multiValueHeaders":null,"body":"<ok>","isBase64Encoded":false}`,
		"alb-multi": `{"statusCode":201,"statusDescription":"201 Created","headers":null,` + multi + `,"body":"<ok>","isBase64Encoded":false}`,
	} {
		out, err := New(http.HandlerFunc(h), Options{}).Invoke(t.Context(), read(t, file))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := sorted(t, out), sorted(t, []byte(want)); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
		}
	}
}

// sorted writes JSON with its members in order.
func sorted(t *testing.T, b []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	out, _ := json.MarshalIndent(v, "", " ")
	return string(out)
}

// TestManyCookies: each of them has a name of its own, which is Set-Cookie for the client.
func TestManyCookies(t *testing.T) {
	t.Parallel()
	var want []string
	for i := range 512 { // as many spellings as there are
		want = append(want, fmt.Sprintf("c%04d=1", i))
	}
	r := answer(t, func(w http.ResponseWriter, _ *http.Request) { w.Header()["Set-Cookie"] = want }, read(t, "alb"))
	if got := r.header()["Set-Cookie"]; !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("%d of %d cookies are there", len(got), len(want))
	}
}

// TestAsServer compares the answers with those of net/http's server.
func TestAsServer(t *testing.T) {
	t.Parallel()
	text := func(w http.ResponseWriter, s string) { _, _ = io.WriteString(w, s) }
	handlers := map[string]http.HandlerFunc{
		"nothing":     func(http.ResponseWriter, *http.Request) {},
		"empty write": func(w http.ResponseWriter, _ *http.Request) { text(w, "") },
		"text":        func(w http.ResponseWriter, _ *http.Request) { text(w, "hello") },
		"html":        func(w http.ResponseWriter, _ *http.Request) { text(w, "<ht"); text(w, "ml>") },
		"binary":      func(w http.ResponseWriter, _ *http.Request) { text(w, "\x00\xff") },
		"json": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			text(w, "{}\n")
		},
		"no type": func(w http.ResponseWriter, _ *http.Request) { w.Header()["Content-Type"] = nil; text(w, "hello") },
		"compressed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			text(w, "hello")
		},
		"length": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "5"); text(w, "hello") },
		"no content": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			w.WriteHeader(http.StatusNoContent)
			if _, err := w.Write([]byte("hello")); err != http.ErrBodyNotAllowed {
				t.Errorf("a body after 204: %v", err)
			}
		},
		"not modified": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Etag", `"1"`)
			w.WriteHeader(http.StatusNotModified)
			text(w, "hello")
		},
		"first status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); w.WriteHeader(500); text(w, "no") },
		"early hints":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(201) },
		"late header":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202); w.Header().Set("X-Late", "1") },
		"flush":        func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); w.WriteHeader(500) },
		"empty header": func(w http.ResponseWriter, _ *http.Request) { w.Header()["X-None"] = []string{}; text(w, "a") },
		"repeated": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["X-Two"] = []string{"a, b", "c"}
			text(w, "a")
		},
		"strange name": func(w http.ResponseWriter, _ *http.Request) { w.Header()["X Y"] = []string{"1"}; text(w, "a") },
		"unknown":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(299); text(w, "a") },
		"redirect":     func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/there", http.StatusFound) },
		"error":        func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) },
		"cookies":      func(w http.ResponseWriter, _ *http.Request) { w.Header()["Set-Cookie"] = []string{"a=1", "b=2"} },
		"request limit": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(http.MaxBytesReader(w, r.Body, 1))
			w.WriteHeader(413)
		},
	}
	for name, h := range handlers {
		server := httptest.NewUnstartedServer(h)
		server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
		server.Start()
		defer server.Close()
		for _, method := range []string{"GET", "HEAD", "POST"} {
			want := fetch(t, method, server.URL)
			for _, file := range sources {
				got := answer(t, h, withLine(t, file, method, "/"))
				header := got.header()
				if name == "flush" { // that it is not over then, only a server cannot know
					delete(header, "Content-Length")
				}
				if got.StatusCode != want.status || got.body(t) != want.body || !maps.Equal(joined(header), joined(want.header)) {
					t.Errorf("%s, %s, %s: got %+v, want %+v", name, method, file, got, want)
				}
				if method == "HEAD" && got.Body != "" {
					t.Errorf("%s, %s: a body for HEAD", name, file)
				}
			}
		}
	}
}

// joined has one value each, as some sources have it, and cookies in any order.
func joined(h http.Header) map[string]string {
	one := make(map[string]string, len(h))
	for name, values := range h {
		if name == "Set-Cookie" {
			slices.Sort(values)
		}
		one[name] = strings.Join(values, ",")
	}
	return one
}

type served struct {
	status int
	header http.Header
	body   string
}

// fetch returns what a server answers, without what is about its connection.
func fetch(t *testing.T, method, url string) served {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "identity")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	delete(resp.Header, "Date")
	delete(resp.Header, "Connection")
	return served{resp.StatusCode, resp.Header, string(body)}
}

// TestWrongLength: a length that is not the body's would break what is behind.
func TestWrongLength(t *testing.T) {
	t.Parallel()
	for _, file := range sources {
		r := answer(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99")
			w.Header().Set("Connection", "close")
			w.Header().Set("Transfer-Encoding", "chunked")
			_, _ = io.WriteString(w, "hello")
		}, read(t, file))
		if h := r.header(); h.Get("Content-Length") != "5" || len(h) != 2 {
			t.Errorf("%s: %v", file, h)
		}
	}
}

func TestBinary(t *testing.T) {
	t.Parallel()
	f := func(body, encoding string, encoded bool) {
		t.Helper()
		for _, file := range sources {
			r := answer(t, func(w http.ResponseWriter, _ *http.Request) {
				if encoding != "" {
					w.Header().Set("Content-Encoding", encoding)
				}
				_, _ = io.WriteString(w, body)
			}, read(t, file))
			if r.IsBase64Encoded != encoded || r.body(t) != body {
				t.Errorf("%s, %q, %s: %v %q", file, body, encoding, r.IsBase64Encoded, r.Body)
			}
		}
	}
	f("text \u20ac \x00\u2028<&>", "", false)
	f("\xff", "", true)
	f("text \xe2\x82", "", true)
	f("text", "gzip", true)
	f("\xff", "gzip", true)
	f("", "gzip", false)
}

// TestLimit: what counts is the JSON, not the body.
func TestLimit(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"rest", "http", "alb", "alb-multi"} {
		limit, tooLarge := 6_291_556, "The answer is larger than the 6291556 bytes that AWS Lambda takes."
		if strings.HasPrefix(file, "alb") {
			limit, tooLarge = 1<<20, "The answer is larger than the 1048576 bytes that an Application Load Balancer takes."
		}
		send := func(unit string, n int) (reply, int) {
			body := bytes.Repeat([]byte(unit), n)
			out, err := New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Tag", "red")
				for part := range slices.Chunk(body, 1_000_000) {
					_, _ = w.Write(part)
				}
			}), Options{}).Invoke(t.Context(), read(t, file))
			var r reply
			if err != nil || json.Unmarshal(out, &r) != nil {
				t.Fatal(err)
			}
			return r, len(out)
		}
		fails := func(unit string, n int) {
			t.Helper()
			r, size := send(unit, n)
			if r.StatusCode != 502 || r.Body != `{"errors":[{"message":"`+tooLarge+`"}]}`+"\n" || r.header().Get("X-Tag") != "" || size > 1000 {
				t.Errorf("%s: %d times %q: %d bytes, %.200v", file, n, unit, size, r)
			}
		}
		fits := func(unit string, n int) int {
			t.Helper()
			r, size := send(unit, n)
			if r.StatusCode != 200 || size > limit || len(r.body(t)) != n*len(unit) {
				t.Errorf("%s: %d times %q: %d bytes, status %d", file, n, unit, size, r.StatusCode)
			}
			return size
		}
		// One byte decides. The length of the length is the same for both.
		frame := fits("a", 1_000_000) - 1_000_000
		if got := fits("a", limit-frame); got != limit {
			t.Errorf("%s: %d bytes, want %d", file, got, limit)
		}
		fails("a", limit-frame+1)
		if limit > balancerLimit {
			continue // what follows takes its time
		}
		fails("a", limit+1)
		fails("a", 3*limit)
		fits("\x01", limit/6-1000) // \u0001 has six bytes
		fails("\x01", limit/6+1)
		fits("\xff", limit/4*3-3000)
		fails("\xff", limit/4*3+3)
	}
}

// TestLimitTellsHandler: who writes on and on learns that nobody takes it.
// TestLimitHead: HEAD has no limit, since nothing of the body is sent.
func TestLimitHead(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"rest", "http", "alb"} {
		r := answer(t, func(w http.ResponseWriter, _ *http.Request) {
			for range 7 {
				if n, err := w.Write(bytes.Repeat([]byte("x"), 1<<20)); n != 1<<20 || err != nil {
					t.Error(n, err)
				}
			}
		}, withLine(t, file, "HEAD", "/"))
		if h := r.header(); r.StatusCode != 200 || h.Get("Content-Length") != "7340032" || !strings.HasPrefix(h.Get("Content-Type"), "text/plain") || r.body(t) != "" {
			t.Errorf("%s: %v", file, r)
		}
	}
}

func TestLimitTellsHandler(t *testing.T) {
	t.Parallel()
	var failed error
	r := answer(t, func(w http.ResponseWriter, _ *http.Request) {
		part := make([]byte, 1<<16)
		for range 100 {
			if _, failed = w.Write(part); failed != nil {
				return
			}
		}
	}, read(t, "alb"))
	if failed == nil || r.StatusCode != 502 {
		t.Errorf("%v, %d", failed, r.StatusCode)
	}
}

func TestHeaderTooLarge(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"alb", "alb-multi"} {
		r := answer(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Big", strings.Repeat("a", 1<<20)) }, read(t, file))
		if r.StatusCode != 502 {
			t.Errorf("%s: %d", file, r.StatusCode)
		}
	}
}

// TestBadUTF8: what cannot be in JSON is replaced, never a failure of the function.
func TestBadUTF8(t *testing.T) {
	t.Parallel()
	for _, file := range sources {
		r := answer(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Latin", "caf\xe9") }, read(t, file))
		if got := r.header().Get("X-Latin"); got != "caf\ufffd" {
			t.Errorf("%s: %q", file, got)
		}
	}
}
