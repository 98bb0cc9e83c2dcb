package client

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

// Error is an answer that says no: that of the gateway or, to an event with a sync subscription, that of the function. Use errors.As.
type Error struct {
	Status     int
	Message    string        // the gateway's words; empty if it did not answer in its own way
	RetryAfter time.Duration // when to try again, 0 if it does not say
}

// Error returns the status and the message.
func (e *Error) Error() string {
	text := strconv.Itoa(e.Status) + " " + http.StatusText(e.Status)
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// Status returns the status of the *Error in err, and 0 if there is none: the gateway did not answer then.
//
//	if client.Status(err) == http.StatusNotFound { ... }
func Status(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}
