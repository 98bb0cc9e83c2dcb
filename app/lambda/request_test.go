package lambda

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// TestRequest compares what the handler gets with the golden files.
func TestRequest(t *testing.T) {
	t.Parallel()
	for _, file := range sources {
		r, body := received(t, Options{}, read(t, file))
		got := dump(r, body)
		golden := "testdata/" + file + ".request"
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
		}
	}
}

func dump(r *http.Request, body string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s %s\n", r.Method, r.RequestURI, r.Proto)
	fmt.Fprintf(&b, "url: path %q, raw path %q, query %q, scheme %q, host %q\n", r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.URL.Scheme, r.URL.Host)
	fmt.Fprintf(&b, "host: %s\nremote: %s\nlength: %d %v\n", r.Host, r.RemoteAddr, r.ContentLength, r.TransferEncoding)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(&b, "%s: %q\n", name, r.Header[name])
	}
	fmt.Fprintf(&b, "body: %q\n", body)
	return b.Bytes()
}

// TestLibraryHeaders: a client cannot name a request context for the library.
func TestLibraryHeaders(t *testing.T) {
	t.Parallel()
	for _, file := range sources {
		for _, name := range []string{"X-GoLambdaProxy-ApiGw-Context", "x-golambdaproxy-apigw-stagevars", "X-GOLAMBDAPROXY-ALB-CONTEXT", "X-GoLambdaProxy-"} {
			r, _ := received(t, Options{}, withHeader(t, file, name, `{"accountId":"1"}`))
			for got := range r.Header {
				if strings.HasPrefix(strings.ToLower(got), "x-golambdaproxy") {
					t.Errorf("%s: %s reached the handler", file, got)
				}
			}
		}
	}
}

func TestHeaderValuesStayWhole(t *testing.T) {
	t.Parallel()
	for _, file := range sources {
		for name, value := range map[string]string{
			"Date": "Fri, 21 Aug 2026 12:04:17 GMT", "If-None-Match": `"one", "two"`, "Stripe-Signature": "t=1,v1=5257a869,v0=6ffbb59b",
			"X-Any": " a ,b,, c", "Content-Type": "multipart/mixed; boundary=\"a,b\"",
		} {
			r, _ := received(t, Options{}, withHeader(t, file, spell(file, name), value))
			if got := r.Header[name]; len(got) != 1 || got[0] != value {
				t.Errorf("%s: %s is %q, want %q", file, name, got, value)
			}
		}
	}
}

func TestCookies(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"rest", "http", "alb", "alb-multi"} {
		r, _ := received(t, Options{}, read(t, file))
		if got := r.Header["Cookie"]; len(got) != 1 || got[0] != "theme=dark; session=s1" {
			t.Errorf("%s: %q", file, got)
		}
		if c, err := r.Cookie("session"); err != nil || c.Value != "s1" {
			t.Errorf("%s: %v, %v", file, c, err)
		}
	}
}

// TestRemoteAddr takes addresses apart as gin's ClientIP does.
func TestRemoteAddr(t *testing.T) {
	t.Parallel()
	f := func(want string, payload []byte) {
		t.Helper()
		r, _ := received(t, Options{}, payload)
		if want == "" {
			if r.RemoteAddr != "" {
				t.Errorf("got %q, want none", r.RemoteAddr)
			}
			return
		}
		host, port, err := net.SplitHostPort(r.RemoteAddr)
		if ip := net.ParseIP(host); err != nil || ip == nil || ip.String() != want || port == "" {
			t.Errorf("%q: got %s, %v, want %s", r.RemoteAddr, ip, err, want)
		}
	}
	for _, ip := range []string{"203.0.113.9", "::1", "2001:db8::7"} {
		f(ip, with(t, "rest", "requestContext.identity.sourceIp", ip))
		f(ip, with(t, "http", "requestContext.http.sourceIp", ip))
		f(ip, with(t, "url", "requestContext.http.sourceIp", ip))
		f(ip, withHeader(t, "alb", "x-forwarded-for", "10.0.0.1, "+ip))
		f(ip, withHeader(t, "alb", "x-forwarded-for", ip))
		f(ip, withHeader(t, "alb", "x-forwarded-for", "10.0.0.1,"+net.JoinHostPort(ip, "4711")))
		f(ip, with(t, "alb-multi", "multiValueHeaders.x-forwarded-for", []string{"10.0.0.1", "10.0.0.2, " + ip}))
	}
	f("", with(t, "rest", "requestContext.identity.sourceIp", "test-invoke-source-ip"))
	f("", with(t, "http", "requestContext.http.sourceIp", nil))
	f("", with(t, "alb", "headers.x-forwarded-for", nil))
	f("", withHeader(t, "alb", "x-forwarded-for", "10.0.0.1, "))
	f("", with(t, "alb-multi", "multiValueHeaders.x-forwarded-for", []string{}))
}

func TestBadRequest(t *testing.T) {
	t.Parallel()
	a := New(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") }), Options{})
	f := func(want string, payload []byte) {
		t.Helper()
		r := invoke(t, a, payload)
		if r.StatusCode != 400 || r.header().Get("Content-Type") != "application/json" || r.IsBase64Encoded ||
			r.Body != `{"errors":[{"message":"Bad request: `+want+`."}]}`+"\n" {
			t.Errorf("got %+v", r)
		}
	}
	for _, file := range sources {
		for _, path := range []string{"/a%", "/%zz", "/a%2", "/a\x00b", "/a\nb"} {
			f("the path or the query is malformed", withLine(t, file, "GET", path))
		}
		for _, method := range []string{"GET /", "G\nT", "{}", "\xff"} {
			f("the method is malformed", withLine(t, file, method, "/"))
		}
		for _, body := range []string{"*", "AAA", "AAH+\u20ac"} {
			f("the body is not the base64 that it should be", with(t, file, "isBase64Encoded", true, "body", body))
		}
		f("a header is malformed", withHeader(t, file, "a b", "1"))
		f("a header is malformed", withHeader(t, file, "", "1"))
		f("a header is malformed", withHeader(t, file, "X-A", "1\r\nX-B: 2"))
		f("the Host header is malformed", withHeader(t, file, spell(file, "Host"), "a b"))
	}
	f("the method is malformed", with(t, "http", "requestContext.http.method", ""))
	f("the path or the query is malformed", with(t, "http", "rawQueryString", "a\x7f"))
	f("the path or the query is malformed", with(t, "alb", "queryStringParameters.a", "b\n"))
	f("the Host header is malformed", with(t, "alb-multi", "multiValueHeaders.host", []string{"a", "b"}))
	f("the Host header is malformed", with(t, "alb", "headers.HOST", "b"))
}

// TestMethod: net/http's server does not change a method, the library does.
func TestMethod(t *testing.T) {
	t.Parallel()
	for _, file := range sources {
		if r, _ := received(t, Options{}, withLine(t, file, "Purge", "/")); r.Method != "Purge" {
			t.Errorf("%s: %q", file, r.Method)
		}
	}
}

func TestBasePath(t *testing.T) {
	t.Parallel()
	f := func(base, path, want string) {
		t.Helper()
		for _, file := range sources {
			r, _ := received(t, Options{BasePath: base}, withLine(t, file, "GET", path))
			if got, _, _ := strings.Cut(r.RequestURI, "?"); got != want || r.URL.EscapedPath() != want {
				t.Errorf("%s: %s below %s: got %s and %s, want %s", file, path, base, got, r.URL.EscapedPath(), want)
			}
		}
	}
	for _, base := range []string{"api", "/api", "/api/", "api/"} {
		f(base, "/api", "/")
		f(base, "/api/", "/")
		f(base, "/api/x", "/x")
		f(base, "/api/api/x", "/api/x")
		f(base, "/apix", "/apix")
		f(base, "/apix/api", "/apix/api")
		f(base, "/x/api", "/x/api")
		f(base, "/", "/")
		f(base, "/api/a%2Fb", "/a%2Fb")
	}
	f("/v1/api", "/v1/api/x", "/x")
	f("/v1/api", "/v1/x", "/v1/x")
	f("", "/api", "/api")
	f("/", "/api", "/api")
	f("", "api", "/api")
}

func TestStage(t *testing.T) {
	t.Parallel()
	f := func(stage, prefix, rawPath, want string) {
		t.Helper()
		r, _ := received(t, Options{}, with(t, "http", "requestContext.stage", stage, "requestContext.domainPrefix", prefix, "rawPath", rawPath))
		if r.URL.Path != want {
			t.Errorf("stage %s, %s on %s: got %s, want %s", stage, rawPath, prefix, r.URL.Path, want)
		}
	}
	const id = "z9y8x7w6v5" // the apiId of the event
	f("prod", id, "/prod/x", "/x")
	f("prod", id, "/prod", "/")
	f("prod", id, "/prod/", "/")
	f("prod", id, "/prod/prod/x", "/prod/x")
	f("prod", id, "/production/x", "/production/x")
	f("prod", "api", "/prod/x", "/prod/x")
	f("$default", id, "/$default/x", "/$default/x")
	f("", id, "//x", "//x")

	// The stage comes before the base path.
	r, _ := received(t, Options{BasePath: "/orders"}, read(t, "http"))
	if r.URL.Path != "/17" {
		t.Errorf("got %s", r.URL.Path)
	}
	// REST APIs do not put the stage into the path.
	if r, _ := received(t, Options{}, with(t, "rest", "path", "/prod/x")); r.URL.Path != "/prod/x" {
		t.Errorf("got %s", r.URL.Path)
	}
	// Without a raw path, the one of the context is as good.
	if r, _ := received(t, Options{}, with(t, "http", "rawPath", "")); r.URL.Path != "/orders/17" {
		t.Errorf("got %s", r.URL.Path)
	}
}

// TestPath: the URL is what net/http's server would have parsed.
func TestPath(t *testing.T) {
	t.Parallel()
	f := func(path, sent string) {
		t.Helper()
		want, err := url.ParseRequestURI(sent)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range sources {
			r, _ := received(t, Options{}, withLine(t, file, "GET", path))
			got := *r.URL
			got.RawQuery = ""
			if got != *want {
				t.Errorf("%s: %s is %#v, want %#v", file, path, got, *want)
			}
		}
	}
	for _, path := range []string{"/", "/a", "/a%2Fb", "/a%20b", "/%61", "/a/../b", "//a", "/a//b", "/ä", "/a;b=c", "/a:b@c", "/%F0%9F%92%A9", "/a+b", "/[a]"} {
		f(path, path)
	}
	// HTTP APIs decode paths, so a question mark does not begin a query.
	f("/a?b", "/a%3Fb")
	f("/a#b", "/a#b")
}

func TestQuery(t *testing.T) {
	t.Parallel()
	f := func(want string, payload []byte) {
		t.Helper()
		for range 3 { // maps have another order each time
			r, _ := received(t, Options{}, payload)
			if _, query, _ := strings.Cut(r.RequestURI, "?"); r.URL.RawQuery != want || query != want {
				t.Errorf("got %q and %q, want %q", r.URL.RawQuery, query, want)
			}
		}
	}
	multi := map[string]any{"b": []string{"2", "1"}, "a": []string{"x y&z=+%"}, "d": []string{}, "c": []string{""}}
	f("a=x+y%26z%3D%2B%25&b=2&b=1&c=", with(t, "rest", "multiValueQueryStringParameters", multi))
	f("a=1&b=x+y", with(t, "rest", "multiValueQueryStringParameters", nil, "queryStringParameters", map[string]string{"b": "x y", "a": "1"}))
	f("", with(t, "rest", "multiValueQueryStringParameters", nil, "queryStringParameters", nil))

	raw := map[string]any{"b%20": []string{"2%2B", "1"}, "a": []string{"x+y"}, "c": []string{""}}
	f("a=x+y&b%20=2%2B&b%20=1&c=", with(t, "alb-multi", "multiValueQueryStringParameters", raw))
	f("a=%zz&b=%2525", with(t, "alb", "queryStringParameters", map[string]string{"b": "%2525", "a": "%zz"}))
	f("", with(t, "alb", "queryStringParameters", nil))

	for _, query := range []string{"", "a=1&a=2&b", "z=%2B&a=+", "a=1&&b=%zz", "a?b#c"} {
		f(query, with(t, "http", "rawQueryString", query))
	}
}

// TestHost: the host is the domain of the API, whatever the client and the environment say.
func TestHost(t *testing.T) {
	f := func(want string, payload []byte) {
		t.Helper()
		for _, env := range []string{"", "https://other.example/prefix", "%zz", "::bad"} {
			if env != "" {
				t.Setenv("GO_API_HOST", env)
			}
			r, _ := received(t, Options{}, payload)
			if _, ok := r.Header["Host"]; r.Host != want || ok || r.URL.Host != "" || r.URL.Scheme != "" || strings.Contains(r.RequestURI, "prefix") {
				t.Errorf("GO_API_HOST=%s: host %q, header %q, URL %s, want %q", env, r.Host, r.Header["Host"], r.URL, want)
			}
		}
	}
	f("q1w2e3r4t5.execute-api.eu-west-1.amazonaws.com", withHeader(t, "rest", "Host", "evil.example"))
	f("z9y8x7w6v5.execute-api.eu-west-1.amazonaws.com", withHeader(t, "http", "host", "evil.example"))
	f("fgh456url.lambda-url.eu-west-1.on.aws", withHeader(t, "url", "host", "evil.example"))
	f("client.example", with(t, "rest", "requestContext.domainName", nil, "multiValueHeaders.Host", []string{"client.example"}))
	f("client.example", with(t, "http", "requestContext.domainName", nil, "headers.host", "client.example"))
	f("shop.example.com:8080", read(t, "alb"))
	f("shop.example.com:8080", read(t, "alb-multi"))
	f("", with(t, "alb", "headers.host", nil))
}

// TestFraming: the body that came is the body, whatever the headers say of it.
func TestFraming(t *testing.T) {
	t.Parallel()
	for _, file := range sources {
		for _, said := range []string{"0", "3", "99999", "-1", "many"} {
			r, body := received(t, Options{}, withHeader(t, file, spell(file, "Content-Length"), said))
			if r.ContentLength != int64(len(body)) || r.Header.Get("Content-Length") != strconv.Itoa(len(body)) || len(r.Header["Content-Length"]) != 1 {
				t.Errorf("%s: %d bytes, said %s: length %d, header %q", file, len(body), said, r.ContentLength, r.Header["Content-Length"])
			}
		}
		for _, name := range []string{"Transfer-Encoding", "Connection", "transfer-encoding", "connection"} {
			r, _ := received(t, Options{}, withHeader(t, file, name, "chunked"))
			if r.Header.Get(name) != "" || len(r.TransferEncoding) > 0 {
				t.Errorf("%s: %s reached the handler", file, name)
			}
		}
		if r, body := received(t, Options{}, with(t, file, "body", nil)); r.ContentLength != 0 || r.Body != http.NoBody || body != "" {
			t.Errorf("%s: length %d, body %q", file, r.ContentLength, body)
		}
	}
}

// TestBinaryBody: each byte comes through, in both directions.
func TestBinaryBody(t *testing.T) {
	t.Parallel()
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, file := range sources {
		r := answer(t, func(w http.ResponseWriter, r *http.Request) {
			var b bytes.Buffer
			_, _ = b.ReadFrom(r.Body)
			_, _ = w.Write(b.Bytes())
		}, with(t, file, "body", all, "isBase64Encoded", true))
		if !r.IsBase64Encoded || r.body(t) != string(all) {
			t.Errorf("%s: %+v", file, r)
		}
	}
}
