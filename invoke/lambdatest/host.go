// Package lambdatest is a small AWS Lambda for tests and measurements, on this machine alone: the Invoke API towards clients, and the
// Runtime API towards the processes that it starts.
//
// What it does as AWS does: one process for each concurrent invocation; a process that waits for work is frozen; one that takes too long is
// killed; the limits of size; the shape of errors; an event source mapping for SQS. What it does not have: extensions, streamed answers,
// versions (any alias or qualifier is the one version), retries of asynchronous events, and memory limits.
package lambdatest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Function is a Lambda function: how to start its processes.
type Function struct {
	Command     []string      // program and its arguments; started once for each concurrent invocation
	Env         []string      // NAME=value, besides what Lambda sets; of two of one name this one wins
	Timeout     time.Duration // of one invocation; 0 is 3 s
	Init        time.Duration // from the start of a process until it first asks for work; 0 is 10 s
	Dir         string        // working directory and LAMBDA_TASK_ROOT; "" is that of the program
	Concurrency int           // so many invocations at once, more are throttled (events wait); 0 is 100
}

// Result is what an invocation came to.
type Result struct {
	Payload       []byte
	FunctionError string // "", "Unhandled" or "Handled"; AWS sends the last no more, and nor does a Host
}

// Host is a Lambda region with some functions.
type Host struct {
	ctx       context.Context
	cancel    context.CancelFunc
	api       *server
	functions map[string]*function
	reject    atomic.Pointer[func(*http.Request) *Rejection]

	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup // of the goroutines of functions and processes
}

// Start starts a host of the functions. It starts no process before the first invocation.
func Start(functions map[string]Function) (*Host, error) {
	h := &Host{functions: make(map[string]*function)}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	for name, f := range functions {
		if len(f.Command) == 0 {
			return nil, fmt.Errorf("function %s has no command", name)
		}
		h.functions[name] = newFunction(h, name, f)
	}
	var err error
	if h.api, err = serve(h.invokeAPI()); err != nil {
		return nil, err
	}
	for _, f := range h.functions {
		h.spawn(f.deliver)
	}
	return h, nil
}

// URL returns the address of the Invoke API: what to set as the client's BaseEndpoint.
func (h *Host) URL() string { return "http://" + h.api.addr() }

// Close kills all processes, and returns when they and all goroutines have ended. Invocations under way fail.
func (h *Host) Close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.cancel()
	h.api.close()
	h.wg.Wait()
}

// Invoke does what the Invoke API does for a RequestResponse, without HTTP and without asking what Reject was given. The error is a
// *Rejection if the API would refuse.
func (h *Host) Invoke(ctx context.Context, name string, payload []byte) (Result, error) {
	in, refused := h.accept(request{name: name, payload: payload})
	if refused != nil {
		return Result{}, refused
	}
	return h.wait(ctx, in)
}

// Processes returns the ids of the function's processes that are alive, started first first.
func (h *Host) Processes(name string) []int {
	if f := h.functions[name]; f != nil {
		return f.pids()
	}
	return nil
}

// Frozen says that the function has processes, and that the system has stopped all of them.
func (h *Host) Frozen(name string) bool {
	f := h.functions[name]
	return f != nil && f.frozen()
}

// Log returns what the function's processes wrote to stdout and stderr: the last megabyte at least, if it is more.
func (h *Host) Log(name string) string {
	if f := h.functions[name]; f != nil {
		return f.log.String()
	}
	return ""
}

// Kill kills the function's processes and returns when they are gone, so that the next invocation is a cold start. Invocations under way
// fail.
func (h *Host) Kill(name string) {
	if f := h.functions[name]; f != nil {
		f.kill()
	}
}

// Reject has f look at each request of the Invoke API first, for example at its credentials. If it returns nil the request is accepted. It
// is called by many goroutines, and may read the body.
func (h *Host) Reject(f func(r *http.Request) *Rejection) { h.reject.Store(&f) }

// spawn runs f in a goroutine that Close waits for. It does not if the host is closed.
func (h *Host) spawn(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.wg.Go(f)
	}
}

func (h *Host) wait(ctx context.Context, in *invocation) (Result, error) {
	select {
	case r := <-in.result:
		return r, nil
	case <-ctx.Done():
		return Result{}, ctx.Err()
	case <-h.ctx.Done():
		return Result{}, errors.New("the host is closed")
	}
}
