package store

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// EventType registers a name that 0.9-shaped subscriptions may use. It is immutable once it is in a snapshot.
type EventType struct {
	Space        string            `json:"space" validate:"required,min=3,max=128,space"`
	Name         string            `json:"name" validate:"required,max=128,name"`
	AuthorizerID string            `json:"authorizerId,omitempty"`
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

func (r *Rules) decodeEventType(body []byte, space, name string) (*EventType, error) {
	// The name of the Go type is part of the messages.
	type Type EventType
	var t Type
	if err := decode(body, &t, &t.Extra); err != nil {
		return nil, err
	}
	t.Space = space
	if name != "" {
		t.Name = name
	}
	if err := r.check(&t); err != nil {
		return nil, err
	}
	if t.AuthorizerID != "" {
		return nil, errors.New("authorizerId is not supported yet: leave it out, events of this type are not authorized")
	}
	return (*EventType)(&t), nil
}

func (t *EventType) record() ([]byte, error) { return json.Marshal(t, json.Deterministic(true)) }
func (t *EventType) revision() Rev           { return t.Rev }
