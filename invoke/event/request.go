package event

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	structuredType = "application/cloudevents+json"
	anyBytesType   = "application/octet-stream"
	jsonType       = "application/json"
)

// FromRequest makes an event of a request. path is the request's canonical path and body its whole body, both of
// which the caller has checked and limited; received is the time of receipt. The event keeps body, which must not
// be changed any more. It keeps nothing else of the request that could change.
//
// The error is an [*Error].
func FromRequest(r *http.Request, path string, body []byte, received time.Time) (*Event, error) {
	e, err := fromRequest(r, path, body, received)
	if err != nil {
		return nil, err
	}
	e.Size = cap(body) + len(path) + len(r.URL.RawQuery)
	for name, values := range r.Header {
		for _, value := range values {
			e.Size += len(name) + len(value)
		}
	}
	return e, nil
}

func fromRequest(r *http.Request, path string, body []byte, received time.Time) (*Event, error) {
	contentType, err := single(r.Header, "Content-Type")
	if err != nil {
		return nil, err
	}
	// CloudEvents HTTP binding, 1.3: the media type decides first, then the presence of the attributes.
	media := mediaType(contentType)
	if equalFold(media, structuredType) {
		return fromStructured(body, received)
	}
	if hasPrefixFold(media, "application/cloudevents") {
		return nil, &Error{
			Code:      UnsupportedFormat,
			Attribute: "content-type",
			Message:   `request header "content-type": CloudEvents are accepted one a request, as ` + structuredType + " or in binary mode",
		}
	}
	if len(r.Header["Ce-Specversion"]) > 0 {
		return fromBinary(r.Header, contentType, body, received)
	}
	name, err := single(r.Header, "Event")
	if err != nil {
		return nil, err
	}
	if name != "" {
		return fromNamed(name, path, contentType, body, received)
	}
	return fromPlain(r, path, contentType, body, received)
}

// single returns the value of a header that may be there only once: with two, the gateway and a proxy before it
// could each believe another one.
func single(h http.Header, name string) (string, error) {
	switch values := h[name]; len(values) {
	case 0:
		return "", nil
	case 1:
		return strings.Trim(values[0], " \t"), nil
	default:
		return "", invalidHeader(strings.ToLower(name), "must not be repeated")
	}
}

func fromNamed(name, path, contentType string, body []byte, received time.Time) (*Event, error) {
	if problem := typeProblem(name); problem != "" {
		return nil, invalidHeader("event", problem)
	}
	if Reserved(name) {
		return nil, reservedType("event")
	}
	if e := embedded(name, contentType, body, received); e != nil {
		return e, nil
	}
	e := made(Named, name, path, contentType, received)
	e.setPayload(body)
	return e, nil
}

// embedded returns the CloudEvent that the body of a request with an Event header holds, or nil. Clients of 2018
// send both; a body that merely looks like an event must not change what the header says.
func embedded(name, contentType string, body []byte, received time.Time) *Event {
	// Most bodies are no event: looking for the one member that each must have is cheaper than parsing.
	if !isJSON(contentType) || !bytes.Contains(body, []byte(`"specversion"`)) {
		return nil
	}
	e, err := fromStructured(body, received)
	if err != nil || e.Type != name {
		return nil
	}
	e.Kind = Named
	return e
}

func fromPlain(r *http.Request, path, contentType string, body []byte, received time.Time) (*Event, error) {
	h, err := newHTTP(r, path)
	if err != nil {
		return nil, err
	}
	e := made(Plain, "http.request", path, contentType, received)
	e.setPayload(body)
	e.HTTP = h
	return e, nil
}

// made returns an event whose attributes the gateway has to make up.
func made(kind Kind, name, path, contentType string, received time.Time) *Event {
	if contentType == "" {
		contentType = anyBytesType
	}
	return &Event{
		Kind:        kind,
		ID:          uuid.NewString(),
		Source:      pathReference(path),
		Type:        name,
		Time:        received.UTC().Format(time.RFC3339Nano),
		Received:    received,
		ContentType: contentType,
	}
}
