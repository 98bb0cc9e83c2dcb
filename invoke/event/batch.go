package event

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// MaxBatch is how many events a batch may have.
const MaxBatch = 1000

// IsBatch reports whether a request is a batch of CloudEvents, which is for [FromBatch] to read.
func IsBatch(h http.Header) bool {
	return equalFold(mediaType(h.Get("Content-Type")), batchType)
}

// FromBatch makes events of a batch (CloudEvents JSON format, 4): an array of CloudEvents as in structured mode, of
// either version. It is like [FromRequest] otherwise, and gives all events or none. An error names the first event that
// is wrong, counted from 0. There may be no events at all.
func FromBatch(r *http.Request, _ string, body []byte, received time.Time) ([]*Event, error) {
	if _, err := single(r.Header, "Content-Type"); err != nil {
		return nil, err
	}
	if err := checkEncoding(r.Header); err != nil {
		return nil, err
	}
	events, err := readBatch(body, received)
	if err != nil {
		return nil, err
	}
	rest := cap(body)
	for _, e := range events {
		rest -= e.Size
	}
	for _, e := range events {
		e.Size += rest/len(events) + 1
		e.setContext(r.Header)
	}
	return events, nil
}

// readBatch reads an array of events. The size of each is that of its own part of the body.
func readBatch(body []byte, received time.Time) ([]*Event, error) {
	d, err := newDecoder(body)
	if err != nil {
		return nil, err
	}
	if kind := d.PeekKind(); kind != '[' && kind != 0 {
		return nil, invalidEvent("the body is not a JSON array")
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, malformed(d)
	}
	var events []*Event
	var room [16]member
	members := room[:0]
	for d.PeekKind() != ']' {
		if len(events) == MaxBatch {
			return nil, invalidEvent(fmt.Sprintf("the batch has more than %d events", MaxBatch))
		}
		start := d.InputOffset()
		if members, err = readObject(d, body, members[:0]); err != nil {
			return nil, inBatch(err, len(events))
		}
		e, err := fromMembers(members, received)
		if err != nil {
			return nil, inBatch(err, len(events))
		}
		e.Size = int(d.InputOffset() - start)
		events = append(events, e)
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, malformed(d)
	}
	return events, readEnd(d)
}

// inBatch says which event of a batch an error is about.
func inBatch(err error, index int) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	return &Error{Code: e.Code, Attribute: e.Attribute, Message: fmt.Sprintf("event %d of the batch: %s", index, e.Message)}
}
