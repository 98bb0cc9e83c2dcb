package event

import "fmt"

// Code says in which way a request is no event.
type Code int

const (
	// InvalidEvent is an event with something missing, doubled or wrong.
	InvalidEvent Code = iota
	// UnsupportedFormat is an event in a format or an encoding that is not read here.
	UnsupportedFormat
	// ReservedType is an event of a type that only the gateway itself may send; see [Reserved].
	ReservedType
)

// Error is why a request is no event. It is always the sender's fault.
type Error struct {
	Code Code
	// Attribute is the CloudEvents attribute, or the request header in lower case, that is wrong. It is empty
	// when the event as a whole is.
	Attribute string
	// Message is for the sender to read. It never repeats a value that was sent.
	Message string
}

func (e *Error) Error() string { return e.Message }

// invalidPrefix begins each message about a CloudEvent; clients from 2018 know it.
const invalidPrefix = "CloudEvent doesn't validate: "

func invalidEvent(problem string) error {
	return &Error{Message: invalidPrefix + problem}
}

func invalidAttribute(name, problem string) error {
	// The name of an extension comes from the sender, who may make it long.
	const most = 64
	if len(name) > most {
		name = name[:most]
	}
	return &Error{Attribute: name, Message: fmt.Sprintf("%sattribute %q %s", invalidPrefix, name, problem)}
}

func invalidHeader(name, problem string) error {
	return &Error{Attribute: name, Message: fmt.Sprintf("request header %q %s", name, problem)}
}

func unsupported(name, problem string) error {
	return &Error{Code: UnsupportedFormat, Attribute: name, Message: fmt.Sprintf("request header %q: %s", name, problem)}
}

func reservedType(attribute string) error {
	return &Error{
		Code:      ReservedType,
		Attribute: attribute,
		Message:   "event types that begin with gateway. or eventgateway. are reserved for system events",
	}
}
