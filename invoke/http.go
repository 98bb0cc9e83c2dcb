package invoke

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// httpTimeout is how long a function of type http may take to answer, the reading of its answer included.
const httpTimeout = 5 * time.Second

func httpType() store.FunctionType {
	return store.FunctionType{
		Name: "http", Title: "HTTP endpoint",
		Fields: []store.Field{{Name: "url", Required: true}},
		Check: func(p store.Provider) error {
			_, err := parseURL(p.Text("url"))
			return err
		},
	}
}

func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("provider.url must be an absolute URL that begins with http:// or https://")
	case !validPort(u.Port()):
		return nil, errors.New("provider.url has a port that is none: it is a number up to 65535")
	case u.User != nil:
		return nil, errors.New("provider.url must not contain a user or a password: it is shown to everybody who may read the configuration")
	}
	return u, nil
}

func validPort(port string) bool {
	_, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil
}

// openHTTP makes an Invoker that posts the event. It leaves the status to the caller, who knows what counts as a failure.
func openHTTP(f *store.Function, e *Egress) (Invoker, error) {
	u, err := parseURL(f.Provider.Text("url"))
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, p Payload) (*Answer, error) {
		ctx, cancel := context.WithTimeout(ctx, httpTimeout)
		defer cancel()
		resp, err := e.post(ctx, u, p)
		if err != nil {
			return nil, callError(ctx, err)
		}
		defer resp.Body.Close()
		body, err := readAnswer(resp)
		if err != nil {
			return nil, callError(ctx, err)
		}
		return &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
	}, nil
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
