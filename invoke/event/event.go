// Package event turns HTTP requests into events and writes an event in the form that a function wants.
//
// A request becomes an [Event] in one of these ways, tried in this order: a CloudEvent in structured mode (the body
// is the event), a CloudEvent in binary mode (the headers are the attributes), an event named by the Event header,
// or, when it is none of these, an event that describes the HTTP request itself. CloudEvents are 1.0 or 0.1. One
// request may bring many events as a batch: see [IsBatch].
//
// What the gateways on its way say of an event has fields of its own, never a place among the sender's extensions, and
// is written as the extensions eventgateway and eventgatewaylineage.
//
// The package is pure: it has no clock, no network and no logger. What arrives is hostile: every input gives an
// event or an [*Error], and every event encodes to valid JSON in valid UTF-8.
//
// The rules come from CloudEvents 1.0.2 (core, JSON format, HTTP protocol binding, distributed tracing),
// CloudEvents 0.1, W3C Trace Context, and RFC 8259 (JSON), 3339 (time), 3986 (URI) and 9110 (media types).
package event

import "time"

// Kind says how an event reached the gateway.
type Kind int

const (
	// Plain is an HTTP request that names no event. It becomes an event that describes the request.
	Plain Kind = iota
	// Named is a request whose Event header names the event's type. Its body may hold a CloudEvent of that type.
	Named
	// CloudEvent is a CloudEvent 1.0 or 0.1: structured, binary or one of a batch.
	CloudEvent
	// SystemEvent is an event that the gateway itself sends: see [NewSystem].
	SystemEvent
)

// Event is one event, as it arrived. Once made it is never changed, so many deliveries may share it; who wants to
// add to it copies the struct and gives the copy new slices.
//
// The optional attributes are empty when the sender did not give them.
type Event struct {
	Kind Kind

	// ID, Source and Type are never empty. Type is "http.request" for a Plain event.
	ID, Source, Type string

	// Time is RFC 3339, as the sender wrote it. An event that is no CloudEvent has the time of receipt.
	Time string

	// Received is when the gateway got the request.
	Received time.Time

	// ContentType is the media type of Data: for a CloudEvent the attribute datacontenttype, else the request's
	// Content-Type as sent, whatever it says. A request that sends none has application/octet-stream.
	ContentType string

	Schema      string // the attribute dataschema
	Subject     string // the attribute subject
	TypeVersion string // the extension eventtypeversion, where it is a string

	// Extensions are in the order they came in, those from headers sorted by name.
	Extensions []Extension

	// Data is the payload. For a Plain event it is the request's body.
	Data Data

	// HTTP is the rest of a Plain event's request, nil for the other kinds.
	HTTP *HTTP

	// System is what a SystemEvent tells, nil for the other kinds. Such an event has no Data.
	System *System

	// Lineage is the token that tells which deliveries led to this event, as it was received in the header
	// Eventgateway-Lineage or else in the extension eventgatewaylineage. Whether it is true is not known here.
	Lineage string

	// Authorization is JSON text, an object: what the authorizer says of the sender. It is never from the request.
	Authorization []byte

	// TraceParent and TraceState are the request's headers of these names (W3C Trace Context), if they are valid.
	// A CloudEvent may have extensions of these names too, which tell where its own trace began.
	TraceParent, TraceState string

	// Size is about how many bytes of memory the event keeps: all of the request's body, of which Data may be a small
	// part, and its headers. The events of a batch share the size of their body.
	Size int

	// Escapes is by how many bytes text in the event grows at most when it becomes a JSON string: control characters
	// take six.
	Escapes int

	// Malformed says that the payload was declared to be JSON and is not. Data is then Binary. Whether that is
	// an error is for the caller to say.
	Malformed bool

	made   bool // the gateway made up the attributes: the request has no CloudEvent
	sent01 bool // Data is a string of CloudEvents 0.1, which leaves in the older forms as it came
}

// Extension is an extension attribute (CloudEvents 1.0.2, "Extension Context Attributes").
type Extension struct {
	// Name is the sender's. One of CloudEvents 0.1 may have any characters: in the 1.0 form only its letters and
	// digits are left, in lower case.
	Name string
	// Value is JSON text: a string, a boolean or an integer of 32 bits. What else CloudEvents 0.1 allows is written
	// as a string holding its JSON text in the 1.0 form.
	Value []byte
}

// DataKind says what the bytes of a payload are.
type DataKind int

const (
	NoData DataKind = iota // there is no payload
	JSON                   // one JSON value
	Text                   // valid UTF-8 that is not declared to be JSON
	Binary                 // any bytes
)

// Data is a payload: the bytes that came in, never rewritten. They are part of the body given to [FromRequest],
// but for those that came in base64.
type Data struct {
	Kind DataKind
	// Raw is without white space around it if Kind is JSON. A CloudEvent in structured mode carries text as a
	// JSON string: then Kind is JSON, Raw is that string as it was written, and ContentType is not a JSON type.
	Raw []byte
}

// Reserved reports whether the gateway alone may send events of this type: "gateway." and "eventgateway." begin
// the types of system events. The case of letters does not matter.
func Reserved(name string) bool {
	return hasPrefixFold(name, "gateway.") || hasPrefixFold(name, "eventgateway.")
}
