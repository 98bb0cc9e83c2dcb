package store

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/event-gateway/event-gateway/invoke/event"
)

// EventType registers a name that 0.9-shaped subscriptions may use. It is immutable once it is in a snapshot.
type EventType struct {
	Space        string            `json:"space" validate:"required,min=3,max=128,space"`
	Name         string            `json:"name" validate:"required,max=128,name"`
	AuthorizerID string            `json:"authorizerId,omitempty"` // of a function, which is asked before an event of the type is let in
	Metadata     map[string]string `json:"metadata,omitempty"`
	Extra        jsontext.Value    `json:",embed"` // what a newer version stored
	Rev          Rev               `json:"-"`
}

// DecodeEventType reads what a client sent. The space and, if there is one, the name of the URL win over the body's.
func (r *Rules) DecodeEventType(body []byte, space, name string) (*EventType, error) {
	t, err := r.decodeEventType(body, space, name)
	if err != nil {
		return nil, errorf(Invalid, "Event Type doesn't validate. Validation error: %s", err)
	}
	return t, nil
}

// eventTypeBody is an event type as clients send it: whole as they read it, with a count that is not theirs to set.
type eventTypeBody struct {
	EventType
	Subscriptions jsontext.Value `json:"subscriptions"`
}

func (r *Rules) decodeEventType(body []byte, space, name string) (*EventType, error) {
	var b eventTypeBody
	if err := decode(body, &b, &b.Extra); err != nil {
		return nil, err
	}
	if len(b.Subscriptions) > 0 && b.Subscriptions.Kind() != '0' {
		return nil, errors.New("subscriptions must be a number")
	}
	// The name of the Go type is part of the messages.
	type Type EventType
	t := Type(b.EventType)
	t.Space = space
	if name != "" {
		t.Name = name
	}
	if err := r.check(&t); err != nil {
		return nil, err
	}
	if t.AuthorizerID != "" && event.Reserved(t.Name) {
		return nil, fmt.Errorf("%q is reserved for system events, which are never authorized: leave authorizerId out", t.Name)
	}
	return (*EventType)(&t), nil
}

func storedEventType(item Item) (*EventType, error) {
	var b eventTypeBody
	if json.Unmarshal(item.Value, &b) != nil {
		return nil, errUnreadable
	}
	t := b.EventType
	t.Rev = item.Rev
	return &t, nil
}

func (t *EventType) record() ([]byte, error) { return json.Marshal(t, json.Deterministic(true)) }
func (t *EventType) revision() Rev           { return t.Rev }
