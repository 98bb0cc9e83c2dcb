package lambdatest

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// The limits of AWS, in bytes. An answer may be 100 bytes longer than what is asked.
const (
	maxRequest = 6 << 20
	maxEvent   = 1 << 20
	maxAnswer  = 6<<20 + 100
)

const (
	region    = "us-east-1"
	account   = "123456789012"
	version   = "$LATEST"
	unhandled = "Unhandled"
)

// invocation is one run of a function. Who serves it owns handed and answered.
type invocation struct {
	f       *function
	id      string
	arn     string
	trace   string
	payload []byte
	result  chan Result // one

	handed   bool // the process has it
	answered bool
}

// answer ends the invocation with the result, if it has none yet.
func (in *invocation) answer(r Result) {
	if in.answered {
		return
	}
	in.answered = true
	<-in.f.slots
	in.result <- r
}

// late is the result of an invocation whose process took too long, to start or to answer.
func (p *process) late(in *invocation) Result {
	if !p.asked {
		return failure("Runtime.InitError", in.id, fmt.Sprintf("Init timed out after %.2f seconds", p.f.Init.Seconds()))
	}
	return Result{FunctionError: unhandled, Payload: must(map[string]string{
		"errorMessage": fmt.Sprintf("%s %s Task timed out after %.2f seconds",
			time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), in.id, p.f.Timeout.Seconds()),
	})}
}

// exit is the result of an invocation whose process has exited.
func (p *process) exit(in *invocation) Result {
	if p.cmd.ProcessState.Success() {
		return failure("Runtime.ExitError", in.id, "Runtime exited without providing a reason")
	}
	return failure("Runtime.ExitError", in.id, "Runtime exited with error: "+p.cmd.ProcessState.String())
}

const tooLargeMessage = "Response payload size exceeded maximum allowed payload size (6291556 bytes)."

func tooLarge() Result {
	return Result{FunctionError: unhandled, Payload: errorJSON("Function.ResponseSizeTooLarge", tooLargeMessage)}
}

// failure is a function error that Lambda finds, not the function.
func failure(kind, id, message string) Result {
	if id != "" {
		message = "RequestId: " + id + " Error: " + message
	}
	return Result{FunctionError: unhandled, Payload: errorJSON(kind, message)}
}

func errorJSON(kind, message string) []byte {
	return must(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{kind, message})
}

// must is the JSON of what cannot fail.
func must(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// newID returns a UUID.
func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// newTrace returns a trace id as X-Ray has them.
func newTrace() string {
	b := make([]byte, 12)
	_, _ = rand.Read(b)
	return fmt.Sprintf("Root=1-%08x-%s;Sampled=0", time.Now().Unix(), hex.EncodeToString(b))
}
