package lambdatest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/event-gateway/event-gateway/invoke/lambdatest"
)

// binary is the Go function, built once.
var binary string

func TestMain(m *testing.M) {
	if how := os.Getenv(asBroken); how != "" {
		broken(how)
		os.Exit(9)
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "lambdatest")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		if binary, err = lambdatest.BuildGo(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		code := m.Run()
		http.DefaultClient.CloseIdleConnections()
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return code
	}())
}

// host starts a host of the Go function as "f".
func host(t *testing.T, f lambdatest.Function) *lambdatest.Host {
	t.Helper()
	if f.Command == nil {
		f.Command = []string{binary}
	}
	h, err := lambdatest.Start(map[string]lambdatest.Function{"f": f})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// invoke returns the body of the function's answer.
func invoke(t *testing.T, h *lambdatest.Host, event string) string {
	t.Helper()
	res, err := h.Invoke(t.Context(), "f", []byte(event))
	if err != nil || res.FunctionError != "" {
		t.Fatalf("%s: %s %s %v\n%s", event, res.Payload, res.FunctionError, err, h.Log("f"))
	}
	var answer struct{ Body string }
	if err := json.Unmarshal(res.Payload, &answer); err != nil {
		t.Fatalf("%s: %s: %v", event, res.Payload, err)
	}
	return answer.Body
}

// soon waits until it is so.
func soon(t *testing.T, what string, so func() bool) {
	t.Helper()
	for begin := time.Now(); !so(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > 10*time.Second {
			t.Fatalf("not after 10 s: %s", what)
		}
	}
}

// gone says that there is no process of this id.
func gone(pid int) bool {
	p, err := os.FindProcess(pid)
	return err != nil || errors.Is(p.Signal(nosignal), os.ErrProcessDone)
}

func TestEcho(t *testing.T) {
	t.Parallel()
	h := host(t, lambdatest.Function{})
	if got := h.Processes("f"); len(got) != 0 {
		t.Errorf("processes before the first invocation: %v", got)
	}
	for range 20 {
		if got := invoke(t, h, `{"a":"ä"}`); got != `{"a":"ä"}` {
			t.Error(got)
		}
	}
	if got := h.Processes("f"); len(got) != 1 || gone(got[0]) {
		t.Errorf("processes: %v", got)
	}
	invoke(t, h, `{"do":"print"}`)
	soon(t, "the log", func() bool { return h.Log("f") == `{"do":"print"}`+"\n" })
	if got := invoke(t, h, ``); got != `{}` {
		t.Errorf("the event of no payload: %s", got)
	}
}

// TestEnvironment looks at what a process is told.
func TestEnvironment(t *testing.T) {
	t.Setenv("LAMBDATEST_SECRET", "of the test")
	h := host(t, lambdatest.Function{Env: []string{"A=b", "AWS_REGION=eu-west-1", `ORDER={"do":"env"}`}})
	got := strings.Split(invoke(t, h, `{}`), "\n")
	for _, want := range []string{
		"AWS_LAMBDA_FUNCTION_NAME=f", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_DEFAULT_REGION=us-east-1", "_HANDLER=bootstrap",
		"A=b", "AWS_REGION=eu-west-1", "PATH=" + os.Getenv("PATH"),
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in %q", want, got)
		}
	}
	if slices.ContainsFunc(got, func(v string) bool { return strings.HasPrefix(v, "LAMBDATEST_SECRET") }) {
		t.Error("a process gets the environment of the host")
	}
	before := time.Now()
	f := strings.Fields(invoke(t, h, `{"do":"context"}`))
	ms, _ := strconv.ParseInt(f[2], 10, 64)
	if left := time.UnixMilli(ms).Sub(before); len(f[0]) != 36 || f[1] != "arn:aws:lambda:us-east-1:123456789012:function:f" ||
		left < 2900*time.Millisecond || left > 10*time.Second {
		t.Errorf("context: %q, %v left", f, left)
	}
}

// TestConcurrency has as many processes as invocations at once, and uses them again.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	h := host(t, lambdatest.Function{Timeout: 20 * time.Second})
	three := func() {
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { invoke(t, h, `{"do":"sleep","n":500}`) })
		}
		wg.Wait()
	}
	three()
	pids := h.Processes("f")
	if len(pids) != 3 {
		t.Fatalf("%d processes, want 3", len(pids))
	}
	three()
	for range 10 {
		invoke(t, h, `{}`)
	}
	if got := h.Processes("f"); !slices.Equal(got, pids) {
		t.Errorf("processes %v, then %v", pids, got)
	}
}

// TestFrozen counts the ticks of a process that waits.
func TestFrozen(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("it cannot stop processes")
	}
	h := host(t, lambdatest.Function{})
	if h.Frozen("f") || h.Frozen("unknown") {
		t.Error("frozen without a process")
	}
	ticks := func() int {
		n, err := strconv.Atoi(invoke(t, h, `{"do":"ticks"}`))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 3 {
		before := ticks()
		soon(t, "frozen", func() bool { return h.Frozen("f") })
		time.Sleep(500 * time.Millisecond)
		// It ticks a little before it is stopped, and when it goes on.
		if after := ticks(); after-before > 200 {
			t.Errorf("%d ticks in half a second of frost", after-before)
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { invoke(t, h, `{"do":"sleep","n":300}`) })
	time.Sleep(100 * time.Millisecond)
	if h.Frozen("f") {
		t.Error("frozen at work")
	}
	wg.Wait()
}

func TestKill(t *testing.T) {
	t.Parallel()
	h := host(t, lambdatest.Function{})
	h.Kill("f")
	h.Kill("unknown")
	invoke(t, h, `{}`)
	for range 5 { // frozen, or about to be
		before := h.Processes("f")
		h.Kill("f")
		if len(before) != 1 || !gone(before[0]) || len(h.Processes("f")) != 0 {
			t.Fatalf("processes %v, then %v", before, h.Processes("f"))
		}
		invoke(t, h, `{}`)
	}
	// At work.
	got := make(chan lambdatest.Result)
	go func() {
		res, _ := h.Invoke(t.Context(), "f", []byte(`{"do":"sleep","n":2500}`))
		got <- res
	}()
	time.Sleep(200 * time.Millisecond)
	h.Kill("f")
	if res := <-got; !strings.Contains(string(res.Payload), "Runtime.ExitError") || res.FunctionError != "Unhandled" {
		t.Errorf("%s %s", res.Payload, res.FunctionError)
	}
	invoke(t, h, `{}`)
}

// TestKillWhileUsed loses no invocation that the process has not begun, whenever it is killed.
func TestKillWhileUsed(t *testing.T) {
	t.Parallel()
	h := host(t, lambdatest.Function{})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for ctx.Err() == nil {
				res, err := h.Invoke(ctx, "f", []byte(`{}`))
				if err == nil && res.FunctionError != "" && !strings.Contains(string(res.Payload), "signal: killed") {
					t.Errorf("%s", res.Payload)
				}
			}
		})
	}
	for ctx.Err() == nil {
		time.Sleep(7 * time.Millisecond)
		h.Kill("f")
	}
	wg.Wait()
	invoke(t, h, `{}`)
}

// TestClose leaves nothing, whatever is under way.
func TestClose(t *testing.T) {
	h, err := lambdatest.Start(map[string]lambdatest.Function{
		"f": {Command: []string{binary}, Timeout: time.Minute}, "unused": {Command: []string{binary}},
	})
	if err != nil {
		t.Fatal(err)
	}
	before := goleak.IgnoreCurrent()
	errs := make(chan error)
	go func() {
		_, err := h.Invoke(t.Context(), "f", []byte(`{"do":"sleep","n":50000}`))
		errs <- err
	}()
	go func() {
		_, err := http.Post(h.URL()+"/2015-03-31/functions/f/invocations", "", strings.NewReader(`{"do":"sleep","n":50000}`))
		errs <- err
	}()
	soon(t, "two processes", func() bool { return len(h.Processes("f")) == 2 })
	invoke(t, h, `{}`)
	soon(t, "three processes", func() bool { return len(h.Processes("f")) == 3 })
	pids := h.Processes("f")
	h.Close()
	h.Close()
	for range 2 {
		if err := <-errs; err == nil {
			t.Error("an invocation succeeded")
		}
	}
	for _, pid := range pids {
		if !gone(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	if len(h.Processes("f")) != 0 {
		t.Error("it lists processes after Close")
	}
	if _, err := h.Invoke(t.Context(), "f", nil); err == nil {
		t.Error("an invocation succeeded after Close")
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// TestCancel: who asked goes away, the function goes on.
func TestCancel(t *testing.T) {
	t.Parallel()
	h := host(t, lambdatest.Function{})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := h.Invoke(ctx, "f", []byte(`{"do":"sleep","n":500}`)); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	pids := h.Processes("f")
	time.Sleep(600 * time.Millisecond)
	invoke(t, h, `{}`)
	if got := h.Processes("f"); !slices.Equal(got, pids) {
		t.Errorf("processes %v, then %v", pids, got)
	}
}
