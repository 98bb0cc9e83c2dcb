package lambda

import (
	"bytes"
	"context"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	aws "github.com/aws/aws-lambda-go/lambda"
)

var _ aws.Handler = &Adapter{}

// TestOtherEvents: what is no HTTP request is a failure of the function, which does not tell what came.
func TestOtherEvents(t *testing.T) {
	t.Parallel()
	a := New(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") }), Options{})
	f := func(payload string) {
		t.Helper()
		out, err := a.Invoke(t.Context(), []byte(payload))
		if err == nil || out != nil {
			t.Fatalf("%s: %s, %v", payload, out, err)
		}
		for _, want := range []string{"API Gateway", "function URL", "Application Load Balancer"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", payload, err)
			}
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%v has what came", err)
		}
	}
	for _, payload := range []string{
		``, `null`, `1`, `"secret"`, `[]`, `{}`, `{"secret":`, `{"body":{"secret":1}}`, `{"headers":{"a":["secret"]}}`, `{"requestContext":"secret"}`,
		// A topic, a schedule, a websocket, a load balancer of another kind, an agent.
		`{"Records":[{"EventSource":"aws:sns","Sns":{"Message":"secret"}}]}`,
		`{"version":"0","source":"aws.events","detail-type":"Scheduled Event","detail":{}}`,
		`{"requestContext":{"routeKey":"$connect","eventType":"CONNECT","connectionId":"secret","apiId":"a"},"isBase64Encoded":false}`,
		`{"version":"2.0","path":"/","method":"GET","headers":{"a":["1"]},"requestContext":{"serviceNetworkArn":"a"}}`,
		`{"messageVersion":"1.0","apiPath":"/","httpMethod":"GET","agent":{}}`,
	} {
		f(payload)
	}
	// Those that ask an authorizer look like requests.
	f(string(with(t, "rest", "type", "REQUEST", "methodArn", "arn")))
	f(string(with(t, "http", "type", "REQUEST", "routeArn", "arn")))
	// Formats that are not known.
	f(string(with(t, "http", "version", "3.0")))
	f(string(with(t, "http", "version", "1.0")))
	f(string(with(t, "rest", "version", "2.0")))
	f(string(with(t, "rest", "requestContext", nil)))
}

// TestLenient: what a client can put into an event must not make the function fail.
func TestLenient(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{
		`{"httpMethod":"GET","path":"/","headers":{"a":"1","a":"2"},"requestContext":{}}`,
		`{"httpMethod":"GET","path":"/","headers":{"a":"\ud800"},"multiValueHeaders":null,"body":null,"requestContext":{"identity":null}}`,
		"{\"httpMethod\":\"GET\",\"path\":\"/\",\"body\":\"\xff\",\"requestContext\":{\"elb\":{}}}",
		`{"version":"1.0","httpMethod":"GET","path":"/","requestContext":{"new":[1]},"new":{"a":1}}`,
		`{"version":"2.0","rawPath":"/","cookies":null,"headers":null,"requestContext":{"http":{"method":"GET"}}}`,
	} {
		received(t, Options{}, []byte(payload))
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	f := func(p any, status int, message string) {
		t.Helper()
		for _, file := range sources {
			var logged bytes.Buffer
			a := New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Tag", "red")
				_, _ = io.WriteString(w, "half")
				panic(p)
			}), Options{Log: slog.New(slog.NewTextHandler(&logged, nil))})
			r := invoke(t, a, read(t, file))
			if r.StatusCode != status || r.Body != `{"errors":[{"message":"`+message+`"}]}`+"\n" || r.header().Get("X-Tag") != "" ||
				r.header().Get("Content-Type") != "application/json" {
				t.Errorf("%s, %v: %+v", file, p, r)
			}
			if !strings.Contains(logged.String(), "panic=") || strings.Count(logged.String(), "level=") != 1 {
				t.Errorf("%s, %v: the log is %q", file, p, logged.String())
			}
		}
	}
	f("no", 500, "Internal error. Please check logs.")
	f([]int{1}, 500, "Internal error. Please check logs.")
	f(nil, 500, "Internal error. Please check logs.")
	f(http.ErrAbortHandler, 502, "The answer was given up halfway.")

	// Without a log it is the same. What is no status is a panic, as on a server.
	if r := answer(t, func(http.ResponseWriter, *http.Request) { panic("no") }, read(t, "rest")); r.StatusCode != 500 {
		t.Errorf("%+v", r)
	}
	for _, status := range []int{-1, 0, 99, 1000} {
		if r := answer(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }, read(t, "rest")); r.StatusCode != 500 {
			t.Errorf("%d: %+v", status, r)
		}
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	f := func(left, want time.Duration) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "lambda"), left)
			defer cancel()
			var inside context.Context
			a := New(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				inside = r.Context()
				end, ok := r.Context().Deadline()
				if got := time.Until(end); !ok || got != want || r.Context().Value(key{}) != "lambda" {
					t.Errorf("%s of %s, %v, %v", got, left, ok, r.Context().Value(key{}))
				}
				<-r.Context().Done()
				if want > 0 && ctx.Err() != nil {
					t.Errorf("no time is left of %s", left)
				}
			}), Options{})
			if _, err := a.Invoke(ctx, read(t, "http")); err != nil || inside == nil {
				t.Errorf("the handler was not called, %v", err)
			}
		})
	}
	f(time.Minute, time.Minute-500*time.Millisecond)
	f(5*time.Second, 4500*time.Millisecond)
	f(3*time.Second, 2700*time.Millisecond)
	f(100*time.Millisecond, 90*time.Millisecond)
	f(-time.Second, -time.Second)

	r, _ := received(t, Options{}, read(t, "http"))
	if _, ok := r.Context().Deadline(); ok {
		t.Error("there is a deadline without one")
	}
	if r.Context().Err() == nil {
		t.Error("the context outlives the answer")
	}
}

type key struct{}

// TestQuiet: the library prints what it cannot use, which may be anything that a client sends.
func TestQuiet(t *testing.T) { // not parallel: it has the standard output
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = file, file
	log.SetOutput(file)
	defer func() {
		os.Stdout, os.Stderr = stdout, stderr
		log.SetOutput(stderr)
	}()
	a := New(http.NotFoundHandler(), Options{})
	for _, source := range sources {
		for _, payload := range [][]byte{
			withLine(t, source, "GET", "/%zz"), withLine(t, source, "GET", "/\x00"), withLine(t, source, "G T", "/"), withLine(t, source, "GET", "http://[::1"),
			with(t, source, "isBase64Encoded", true, "body", "*"), withHeader(t, source, spell(source, "Host"), "%zz"), withHeader(t, source, "hOST", "%zz"),
			with(t, source, "requestContext.domainName", "%zz"),
		} {
			invoke(t, a, payload)
		}
	}
	if b, err := os.ReadFile(file.Name()); err != nil || len(b) > 0 {
		t.Errorf("printed %q, %v", b, err)
	}
}
