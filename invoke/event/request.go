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
	batchType      = "application/cloudevents-batch+json"
	anyBytesType   = "application/octet-stream"
	jsonType       = "application/json"
)

// FromRequest makes an event of a request that is no batch. path is the request's canonical path and body its whole body, both of
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
	e.setContext(r.Header)
	return e, nil
}

func fromRequest(r *http.Request, path string, body []byte, received time.Time) (*Event, error) {
	contentType, err := single(r.Header, "Content-Type")
	if err != nil {
		return nil, err
	}
	// CloudEvents HTTP binding, 1.3: the media type decides first, then the presence of the attributes.
	media := mediaType(contentType)
	switch {
	case equalFold(media, structuredType):
		if err := checkEncoding(r.Header); err != nil {
			return nil, err
		}
		return fromStructured(body, received)
	case hasPrefixFold(media, "application/cloudevents"):
		return nil, unsupported("content-type", "CloudEvents are accepted as "+structuredType+", "+batchType+" or in binary mode")
	case len(r.Header["Ce-Specversion"]) > 0, isBinary01(r.Header):
		if err := checkEncoding(r.Header); err != nil {
			return nil, err
		}
		return fromBinary(r.Header, contentType, body, received)
	}
	name, err := single(r.Header, "Event")
	if err != nil {
		return nil, err
	}
	if name == "" {
		return fromPlain(r, path, contentType, body, received)
	}
	if err := checkEncoding(r.Header); err != nil {
		return nil, err
	}
	return fromNamed(name, path, contentType, body, received)
}

// checkEncoding refuses what is compressed: an event must be read, and nothing is decompressed here.
func checkEncoding(h http.Header) error {
	if isEncoded(h) {
		return unsupported("content-encoding", "events are accepted without compression only")
	}
	return nil
}

// isEncoded reports whether a body is not what Content-Type says, but has to be decoded to be that.
func isEncoded(h http.Header) bool {
	for _, value := range h["Content-Encoding"] {
		for coding := range strings.SplitSeq(value, ",") {
			if coding = strings.Trim(coding, " \t"); coding != "" && !equalFold(coding, "identity") {
				return true
			}
		}
	}
	return false
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
	if problem := TypeProblem(name); problem != "" {
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
	if !isJSON(contentType) || !bytes.Contains(body, []byte(`"specversion"`)) && !bytes.Contains(body, []byte(`"cloudEventsVersion"`)) {
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
	e.HTTP = h
	if isEncoded(r.Header) && len(body) > 0 {
		e.Data = Data{Binary, body}
		return e, nil
	}
	e.setPayload(body)
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
		made:        true,
	}
}
