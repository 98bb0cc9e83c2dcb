package lambdatest_test

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/event-gateway/event-gateway/invoke/lambdatest"
)

// TestSDK has AWS' own client understand each kind of answer.
func TestSDK(t *testing.T) {
	t.Parallel()
	h := host(t, lambdatest.Function{Concurrency: 1})
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := lambda.New(lambda.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(h.URL()), Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		HTTPClient: &http.Client{Transport: transport}, RetryMaxAttempts: 1,
	})
	call := func(name, kind, event string) (*lambda.InvokeOutput, error) {
		return client.Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: &name, InvocationType: types.InvocationType(kind), Payload: []byte(event),
		})
	}
	for _, name := range []string{"f", "f:prod", "arn:aws:lambda:us-east-1:123456789012:function:f:prod"} {
		if out, err := call(name, "", `{"a":1}`); err != nil || out.StatusCode != 200 || !strings.Contains(string(out.Payload), `{\"a\":1}`) || *out.ExecutedVersion != "$LATEST" {
			t.Errorf("%s: %v %v", name, out, err)
		}
	}
	if out, err := call("f", "", `{"do":"error"}`); err != nil || aws.ToString(out.FunctionError) != "Unhandled" || !strings.Contains(string(out.Payload), "told to fail") {
		t.Errorf("%v %v", out, err)
	}
	if out, err := call("f", "DryRun", `{}`); err != nil || out.StatusCode != 204 {
		t.Errorf("%v %v", out, err)
	}
	if out, err := call("f", "Event", `{"do":"print"}`); err != nil || out.StatusCode != 202 {
		t.Errorf("%v %v", out, err)
	}
	soon(t, "the event", func() bool { return strings.Contains(h.Log("f"), "print") })

	fails := func(name, event, code string, as any) {
		t.Helper()
		_, err := call(name, "", event)
		var api smithy.APIError
		if !errors.As(err, &api) || api.ErrorCode() != code || api.ErrorMessage() == "" || as != nil && !errors.As(err, as) {
			t.Errorf("%s %.20s: %v, want %s", name, event, err, code)
		}
	}
	fails("none", `{}`, "ResourceNotFoundException", new(*types.ResourceNotFoundException))
	fails("f", `{`, "InvalidRequestContentException", new(*types.InvalidRequestContentException))
	fails("f", `"`+strings.Repeat("x", 6<<20)+`"`, "RequestEntityTooLargeException", nil)
	h.Reject(func(*http.Request) *lambdatest.Rejection {
		return &lambdatest.Rejection{Status: 429, Type: "TooManyRequestsException", Message: "Rate Exceeded."}
	})
	fails("f", `{}`, "TooManyRequestsException", new(*types.TooManyRequestsException))
}

// TestNode runs the Node function, if its packages are installed.
func TestNode(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("testdata", "nodefunction")
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		t.Skip("not installed: npm ci in " + dir)
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("no node")
	}
	h := host(t, lambdatest.Function{
		Command: []string{"node", "node_modules/aws-lambda-ric/index.mjs"}, Dir: dir, Env: []string{"_HANDLER=index.handler"},
		Timeout: 10 * time.Second,
	})
	for range 3 {
		if got := invoke(t, h, `{"a":"ä"}`); got != `{"a":"ä"}` {
			t.Error(got)
		}
	}
	res, err := h.Invoke(t.Context(), "f", []byte(`{"do":"error"}`))
	if err != nil || res.FunctionError != "Unhandled" || !strings.Contains(string(res.Payload), `"errorMessage":"told to fail"`) {
		t.Errorf("%s %s %v", res.Payload, res.FunctionError, err)
	}
	if len(h.Processes("f")) != 1 {
		t.Errorf("processes: %v", h.Processes("f"))
	}
	soon(t, "frozen", func() bool { return h.Frozen("f") })
}
