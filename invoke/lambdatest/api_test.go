package lambdatest_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/invoke/lambdatest"
)

// send makes a request of the Invoke API. Header are name: value.
func send(t *testing.T, h *lambdatest.Host, name, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", h.URL()+"/2015-03-31/functions/"+name+"/invocations", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestNames(t *testing.T) {
	t.Parallel()
	h := host(t, lambdatest.Function{})
	f := func(name, arn string) {
		t.Helper()
		resp, body := send(t, h, name, `{"do":"context"}`)
		if arn == "" {
			if resp.StatusCode != 404 || resp.Header.Get("X-Amzn-ErrorType") != "ResourceNotFoundException" || !strings.Contains(body, `"Message":"Function not found: arn:aws:lambda:us-east-1:123456789012:function:`) {
				t.Errorf("%s: %d %v %s", name, resp.StatusCode, resp.Header, body)
			}
			return
		}
		if resp.StatusCode != 200 || !strings.Contains(body, " "+arn+" ") || resp.Header.Get("X-Amz-Executed-Version") != "$LATEST" {
			t.Errorf("%s: %d %v %s", name, resp.StatusCode, resp.Header, body)
		}
	}
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
	f("f", arn)
	f("f:prod", arn+":prod")
	f("f%3Aprod", arn+":prod")
	f("f:$LATEST", arn+":$LATEST")
	f("123456789012:function:f", arn)
	f("123456789012%3Afunction%3Af%3Aprod", arn+":prod")
	f(arn, arn)
	f("arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af", arn)
	f("arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af%3Aprod", arn+":prod")
	f("g", "")
	f("f:prod:more", "")
	f("arn:aws:lambda:us-east-1:123456789012:function:g", "")
}

func TestRequests(t *testing.T) {
	t.Parallel()
	h := host(t, lambdatest.Function{Timeout: 20 * time.Second})
	text := func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }
	f := func(kind, body string, status int, errorType string) {
		t.Helper()
		resp, got := send(t, h, "f", body, "X-Amz-Invocation-Type: "+kind)
		if resp.StatusCode != status || resp.Header.Get("X-Amzn-ErrorType") != errorType || resp.Header.Get("X-Amzn-RequestId") == "" {
			t.Errorf("%s of %d bytes: %d %v %.200s, want %d %s", kind, len(body), resp.StatusCode, resp.Header, got, status, errorType)
		}
		if errorType != "" && (!strings.Contains(got, `"Message":`) || !strings.Contains(got, `"message":`)) {
			t.Errorf("%s: %s", kind, got)
		}
	}
	f("RequestResponse", `{}`, 200, "")
	f("", `{}`, 200, "")
	f("", ``, 200, "")
	f("", `{`, 400, "InvalidRequestContentException")
	f("Event", `no`, 400, "InvalidRequestContentException")
	f("DryRun", `{}`, 204, "")
	f("Other", `{}`, 400, "InvalidParameterValueException")
	f("Event", text(1<<20), 202, "")
	f("Event", text(1<<20+1), 413, "RequestEntityTooLargeException")
	f("", text(6<<20+1), 413, "RequestEntityTooLargeException")
	f("DryRun", text(6<<20+1), 413, "RequestEntityTooLargeException")
	f("", text(20<<20), 413, "RequestEntityTooLargeException")
	f("", text(6<<20), 200, "") // the answer is longer, but by less than 100 bytes
}

// TestAnswerSize has the longest answer that there is.
func TestAnswerSize(t *testing.T) {
	t.Parallel()
	h := host(t, lambdatest.Function{Timeout: 20 * time.Second})
	const frame = len(`{"statusCode":200,"headers":{"Content-Type":"application/json"},"body":""}`)
	if got := invoke(t, h, `{"do":"big","n":6291482}`); len(got)+frame != 6291556 {
		t.Errorf("%d bytes", len(got)+frame)
	}
	if res, err := h.Invoke(t.Context(), "f", []byte(`{"do":"big","n":6291483}`)); err != nil || !strings.Contains(string(res.Payload), "Function.ResponseSizeTooLarge") {
		t.Errorf("%.200s, %v", res.Payload, err)
	}
}

func TestEvent(t *testing.T) {
	t.Parallel()
	h := host(t, lambdatest.Function{Concurrency: 2})
	const n = 10
	begin := time.Now()
	for range n {
		if resp, body := send(t, h, "f", `{"do":"print"}`, "X-Amz-Invocation-Type: Event"); resp.StatusCode != 202 || body != "" {
			t.Fatalf("%d %s", resp.StatusCode, body)
		}
	}
	if resp, _ := send(t, h, "f", `{"do":"print"}`, "X-Amz-Invocation-Type: DryRun"); resp.StatusCode != 204 {
		t.Fatal(resp.StatusCode)
	}
	soon(t, "all events", func() bool { return strings.Count(h.Log("f"), "print") == n })
	t.Logf("after %v", time.Since(begin))
	if got := h.Processes("f"); len(got) > 2 {
		t.Errorf("%d processes, at most 2 are allowed", len(got))
	}
	time.Sleep(100 * time.Millisecond)
	if got := strings.Count(h.Log("f"), "print"); got != n {
		t.Errorf("%d deliveries of %d", got, n)
	}
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	h := host(t, lambdatest.Function{Concurrency: 1})
	var wg sync.WaitGroup
	wg.Go(func() { invoke(t, h, `{"do":"sleep","n":1000}`) })
	soon(t, "a process", func() bool { return len(h.Processes("f")) == 1 })
	if resp, body := send(t, h, "f", `{}`); resp.StatusCode != 429 || resp.Header.Get("X-Amzn-ErrorType") != "TooManyRequestsException" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	wg.Wait()
	invoke(t, h, `{}`)
}

func TestReject(t *testing.T) {
	t.Parallel()
	h := host(t, lambdatest.Function{})
	h.Reject(func(r *http.Request) *lambdatest.Rejection {
		b, err := io.ReadAll(r.Body)
		if err == nil && string(b) == `{"let":"in"}` && r.Header.Get("Authorization") != "" {
			return nil
		}
		return &lambdatest.Rejection{
			Status: 403, Type: "UnrecognizedClientException", Message: "The security token is invalid", Header: http.Header{"Retry-After": {"7"}},
		}
	})
	resp, body := send(t, h, "f", `{}`)
	if resp.StatusCode != 403 || resp.Header.Get("X-Amzn-ErrorType") != "UnrecognizedClientException" || resp.Header.Get("Retry-After") != "7" ||
		!strings.Contains(body, `"Message":"The security token is invalid","Type":"User","message":"The security token is invalid"`) {
		t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
	}
	if got := h.Processes("f"); !slices.Equal(got, nil) {
		t.Error("it started a process")
	}
	if resp, body := send(t, h, "f", `{"let":"in"}`, "Authorization: x"); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	h.Reject(nil)
	if resp, body := send(t, h, "f", `{}`); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}
