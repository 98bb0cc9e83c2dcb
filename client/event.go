package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Event is a CloudEvent 1.0. Its JSON is the structured mode, so a function on AWS Lambda can take an Event as its argument.
type Event struct {
	// ID, Source and Type are required by CloudEvents. Send fills in ID and Source. Set ID yourself if you may send the event again: so
	// receivers can tell.
	ID, Source, Type string
	Time             time.Time
	Subject          string
	DataSchema       string // a URI
	// ContentType is that of Data; empty means JSON.
	ContentType string
	// Data is the payload: JSON if ContentType is empty or of JSON, else any text or bytes.
	Data []byte
	// Extensions are the other attributes. Their names have lower-case letters and digits only. Numbers and booleans are their texts.
	Extensions map[string]string
}

// NewEvent returns an event with data as JSON; with no data if it is nil.
func NewEvent(eventType string, data any) (Event, error) {
	e := Event{Type: eventType}
	if data == nil {
		return e, nil
	}
	b, err := marshal(data)
	if err != nil {
		return e, fmt.Errorf("event %s: the data cannot be written as JSON: %w", eventType, err)
	}
	e.ContentType, e.Data = jsonType, b
	return e, nil
}

// Decode reads the data, which must be JSON, into what v points to.
func (e *Event) Decode(v any) error {
	if e.ContentType != "" && !isJSON(e.ContentType) {
		return fmt.Errorf("event %s %s: the data is %s, not JSON", e.Type, e.ID, e.ContentType)
	}
	if err := json.Unmarshal(e.Data, v); err != nil {
		return fmt.Errorf("event %s %s: the data cannot be read: %w", e.Type, e.ID, err)
	}
	return nil
}

// isJSON reports whether a content type declares JSON.
func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	_, sub, _ := strings.Cut(strings.ToLower(strings.TrimSpace(media)), "/")
	return sub == "json" || strings.HasSuffix(sub, "+json")
}

// marshal is json.Marshal without the escapes that are for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
