package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

const (
	structuredType = "application/cloudevents+json"
	batchType      = "application/cloudevents-batch+json"
	bytesType      = "application/octet-stream"
)

// Receive reads the event that a function got: a CloudEvent 1.0 in structured or in binary mode. It reads the body to its end, and
// does not close it.
func Receive(r *http.Request) (*Event, error) {
	body, err := readAll(r.Body, "the event")
	if err != nil {
		return nil, fmt.Errorf("CloudEvent: %w", err)
	}
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	e := &Event{}
	switch {
	case strings.EqualFold(strings.TrimSpace(media), structuredType):
		err = e.UnmarshalJSON(body)
	case r.Header.Get("Ce-Specversion") != "":
		err = e.fromHeaders(r.Header, body)
	default:
		err = errors.New("CloudEvent: the request is none: the function's eventFormat must be cloudevents")
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// fromHeaders reads an event in binary mode.
func (e *Event) fromHeaders(h http.Header, body []byte) error {
	if h.Get("Ce-Specversion") != "1.0" {
		return errVersion
	}
	for key, values := range h {
		name, ok := strings.CutPrefix(strings.ToLower(key), "ce-")
		switch {
		case !ok || name == "specversion":
			continue
		case len(values) > 1:
			return fmt.Errorf("CloudEvent: attribute %q is there %d times", name, len(values))
		case name == "data" || name == "datacontenttype":
			return fmt.Errorf("CloudEvent: attribute %q cannot be a header", name)
		}
		text, err := headerText(values[0])
		if err == nil {
			err = e.set(name, text)
		}
		if err != nil {
			return fmt.Errorf("CloudEvent: attribute %q %w", name, err)
		}
	}
	e.ContentType = h.Get("Content-Type")
	if len(body) > 0 {
		e.Data = body
		if e.ContentType == "" { // which would mean JSON
			e.ContentType = bytesType
		}
	}
	return e.complete()
}

// headerText undoes the percent-encoding of an attribute in a header (CloudEvents HTTP binding, 3.1.3.2). A value with a '%' that encodes
// nothing is from a sender that does not encode, and stays as it is.
func headerText(value string) (string, error) {
	text, err := url.PathUnescape(value)
	if err != nil {
		text = value
	}
	if !utf8.ValidString(text) {
		return "", errors.New("is not UTF-8")
	}
	return text, nil
}
