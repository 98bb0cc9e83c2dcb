package store

import "fmt"

// Code says what kind of failure an Error is.
type Code int

const (
	Invalid     Code = iota + 1 // the request breaks a rule
	NotFound                    // the thing does not exist
	Exists                      // it exists already, or another one has its place
	Changed                     // it is no longer what the writer saw
	Unavailable                 // the store cannot be asked; nothing was changed, or that is unknown
)

// Error is a failure whose message is meant for the person who sent the request. Any other error is for the log.
type Error struct {
	Code    Code
	Message string
	Cause   error // for the log, may be nil
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

func errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
