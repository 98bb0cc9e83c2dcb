// Package invoke calls functions: now, for a sender who waits, or later, from a queue. One file holds one type of function.
package invoke

import (
	"context"
	"fmt"
	"net/http"

	"github.com/event-gateway/event-gateway/store"
)

// Invoker is a function opened and ready to be called. It is safe for concurrent use and ends when its ctx does.
type Invoker func(ctx context.Context, p Payload) (*Answer, error)

// Answer is what a function said. Status is 200 where the type of the function knows no statuses.
type Answer struct {
	Status int
	Header http.Header // nil where there are no headers
	Body   []byte
}

// MaxAnswer is the size in bytes that a function's answer may have. AWS Lambda allows as much.
const MaxAnswer = 6 << 20

// Type is one way to call functions.
type Type struct {
	store.FunctionType
	// Open makes an Invoker of a function; nil: functions of this type can be registered only.
	Open func(f *store.Function, e *Egress) (Invoker, error)
}

// Types returns the table of all types of functions. A new one is a file and a line here. A hosted gateway is one that lends nobody its
// own AWS credentials, see EgressOptions.
func Types(hosted bool) []Type {
	return []Type{
		{httpType(), openHTTP},
		{awsLambdaType(hosted), openLambda},
		{awsKinesisType(hosted), nil},
		{awsFirehoseType(hosted), nil},
		{awsSQSType(hosted), nil},
	}
}

// FunctionTypes returns what the store must know of the types.
func FunctionTypes(hosted bool) []store.FunctionType {
	var list []store.FunctionType
	for _, t := range Types(hosted) {
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

// Error is a call of a function that failed. Message says why, in words that may leave the gateway; Cause is for the log.
type Error struct {
	Class    Class
	Function string // its id
	Message  string
	Code     string // what AWS calls the failure, such as AccessDeniedException
	Cause    error
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
