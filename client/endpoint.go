package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxBody is how many bytes an answer, or an event that is received, may have.
const maxBody = 10 << 20

const jsonType = "application/json"

// endpoint is one of the gateway's two APIs. All requests go through do.
type endpoint struct {
	option string // its name in Options
	base   string // without a slash at the end; empty if it was not set
	http   *http.Client
	token  func() string // a function, so that no dump of a client shows it
}

// do makes one request. If the status is 400 or more, there is both a response and an *Error. path is as it stands in a URL.
func (e *endpoint) do(ctx context.Context, method, path string, header http.Header, body []byte) (*Response, error) {
	if e.base == "" {
		return nil, fmt.Errorf("event gateway: %s %s: Options.%s is not set", method, path, e.option)
	}
	resp, err := e.exchange(ctx, method, path, header, body)
	if err == nil && resp.Status >= 400 {
		err = e.refusal(resp)
	}
	if err != nil {
		return resp, fmt.Errorf("event gateway: %s %s%s: %w", method, e.base, path, err)
	}
	return resp, nil
}

func (e *endpoint) exchange(ctx context.Context, method, path string, header http.Header, body []byte) (*Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, e.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, withoutURL(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if token := e.token(); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := e.http.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer resp.Body.Close()
	b, err := readAll(resp.Body, "the answer")
	if err != nil {
		return nil, err
	}
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: b}, nil
}

// refusal makes an error of a response. A body that is not like the gateway's errors is a payload, and is left out. Its content type does
// not matter: gateways of 2018 call their errors text.
func (e *endpoint) refusal(r *Response) *Error {
	err := &Error{Status: r.Status, RetryAfter: retryAfter(r.Header.Get("Retry-After"))}
	var body struct {
		Errors []struct{ Message string }
	}
	if json.Unmarshal(r.Body, &body) == nil && len(body.Errors) > 0 {
		err.Message = body.Errors[0].Message
	}
	if token := e.token(); token != "" { // something between us and the gateway may repeat what it was sent
		err.Message = strings.ReplaceAll(err.Message, token, "****")
	}
	return err
}

// retryAfter reads seconds or a date (RFC 9110, 10.2.3).
func retryAfter(header string) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// readAll reads up to maxBody bytes of what.
func readAll(r io.Reader, what string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err == nil && len(b) > maxBody {
		err = fmt.Errorf("%s is larger than %d MiB", what, maxBody>>20)
	}
	return b, err
}

// withoutURL returns the error inside a *url.Error: do says what was asked for.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// escape makes one segment of a path. Dots alone would be taken for steps in the path.
func escape(segment string) string {
	if segment == "." || segment == ".." {
		return strings.ReplaceAll(segment, ".", "%2E")
	}
	return url.PathEscape(segment)
}
