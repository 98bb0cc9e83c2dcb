package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Response is what the gateway answered to an event.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Accepted reports whether the event was taken for later (202). Any other status is the answer of a function with a sync subscription.
func (r *Response) Accepted() bool { return r.Status == http.StatusAccepted }

// Send sends an event to a path, as a CloudEvent with POST. It fills in an ID (a UUID), the path as Source and the time, where they are empty.
//
// If the status is 400 or more, the error is an [*Error], and the Response is returned beside it: a function may answer so. A redirect is
// a Response without an error.
func (c *Client) Send(ctx context.Context, path string, e Event) (*Response, error) {
	header, bodies, err := outgoing(ctx, path, e)
	if err != nil {
		return nil, err
	}
	header.Set("Content-Type", structuredType)
	return c.post(ctx, path, header, bodies[0])
}

// SendBatch sends many events at once. They are only accepted: answers of sync subscriptions are not to be had. No events are no request.
func (c *Client) SendBatch(ctx context.Context, path string, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	header, bodies, err := outgoing(ctx, path, events...)
	if err != nil {
		return err
	}
	header.Set("Content-Type", batchType)
	body := append([]byte("["), bytes.Join(bodies, []byte(","))...)
	_, err = c.post(ctx, path, header, append(body, ']'))
	return err
}

// Emit sends an event by its name, with body as its data. The gateway gives it an id, a source and a time. The Response is as with [Client.Send].
func (c *Client) Emit(ctx context.Context, path, name, contentType string, body []byte) (*Response, error) {
	if name == "" { // it would be a plain HTTP request
		return nil, fmt.Errorf("event gateway: POST %s: the event has no name", path)
	}
	return c.named(ctx, path, http.Header{"Event": {name}}, contentType, body)
}

// Invoke calls a function of the client's space, and returns its answer. The function needs a subscription on the event "invoke" with the
// path "/". The Response is as with [Client.Send].
func (c *Client) Invoke(ctx context.Context, functionID, contentType string, body []byte) (*Response, error) {
	if functionID == "" {
		return nil, errors.New("event gateway: invoke: there is no function id")
	}
	header := http.Header{"Event": {"invoke"}, "Function-Id": {functionID}}
	if c.space != "" {
		header.Set("Space", c.space)
	}
	return c.named(ctx, "/", header, contentType, body)
}

func (c *Client) named(ctx context.Context, path string, header http.Header, contentType string, body []byte) (*Response, error) {
	if contentType != "" {
		header.Set("Content-Type", contentType)
	}
	setLineage(header, Lineage(ctx))
	return c.post(ctx, path, header, body)
}

func (c *Client) post(ctx context.Context, path string, header http.Header, body []byte) (*Response, error) {
	path, err := requestPath(path)
	if err != nil {
		return nil, err
	}
	return c.events.do(ctx, http.MethodPost, path, header, body)
}

// outgoing returns the events as JSON, and their lineage as a header.
func outgoing(ctx context.Context, path string, events ...Event) (http.Header, [][]byte, error) {
	source, err := requestPath(path)
	if err != nil {
		return nil, nil, err
	}
	lineage, err := lineageOf(ctx, events)
	if err != nil {
		return nil, nil, err
	}
	bodies := make([][]byte, len(events))
	for i, e := range events { // each is a copy
		if e.ID == "" {
			e.ID = uuid.NewString()
		}
		if e.Source == "" {
			e.Source = source
		}
		if e.Time.IsZero() {
			e.Time = time.Now().UTC()
		}
		if e.Extensions[LineageExtension] != "" {
			e.Extensions = maps.Clone(e.Extensions)
			delete(e.Extensions, LineageExtension)
		}
		if bodies[i], err = e.MarshalJSON(); err != nil {
			return nil, nil, err
		}
	}
	header := http.Header{}
	setLineage(header, lineage)
	return header, bodies, nil
}

// requestPath returns a path as it stands in a URL, from one that is so already or not.
func requestPath(path string) (string, error) {
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	u, err := url.Parse("http://host" + path)
	if err != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(path, "#") {
		return "", fmt.Errorf("event gateway: the path %q is no path of a URL, or has a query", path)
	}
	return u.EscapedPath(), nil
}
