package lambdatest_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/invoke/lambdatest"
)

// TestFailures checks what the caller gets, and that the next invocation succeeds.
func TestFailures(t *testing.T) {
	t.Parallel()
	f := func(event, want string, again bool) {
		t.Helper()
		h := host(t, lambdatest.Function{Timeout: 700 * time.Millisecond})
		invoke(t, h, `{}`)
		before := fmt.Sprint(h.Processes("f"))
		res, err := h.Invoke(t.Context(), "f", []byte(event))
		if err != nil || res.FunctionError != "Unhandled" || !regexp.MustCompile(want).Match(res.Payload) {
			t.Errorf("%s: %s %q %v, want %s", event, res.Payload, res.FunctionError, err, want)
		}
		if !json.Valid(res.Payload) {
			t.Errorf("%s: no JSON: %s", event, res.Payload)
		}
		invoke(t, h, `{}`)
		if same := fmt.Sprint(h.Processes("f")) == before; same != again {
			t.Errorf("%s: the same process: %v, want %v", event, same, again)
		}
	}
	f(`{"do":"error"}`, `^{"errorMessage":"told to fail","errorType":"errorString"}$`, true)
	f(`{"do":"panic"}`, `"errorMessage":"told to panic"`, false)
	f(`{"do":"exit","n":1}`, `^{"errorType":"Runtime.ExitError","errorMessage":"RequestId: [0-9a-f-]{36} Error: Runtime exited with error: exit status 1"}$`, false)
	f(`{"do":"exit","n":0}`, `"RequestId: [0-9a-f-]{36} Error: Runtime exited without providing a reason"`, false)
	f(`{"do":"sleep","n":2000}`, `^{"errorMessage":"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [0-9a-f-]{36} Task timed out after 0.70 seconds"}$`, false)
	f(`{"do":"big","n":6291556}`, `^{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size \(6291556 bytes\)."}$`, false)
}

// TestTimeout kills the process before it answers.
func TestTimeout(t *testing.T) {
	t.Parallel()
	h := host(t, lambdatest.Function{Timeout: 300 * time.Millisecond})
	invoke(t, h, `{}`)
	pid := h.Processes("f")[0]
	begin := time.Now()
	_, _ = h.Invoke(t.Context(), "f", []byte(`{"do":"sleep","n":5000}`))
	if took := time.Since(begin); took < 300*time.Millisecond || took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	if !gone(pid) || len(h.Processes("f")) != 0 {
		t.Error("the process is there")
	}
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	if _, err := lambdatest.Start(map[string]lambdatest.Function{"f": {}}); err == nil {
		t.Error("a function without a command")
	}
	h := host(t, lambdatest.Function{Command: []string{filepath.Join(t.TempDir(), "none")}})
	for range 2 {
		res, err := h.Invoke(t.Context(), "f", nil)
		if err != nil || res.FunctionError != "Unhandled" || !strings.Contains(string(res.Payload), `"errorType":"Runtime.InvalidEntrypoint"`) {
			t.Errorf("%s %s %v", res.Payload, res.FunctionError, err)
		}
	}
}
