// Package invoke calls functions: now, for a sender who waits, or later, from a queue. One file holds one type of function.
package invoke

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// Invoker is a function opened and ready to be called. It is safe for concurrent use and ends when its ctx does.
type Invoker func(ctx context.Context, p Payload) (*Answer, error)

// Answer is what a function said. Status is 200 where the type of the function knows no statuses.
type Answer struct {
	Status int
	Header http.Header // nil where there are no headers
	Body   []byte
	// Plain says that who waits gets it as it is: there is no function behind it that could have answered with a response object.
	Plain bool
}

// MaxAnswer is the size in bytes that a function's answer may have. AWS Lambda allows as much.
const MaxAnswer = 6 << 20

// Type is one way to call functions.
type Type struct {
	store.FunctionType
	// Open makes an Invoker of a function, which keeps nothing else of it than it needs.
	Open func(s store.Settings, e *Egress) (Invoker, error)
	// Denied says what a person can do about an answer with status 401 or 403; empty: nobody knows.
	Denied string
}

// Types returns the table of all types of functions. A new one is a file and a line here. What functions are lent decides which settings
// they need, see EgressOptions.
func Types(lent Credentials) []Type {
	return []Type{
		{FunctionType: httpType(), Open: openHTTP},
		{FunctionType: awsLambdaType(lent), Open: openLambda},
		{FunctionType: awsKinesisType(lent), Open: openKinesis},
		{FunctionType: awsFirehoseType(lent), Open: openFirehose},
		{FunctionType: awsSQSType(lent), Open: openSQS},
		{FunctionType: gcloudFunctionType(lent), Open: openGcloudFunction, Denied: gcloudDenied},
		{FunctionType: azureFunctionType(), Open: openAzureFunction, Denied: azureDenied},
		{FunctionType: openWhiskType(), Open: openOpenWhisk},
	}
}

// FunctionTypes returns what the store must know of the types.
func FunctionTypes(lent Credentials) []store.FunctionType {
	var list []store.FunctionType
	for _, t := range Types(lent) {
		list = append(list, t.FunctionType)
	}
	return list
}

// Class says what kind of failure an Error is: it decides the status, whether trying again could help, and the metric's label.
type Class string

const (
	Temporary Class = "temporary" // the function could not be reached
	Function  Class = "function"  // the function failed
	Invalid   Class = "invalid"   // its answer or its settings make no sense
	Timeout   Class = "timeout"   // it was too slow
	Blocked   Class = "blocked"   // its address is not allowed
	Canceled  Class = "canceled"  // the caller did not wait
	Denied    Class = "denied"    // the gateway may not call it
	Throttled Class = "throttled" // it is called too often
)

// Retriable says whether the same call could end otherwise if it were made again.
func (c Class) Retriable() bool {
	switch c {
	case Temporary, Function, Timeout, Throttled, Canceled:
		return true
	}
	return false
}

// Error is a call of a function that failed. Message says why, in words that may leave the gateway; Cause is for the log.
type Error struct {
	Class    Class
	Function string // its id
	Message  string
	Code     string // what AWS calls the failure, such as AccessDeniedException
	Cause    error
	// RetryAfter is how long whoever called should wait before the next try; 0: nobody knows.
	RetryAfter time.Duration
	// NotCalled says that the gateway made no call, since it had reached a limit of its own.
	NotCalled bool
}

func (e *Error) Error() string {
	s := fmt.Sprintf("function %q: %s", e.Function, e.Message)
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// maxRetryAfter bounds what a function asks for.
const maxRetryAfter = time.Hour

// retryAfter reads the header Retry-After (RFC 9110, 10.2.3): seconds or a date. Whatever it is, the answer is a second at least.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	after := time.Second
	if n, err := strconv.ParseUint(header, 10, 31); err == nil {
		after = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		after = at.Sub(now)
	}
	return min(max(after, time.Second), maxRetryAfter)
}
