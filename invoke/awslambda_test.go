package invoke_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/invoke/lambdatest"
	"github.com/event-gateway/event-gateway/store"
)

// region is a server in place of AWS Lambda. It keeps what it was sent.
type region struct {
	*httptest.Server
	mu     sync.Mutex
	got    []*http.Request
	bodies []string
}

func newRegion(t testing.TB, answer http.HandlerFunc) *region {
	r := &region{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.got, r.bodies = append(r.got, req), append(r.bodies, string(body))
		r.mu.Unlock()
		answer(w, req)
	}))
	t.Cleanup(r.Close)
	awsEnv(t, r.URL)
	return r
}

func (r *region) calls() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

// awsEnv takes out of the environment whatever it says of AWS, and sets where its services are.
func awsEnv(t testing.TB, endpoint string) {
	nowhere := filepath.Join(t.TempDir(), "none")
	for _, service := range []string{"KINESIS", "FIREHOSE", "SQS", "STS"} {
		t.Setenv("AWS_ENDPOINT_URL_"+service, endpoint)
	}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_LAMBDA": endpoint, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": nowhere, "AWS_SHARED_CREDENTIALS_FILE": nowhere,
		"AWS_ACCESS_KEY_ID": "AKIDGATEWAY", "AWS_SECRET_ACCESS_KEY": "gateway/secret+key", "AWS_SESSION_TOKEN": "gateway+token//==",
		"AWS_CA_BUNDLE": "", "AWS_PROFILE": "", "AWS_REGION": "us-west-2", "AWS_MAX_ATTEMPTS": "", "AWS_RETRY_MODE": "",
		"HTTP_PROXY": "", "HTTPS_PROXY": "", "http_proxy": "", "https_proxy": "",
	} {
		t.Setenv(name, value)
	}
}

const (
	arn     = "arn:aws:lambda:eu-west-1:123456789012:function:hello"
	ownKeys = `"awsAccessKeyId":"AKIDOWN","awsSecretAccessKey":"own/secret+key","awsSessionToken":"own+token//=="`
)

// function decodes a Lambda function with these settings besides its region.
func function(t testing.TB, arn, settings string) *store.Function {
	t.Helper()
	if settings != "" {
		settings = "," + settings
	}
	body := fmt.Sprintf(`{"functionId":"f","type":"awslambda","provider":{"arn":%q,"region":"eu-west-1"%s}}`, arn, settings)
	f, err := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil).DecodeFunction([]byte(body), "default", "")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func open(t testing.TB, o invoke.EgressOptions, f *store.Function) (invoke.Invoker, error) {
	e := invoke.NewEgress(o)
	t.Cleanup(e.Close)
	return openAt(e, o.Lent(), f)
}

func openAt(e *invoke.Egress, lent invoke.Credentials, f *store.Function) (invoke.Invoker, error) {
	for _, typ := range invoke.Types(lent) {
		if typ.Name == f.Kind() {
			s, err := f.Open(nil)
			if err != nil {
				return nil, err
			}
			return typ.Open(s, e)
		}
	}
	return nil, errors.New("no such type")
}

func mustOpen(t testing.TB, f *store.Function) invoke.Invoker {
	t.Helper()
	call, err := open(t, invoke.EgressOptions{}, f)
	if err != nil {
		t.Fatal(err)
	}
	return call
}

func payload(body string) invoke.Payload {
	return invoke.Payload{Body: []byte(body)}
}

// wantError wants an *Error of the class, with a message that has all the words.
func wantError(t *testing.T, err error, class invoke.Class, words ...string) *invoke.Error {
	t.Helper()
	var e *invoke.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no *Error", err)
	}
	for _, w := range words {
		if !strings.Contains(e.Message, w) {
			t.Errorf("the message is %q, want %q in it", e.Message, w)
		}
	}
	if e.Class != class {
		t.Errorf("the class is %q, want %q: %v", e.Class, class, err)
	}
	for _, secret := range []string{"AKID", "secret", "token//", "123456789012"} {
		if strings.Contains(e.Message, secret) || secret != "123456789012" && strings.Contains(err.Error(), secret) {
			t.Errorf("%q is in %v", secret, err)
		}
	}
	return e
}

// TestLambda calls functions as AWS runs them.
func TestLambda(t *testing.T) {
	binary, err := lambdatest.BuildGo(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h, err := lambdatest.Start(map[string]lambdatest.Function{"hello": {Command: []string{binary}, Timeout: 2 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	awsEnv(t, h.URL())
	f := func(name, event string) (*invoke.Answer, error) {
		return mustOpen(t, function(t, name, ""))(t.Context(), payload(event))
	}
	for _, name := range []string{"hello", "hello:live", arn, arn + ":live"} {
		a, err := f(name, `{"a":1}`)
		if err != nil {
			t.Fatal(err)
		}
		r, err := invoke.ParseResponse(a.Body)
		if err != nil || string(r.Body) != `{"a":1}` || a.Status != 200 || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	fails := func(event string, class invoke.Class, words ...string) *invoke.Error {
		t.Helper()
		_, err := f("hello", event)
		return wantError(t, err, class, words...)
	}
	if e := fails(`{"do":"error"}`, invoke.Function, "it failed: errorString"); !strings.Contains(e.Cause.Error(), "told to fail") {
		t.Error(e.Cause)
	}
	if e := fails(`{"do":"panic"}`, invoke.Function, "it failed: string"); !strings.Contains(e.Cause.Error(), "told to panic") {
		t.Error(e.Cause)
	}
	fails(`{"do":"exit","n":3}`, invoke.Function, "it failed: Runtime.ExitError")
	fails(`{"do":"sleep","n":60000}`, invoke.Timeout, "it did not answer in time")
	fails(`{"do":"big","n":7000000}`, invoke.Function, "it failed: Function.ResponseSizeTooLarge")
	fails(`"`+strings.Repeat("x", invoke.MaxAnswer)+`"`, invoke.Invalid, "the event is larger than AWS Lambda takes")
	fails(`no JSON`, invoke.Invalid, "AWS Lambda refused the call (InvalidRequestContentException)")
	if a, err := f("hello", `{"do":"big","n":6000000}`); err != nil || len(a.Body) < 6000000 {
		t.Error(err)
	}
	_, err = f("missing", `{}`)
	wantError(t, err, invoke.Invalid, "no such function", "(ResourceNotFoundException)")
}

// TestLambdaLineage: a Lambda function gets no headers, but a client context.
func TestLambdaLineage(t *testing.T) {
	got := make(chan string, 1)
	region := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header.Get("X-Amz-Client-Context")
		_, _ = io.WriteString(w, `{}`)
	}))
	t.Cleanup(region.Close)
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", region.URL)
	t.Setenv("AWS_CA_BUNDLE", "")
	later := mustOpen(t, function(t, arn, ownKeys+`,"async":true`)) // AWS Lambda would not pass it on
	if _, err := later(t.Context(), invoke.Payload{Body: []byte("{}"), Event: &event.Event{Lineage: "AbC-_9"}}); err != nil {
		t.Fatal(err)
	}
	if raw := <-got; raw != "" {
		t.Errorf("async: the client context is %q", raw)
	}
	call := mustOpen(t, function(t, arn, ownKeys))
	for lineage, want := range map[string]string{"": "", "AbC-_9": `{"custom":{"eventgatewaylineage":"AbC-_9"}}`} {
		if _, err := call(t.Context(), invoke.Payload{Body: []byte("{}"), Event: &event.Event{Lineage: lineage}}); err != nil {
			t.Fatal(err)
		}
		if raw, err := base64.StdEncoding.DecodeString(<-got); err != nil || string(raw) != want {
			t.Errorf("lineage %q: the client context is %q, want %q: %v", lineage, raw, want, err)
		}
	}
}

// TestLambdaRefused: what AWS Lambda itself answers.
func TestLambdaRefused(t *testing.T) {
	h, err := lambdatest.Start(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	awsEnv(t, h.URL())
	call := mustOpen(t, function(t, arn, ownKeys))
	f := func(status int, code string, class invoke.Class, words ...string) {
		t.Helper()
		h.Reject(func(r *http.Request) *lambdatest.Rejection {
			return &lambdatest.Rejection{Status: status, Type: code, Message: "User: arn:aws:iam::123456789012:user/x. You sent " + fmt.Sprint(r.Header) + " own/secret+key"}
		})
		_, err := call(t.Context(), payload(`{}`))
		if e := wantError(t, err, class, words...); e.Code != strings.TrimPrefix(code, "UnknownError") {
			t.Errorf("the code is %q", e.Code)
		} else if !strings.Contains(e.Cause.Error(), "User: arn:aws:iam::123456789012:user/x. You sent") || len(e.Cause.Error()) > 300 {
			t.Error(e.Cause)
		}
	}
	f(403, "AccessDeniedException", invoke.Denied, "the call was denied (AccessDeniedException): its credentials need lambda:InvokeFunction on it")
	f(403, "UnrecognizedClientException", invoke.Denied, "the call was denied (UnrecognizedClientException): the AWS credentials are not valid")
	f(403, "ExpiredTokenException", invoke.Denied, "the call was denied (ExpiredTokenException): the AWS credentials have expired")
	f(403, "InvalidSignatureException", invoke.Denied, "the call was denied (InvalidSignatureException)")
	f(403, "MissingAuthenticationTokenException", invoke.Denied, "the call was denied (MissingAuthenticationTokenException)")
	f(403, "UnknownError", invoke.Denied, "the call was denied (status 403)")
	f(502, "KMSAccessDeniedException", invoke.Denied, "the call was denied (KMSAccessDeniedException)", "key")
	f(502, "EC2AccessDeniedException", invoke.Denied, "the call was denied (EC2AccessDeniedException)")
	f(429, "TooManyRequestsException", invoke.Throttled, "no more calls of it for now (TooManyRequestsException)")
	f(429, "ThrottlingException", invoke.Throttled, "no more calls of it for now (ThrottlingException)")
	f(404, "ResourceNotFoundException", invoke.Invalid, "no such function")
	f(409, "ResourceConflictException", invoke.Temporary, "could not call it (ResourceConflictException)")
	f(413, "RequestTooLargeException", invoke.Invalid, "larger than AWS Lambda takes (RequestTooLargeException)")
	f(413, "RequestEntityTooLargeException", invoke.Invalid, "larger than AWS Lambda takes (RequestEntityTooLargeException)")
	f(400, "InvalidParameterValueException", invoke.Invalid, "refused the call (InvalidParameterValueException)")
	f(500, "ServiceException", invoke.Temporary, "could not call it (ServiceException)")
	f(503, "UnknownError", invoke.Temporary, "could not call it (status 503)")
}

// TestLambdaHostile: answers that AWS never gives.
func TestLambdaHostile(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	t.Cleanup(target.Close)
	f := func(name string, answer http.HandlerFunc, class invoke.Class, words ...string) {
		t.Run(name, func(t *testing.T) {
			r := newRegion(t, answer)
			_, err := mustOpen(t, function(t, arn, ownKeys))(t.Context(), payload(`{}`))
			e := wantError(t, err, class, words...)
			if strings.ContainsAny(e.Message, "<>") || strings.ContainsAny(e.Error(), "\n\x00\u202e") || len(e.Error()) > 500 {
				t.Errorf("%q", e)
			}
			if n := r.calls(); n != 1 {
				t.Errorf("%d calls", n)
			}
		})
	}
	failed := func(payload string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Function-Error", "<junk>")
			_, _ = io.WriteString(w, payload)
		}
	}
	refused := func(status int, header, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-ErrorType", header)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	f("function error without a payload", failed(""), invoke.Function, "it failed")
	f("function error, no JSON", failed("<html>"), invoke.Function, "it failed")
	f("function error, other types", failed(`{"errorType":1,"errorMessage":[]}`), invoke.Function, "it failed")
	f("function error, markup", failed(`{"errorType":"<b>","errorMessage":"a\nb\u0000\u202e"}`), invoke.Function, "it failed")
	f("function error, long", failed(`{"errorType":"`+strings.Repeat("x", 65)+`","errorMessage":"`+strings.Repeat("x", 1<<20)+`"}`), invoke.Function, "it failed")
	f("function error, secrets", failed(`{"errorType":"AKIDOWN","errorMessage":"own/secret+key own+token//=="}`), invoke.Function, "it failed")
	f("code, markup", refused(400, "<b>evil</b>", `{}`), invoke.Invalid, "refused the call (status 400)")
	f("code, long", refused(500, strings.Repeat("x", 65), `{}`), invoke.Temporary, "could not call it (status 500)")
	f("code, secret", refused(403, "AKIDOWN", `{}`), invoke.Denied, "denied (status 403)")
	f("code in the body", refused(403, "", `{"__type":"com.amazonaws#AccessDeniedException"}`), invoke.Denied, "lambda:InvokeFunction")
	f("no JSON", refused(502, "", "bad gateway"), invoke.Temporary, "could not call it (status 502)")
	f("error of 10 MB", refused(403, "AccessDeniedException", `{"message":"`+strings.Repeat("x", 10<<20)+`"}`), invoke.Invalid, "larger than")
	f("redirect", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target.URL, http.StatusTemporaryRedirect)
	},
		invoke.Invalid, "redirect", "(status 307)")
	f("too large", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, invoke.MaxAnswer+1)) }, invoke.Invalid, "larger than 6291456 bytes")
	f("endless", func(w http.ResponseWriter, _ *http.Request) {
		for b := make([]byte, 1<<20); ; {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	}, invoke.Invalid, "larger than")
	f("endless header", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }, invoke.Invalid)
	f("cut off", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "9") }, invoke.Temporary, "ended the connection")
	f("no answer", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, invoke.Temporary)
	f("other protocol", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Upgrade", "x")
		w.Header().Set("Connection", "Upgrade")
		w.WriteHeader(http.StatusSwitchingProtocols)
		time.Sleep(time.Second)
	}, invoke.Temporary)
}

// TestLambdaAnswer: the payload goes through as it is, whatever it is.
func TestLambdaAnswer(t *testing.T) {
	body := ""
	r := newRegion(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
	call := mustOpen(t, function(t, "my/../function", ""))
	for _, body = range []string{"", "null", `{"statusCode":200}`, "\x00<wrong", strings.Repeat("x", invoke.MaxAnswer)} {
		a, err := call(t.Context(), payload(`{"a": 1}`))
		if err != nil || string(a.Body) != body || a.Status != 200 {
			t.Errorf("%.20q: %v", body, err)
		}
	}
	if got := r.got[0]; r.bodies[0] != `{"a": 1}` || got.Header.Get("X-Amz-Invocation-Type") != "RequestResponse" ||
		got.RequestURI != "/2015-03-31/functions/my%2F..%2Ffunction/invocations" {
		t.Errorf("%s %v %s", got.RequestURI, got.Header, r.bodies[0])
	}
}

// TestLambdaWait: the caller's context ends the call.
func TestLambdaWait(t *testing.T) {
	asked := make(chan struct{}, 10)
	newRegion(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		if r.Header.Get("Authorization") == "" || strings.Contains(r.URL.Path, "body") {
			_, _ = w.Write(make([]byte, 10))
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
	})
	for _, name := range []string{"hello", "body"} {
		call := mustOpen(t, function(t, name, ""))
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := call(ctx, payload(`{}`))
		cancel()
		wantError(t, err, invoke.Timeout, "did not answer in time")
		<-asked
		ctx, cancel = context.WithCancel(t.Context())
		go func() { <-asked; cancel() }()
		_, err = call(ctx, payload(`{}`))
		wantError(t, err, invoke.Canceled)
	}
}

// TestLambdaOnce: nothing is sent twice, whatever the environment says of retries.
func TestLambdaOnce(t *testing.T) {
	f := func(name string, answer func(w http.ResponseWriter, n int)) {
		t.Run(name, func(t *testing.T) {
			var r *region
			r = newRegion(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, r.calls()) })
			t.Setenv("AWS_MAX_ATTEMPTS", "5")
			t.Setenv("AWS_RETRY_MODE", "adaptive")
			call := mustOpen(t, function(t, arn, ""))
			for range 2 {
				_, _ = call(t.Context(), payload(`{}`))
			}
			if n := r.calls(); n != 2 {
				t.Errorf("%d calls, want 2", n)
			}
		})
	}
	f("500", func(w http.ResponseWriter, _ int) { w.WriteHeader(500) })
	f("429", func(w http.ResponseWriter, _ int) { w.WriteHeader(429) })
	f("clock", func(w http.ResponseWriter, _ int) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		w.Header().Set("X-Amzn-ErrorType", "InvalidSignatureException")
		w.WriteHeader(403)
	})
	f("broken connection", func(_ http.ResponseWriter, n int) {
		if n > 1 { // on a connection that was used before
			panic(http.ErrAbortHandler)
		}
	})
}

// TestLambdaUnreachable: nobody listens.
func TestLambdaUnreachable(t *testing.T) {
	r := newRegion(t, nil)
	call := mustOpen(t, function(t, arn, ownKeys))
	r.Close()
	_, err := call(t.Context(), payload(`{}`))
	wantError(t, err, invoke.Temporary, "it could not be reached")
}

// TestLambdaGoAway: a server that ends its connections in an orderly way loses no call and gets none twice.
func TestLambdaGoAway(t *testing.T) {
	var calls atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); string(body) != `{}` || r.ProtoMajor != 2 {
			t.Errorf("%s %q", r.Proto, body)
		}
		if calls.Add(1)%20 == 0 {
			w.Header().Set("Connection", "close")
		}
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	awsEnv(t, s.URL)
	t.Setenv("AWS_CA_BUNDLE", certificate(t, s))
	call := mustOpen(t, function(t, arn, ownKeys))
	const callers, each = 8, 50
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				if _, err := call(t.Context(), payload(`{}`)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if n := calls.Load(); n != callers*each {
		t.Errorf("%d calls, want %d", n, callers*each)
	}
}
