package invoke

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// endpoint is a function that is a web server: where it is and what goes there besides the event.
type endpoint struct {
	url       *url.URL
	timeout   time.Duration // of the whole call
	transport http.RoundTripper
	header    http.Header // beside those of the event; nil: none
	// token, if there is one, returns what goes into the header Authorization. dropped is told of tokens that were refused.
	token   func(context.Context) (string, error)
	dropped func(token string)
}

// invoke posts the event. It leaves the status to the caller, who knows what counts as a failure.
func (e *endpoint) invoke(ctx context.Context, p Payload) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	header, err := e.headerOf(ctx, p)
	if err != nil {
		return nil, err
	}
	resp, err := send(ctx, e.transport, http.MethodPost, e.url, header, p.Body)
	if err != nil {
		return nil, callError(ctx, err)
	}
	defer resp.Body.Close()
	body, err := readAnswer(resp)
	if err != nil {
		return nil, callError(ctx, err)
	}
	if e.dropped != nil && (resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden) {
		e.dropped(header.Get("Authorization"))
	}
	return &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// headerOf returns the headers that a call has. Those of the payload are shared with other deliveries.
func (e *endpoint) headerOf(ctx context.Context, p Payload) (http.Header, error) {
	if e.header == nil && e.token == nil {
		return p.Header, nil
	}
	header := make(http.Header, len(p.Header)+len(e.header)+1)
	for _, from := range []http.Header{e.header, p.Header} {
		for name, values := range from {
			header[name] = values
		}
	}
	if e.token != nil {
		token, err := e.token(ctx)
		if err != nil {
			return nil, err
		}
		header["Authorization"] = []string{token}
	}
	return header, nil
}

var errAnswerTooLarge = fmt.Errorf("its answer is larger than %d bytes", MaxAnswer)

// readAnswer reads a body up to the limit. Room is made for what has come, not for what was announced.
func readAnswer(resp *http.Response) ([]byte, error) {
	const small = 64 << 10
	switch n := resp.ContentLength; {
	case n > MaxAnswer:
		return nil, errAnswerTooLarge
	case n >= 0 && n <= small:
		body := make([]byte, n)
		_, err := io.ReadFull(resp.Body, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	if len(body) > MaxAnswer {
		return nil, errAnswerTooLarge
	}
	return body, err
}

// callError says in words for people why an HTTP call failed.
func callError(ctx context.Context, err error) *Error {
	var blocked *blockedError
	switch {
	case errors.Is(err, errAnswerTooLarge):
		return &Error{Class: Invalid, Message: err.Error()}
	case errors.As(err, &blocked):
		return &Error{Class: Blocked, Message: "its address is not allowed", Cause: err}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &Error{Class: Timeout, Message: "it did not answer in time", Cause: err}
	case ctx.Err() != nil:
		return &Error{Class: Canceled, Message: "the call was cut off, since the caller went away or the gateway is shutting down", Cause: err}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return &Error{Class: Temporary, Message: "it ended the connection before its answer was complete", Cause: err}
	}
	return &Error{Class: Temporary, Message: "it could not be reached", Cause: err}
}
