package invoke

import (
	"net/http"
	"sync"

	"github.com/google/uuid"

	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/store"
)

// Payload is an encoded event.
type Payload struct {
	// Header is what goes out with it where there are headers. It must not be changed.
	Header http.Header
	Body   []byte
	// Event is what was encoded.
	Event *event.Event
	// Delivery is the id of the delivery if a queue gave it one, which is the same each time that it is tried.
	Delivery string
}

// DeliveryID returns the id of the delivery, or a new one if it has none.
func (p Payload) DeliveryID() string {
	if p.Delivery == "" {
		return uuid.NewString()
	}
	return p.Delivery
}

// attribute returns the value of an attribute of the event, or "".
func (p Payload) attribute(name string) string {
	if p.Event == nil || name == "" {
		return ""
	}
	value, _ := p.Event.Attribute(name)
	return value
}

// encodings keeps the forms of an event that goes to many targets, so that each is written once. Plain HTTP requests are not shared: their
// path parameters differ from target to target.
type encodings struct {
	mu    sync.Mutex
	forms map[form]Payload
}

// form is how an event is written for a function.
type form struct {
	format event.Format
	binary bool // the attributes in headers
}

// payload writes ev in the form that t wants. shared may be nil.
func (d *Dispatcher) payload(ev *event.Event, t store.Target, shared *encodings) Payload {
	f := form{d.format(t), t.Function.Mode == store.BinaryMode}
	if ev.Kind == event.Plain || shared == nil {
		return encode(ev, f, t)
	}
	shared.mu.Lock()
	defer shared.mu.Unlock()
	p, found := shared.forms[f]
	if !found {
		p = encode(ev, f, t)
		if shared.forms == nil {
			shared.forms = map[form]Payload{}
		}
		shared.forms[f] = p
	}
	return p
}

func encode(ev *event.Event, f form, t store.Target) Payload {
	params := event.Params{Names: t.Names, Values: t.Values}
	if f.binary && f.format != event.Native {
		header, body := ev.Binary(f.format, params)
		return payloadOf(ev, header, body)
	}
	size := 640 + len(ev.Data.Raw) + ev.Escapes
	if ev.Data.Kind == event.Binary {
		size += len(ev.Data.Raw) / 3
	}
	if ev.HTTP != nil {
		for _, h := range ev.HTTP.Headers {
			size += len(h.Name) + len(h.Value) + 6
		}
	}
	return payloadOf(ev, headerOf(f.format.ContentType()), ev.Append(make([]byte, 0, size), f.format, params))
}

func headerOf(contentType string) http.Header { return http.Header{"Content-Type": {contentType}} }

// payloadOf returns the payload with what is the same in all forms: who calls, and what the event follows from.
func payloadOf(ev *event.Event, header http.Header, body []byte) Payload {
	values := [...]string{"event-gateway", ev.Lineage, ev.TraceParent, ev.TraceState}
	header["User-Agent"] = values[0:1:1]
	for i, name := range [...]string{1: event.LineageHeader, 2: "Traceparent", 3: "Tracestate"} {
		if i > 0 && values[i] != "" {
			header[name] = values[i : i+1 : i+1]
		}
	}
	return Payload{Header: header, Body: body, Event: ev}
}

// format returns the form in which a target gets events: the function's own, else as in 2018 or CloudEvents 1.0.
func (d *Dispatcher) format(t store.Target) event.Format {
	switch {
	case t.Function.EventFormat != "":
		return event.Format(t.Function.EventFormat)
	case !d.options.Compat:
		return event.CloudEvents
	case t.Subscription != nil && t.Subscription.Shape == store.V09:
		return event.CloudEvents01
	}
	return event.Native
}
