package event

import (
	"bytes"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// The names of system events. Their types have "gateway." or "eventgateway." before them.
const (
	Received         = "event.received"
	Invoking         = "function.invoking"
	Invoked          = "function.invoked"
	InvocationFailed = "function.invocationFailed"
	Dropped          = "event.dropped"
)

// System is what a system event tells.
type System struct {
	// Name is one of the constants above.
	Name string

	// Event is the event that it is about, and Params are the path parameters of its route.
	Event  *Event
	Params Params

	// Path and Headers are those of the request, for Received and Dropped. Reason is why the event was dropped.
	Path    string
	Headers []Header
	Reason  string

	// Space and FunctionID name the function, for the others. Result is its answer if Name is Invoked, and Error
	// what went wrong if Name is InvocationFailed.
	Space, FunctionID string
	Result            []byte
	Error             string

	result DataKind // what Result is; Binary with compat, as it was in 2018
}

// NewSystem returns the two events that tell s: they differ in their type, which is as subscriptions of either shape know
// it. With compat the result is in base64 always. They keep no headers with credentials, neither those of s nor those of
// the event in it, and s itself is not changed.
func NewSystem(s *System, compat bool, now time.Time) (seed, v09 *Event) {
	own := *s
	own.Headers = withoutCredentials(s.Headers)
	own.Event = shown(s.Event)
	own.result = resultKind(s.Result, compat)
	seed = &Event{
		Kind:        SystemEvent,
		ID:          uuid.NewString(),
		Source:      "/",
		Type:        "gateway." + s.Name,
		Time:        now.UTC().Format(time.RFC3339Nano),
		Received:    now,
		ContentType: jsonType,
		System:      &own,
		Size:        len(s.Result) + len(s.Error),
	}
	if own.result == Text {
		seed.Escapes = escapes(s.Result)
	}
	if s.Event != nil {
		seed.Size += s.Event.Size
		seed.Escapes += s.Event.Escapes
		seed.TraceParent, seed.TraceState = s.Event.TraceParent, s.Event.TraceState
	}
	second := *seed
	second.Type = "eventgateway." + s.Name
	return seed, &second
}

// shown returns an event as those may see it who are not its receivers.
func shown(e *Event) *Event {
	if e == nil {
		return nil
	}
	own := *e
	own.Lineage, own.Authorization = "", nil
	if e.HTTP != nil {
		request := *e.HTTP
		request.Headers = withoutCredentials(request.Headers)
		own.HTTP = &request
	}
	return &own
}

func resultKind(result []byte, compat bool) DataKind {
	switch {
	case compat:
		return Binary
	case validJSON(bytes.Trim(result, jsonSpace)):
		return JSON
	case utf8.Valid(result):
		return Text
	}
	return Binary
}

// append appends the data of a system event, with the event that it is about in the form f.
func (s *System) append(dst []byte, f Format) []byte {
	if s.Name == Received || s.Name == Dropped {
		dst = append(dst, `{"path":`...)
		dst = appendString(dst, s.Path)
		dst = s.appendEvent(dst, f)
		dst = append(dst, `,"headers":`...)
		dst = appendHeaders(dst, s.Headers)
	} else {
		dst = append(dst, `{"space":`...)
		dst = appendString(dst, s.Space)
		dst = append(dst, `,"functionId":`...)
		dst = appendString(dst, s.FunctionID)
		dst = s.appendEvent(dst, f)
	}
	switch s.Name {
	case Dropped:
		dst = append(dst, `,"reason":`...)
		dst = appendString(dst, s.Reason)
	case Invoked:
		dst = append(dst, `,"result":`...)
		dst = s.appendResult(dst)
	case InvocationFailed:
		dst = append(dst, `,"error":`...)
		dst = appendString(dst, s.Error)
	}
	return append(dst, '}')
}

func (s *System) appendEvent(dst []byte, f Format) []byte {
	dst = append(dst, `,"event":`...)
	if s.Event == nil {
		return append(dst, `null`...)
	}
	return s.Event.Append(dst, f, s.Params)
}

func (s *System) appendResult(dst []byte) []byte {
	switch s.result {
	case JSON:
		return append(dst, bytes.Trim(s.Result, jsonSpace)...)
	case Text:
		return appendBytes(dst, s.Result)
	default:
		return appendBase64(dst, s.Result)
	}
}
