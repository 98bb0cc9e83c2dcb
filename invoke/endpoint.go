package invoke

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"time"
)

// endpoint is a function that is a web server: where it is and what goes there besides the event.
type endpoint struct {
	url       *url.URL
	method    string        // "": POST
	timeout   time.Duration // of the whole call
	transport http.RoundTripper
	header    http.Header // beside those of the event; nil: none
	webhook   webhookKeys // that sign the calls; nil: they are not signed
	secrets   []string    // that no error may have, beside the credentials of Authorization
	// token, if there is one, returns what goes into the header Authorization. dropped is told of tokens that were refused.
	token   func(context.Context) (string, error)
	dropped func(token string)
}

// invoke sends the event. It leaves the status to the caller, who knows what counts as a failure.
func (e *endpoint) invoke(ctx context.Context, p Payload) (*Answer, error) {
	defer runtime.KeepAlive(e) // its connections are closed when it is gone
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	header, err := e.headerOf(ctx, p)
	if err != nil {
		return nil, err
	}
	resp, err := send(ctx, e.transport, cmp.Or(e.method, http.MethodPost), e.url, header, p.Body)
	if err != nil {
		return nil, e.failed(ctx, err, header)
	}
	defer resp.Body.Close()
	body, err := readAnswer(resp)
	if err != nil {
		return nil, e.failed(ctx, err, header)
	}
	if e.dropped != nil && (resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden) {
		e.dropped(header.Get("Authorization"))
	}
	return &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// headerOf returns the headers that a call has. Those of the payload are shared with other deliveries.
func (e *endpoint) headerOf(ctx context.Context, p Payload) (http.Header, error) {
	if p.Header != nil && e.header == nil && e.token == nil && e.webhook == nil {
		return p.Header, nil
	}
	header := make(http.Header, len(p.Header)+len(e.header)+4)
	maps.Copy(header, p.Header)
	maps.Copy(header, e.header) // it may have a User-Agent
	if e.token != nil {
		token, err := e.token(ctx)
		if err != nil {
			return nil, err
		}
		header["Authorization"] = []string{token}
	}
	if e.webhook != nil {
		e.webhook.sign(header, p.DeliveryID(), time.Now(), p.Body)
	}
	return header, nil
}

// failed says why a call failed. The log gets no secret, even if the function sent it back, and not much of anything.
func (e *endpoint) failed(ctx context.Context, err error, header http.Header) *Error {
	failure := callError(ctx, err)
	if failure.Cause != nil {
		_, credentials, _ := strings.Cut(header.Get("Authorization"), " ")
		failure.Cause = excerpt(failure.Cause.Error(), append(slices.Clone(e.secrets), credentials)...)
	}
	return failure
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
		if err == nil && resp.ProtoMajor == 2 { // without its end the server is told that nobody wants the answer
			_, err = io.Copy(io.Discard, resp.Body)
		}
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	if len(body) > MaxAnswer {
		return nil, errAnswerTooLarge
	}
	return body, err
}
