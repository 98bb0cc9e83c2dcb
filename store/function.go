package store

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sync/atomic"
)

// Function says how to call something: its type and the settings of that type. It is immutable once it is in a snapshot.
type Function struct {
	Space    string            `json:"space" validate:"required,min=3,max=128,space"`
	ID       string            `json:"functionId" validate:"required,max=128,functionid"`
	Type     string            `json:"type,omitempty"` // empty in the shape of release 0.6, where the provider has it
	Provider Provider          `json:"provider"`
	Metadata map[string]string `json:"metadata,omitempty"`
	// EventFormat is the form in which the function gets events; empty: CloudEvents 1.0, or what -compat says.
	EventFormat string `json:"eventFormat,omitempty"`
	// Mode is empty, "structured" or "binary": where a function that is a web server finds what a CloudEvent says besides its data, in the body or in headers.
	Mode string `json:"mode,omitempty"`
	// Response is empty, or Passthrough.
	Response string         `json:"response,omitempty"`
	Extra    jsontext.Value `json:",embed"` // what a newer version stored
	Rev      Rev            `json:"-"`

	// Opened is for the package that calls functions: what it made of this revision of the function, which goes when the revision does.
	// It must not refer to the Function.
	Opened atomic.Value `json:"-" validate:"-"`
}

// Passthrough is the Response of a function that answers as a plain web server: its status, headers and body go to the caller.
const Passthrough = "passthrough"

// BinaryMode is the Mode of a function that gets CloudEvents with their attributes in headers.
const BinaryMode = "binary"

// Kind returns the type of the function, wherever it was given.
func (f *Function) Kind() string {
	if f.Type != "" {
		return f.Type
	}
	return f.Provider.Text("type")
}

// with returns a copy of f that has other settings.
func (f *Function) with(p Provider) *Function {
	return &Function{
		Space: f.Space, ID: f.ID, Type: f.Type, Provider: p, Metadata: f.Metadata,
		EventFormat: f.EventFormat, Mode: f.Mode, Response: f.Response, Extra: f.Extra,
	}
}

// functionBody is a function as it is sent and stored, before its settings are read.
type functionBody struct {
	Space       string            `json:"space"`
	ID          string            `json:"functionId"`
	Type        string            `json:"type,omitempty"`
	Provider    jsontext.Value    `json:"provider"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	EventFormat string            `json:"eventFormat,omitempty"`
	Mode        string            `json:"mode,omitempty"`
	Response    string            `json:"response,omitempty"`
	Extra       jsontext.Value    `json:",embed"`
}

func (r *Rules) function(b functionBody, stored bool) (*Function, *FunctionType, error) {
	f := &Function{
		Space: b.Space, ID: b.ID, Type: b.Type, Metadata: b.Metadata,
		EventFormat: b.EventFormat, Mode: b.Mode, Response: b.Response, Extra: b.Extra,
	}
	var t *FunctionType
	var err error
	f.Provider, t, err = r.provider(b.Type, b.Provider, stored)
	return f, t, err
}

// DecodeFunction reads what a client sent. The space and, if there is one, the id of the URL win over the body's.
func (r *Rules) DecodeFunction(body []byte, space, id string) (*Function, error) {
	f, err := r.decodeFunction(body, space, id)
	if err != nil {
		return nil, errorf(Invalid, "Function doesn't validate. Validation error: %s", err)
	}
	return f, nil
}

func (r *Rules) decodeFunction(body []byte, space, id string) (*Function, error) {
	var b functionBody
	if err := decode(body, &b, &b.Extra); err != nil {
		return nil, err
	}
	b.Space = space
	if id != "" {
		b.ID = id
	}
	f, t, err := r.function(b, false)
	if err != nil {
		return nil, err
	}
	if err := r.check(f); err != nil {
		return nil, err
	}
	if t.Check != nil {
		if err := t.Check(f.Provider); err != nil {
			return nil, err
		}
	}
	return f, f.checkForms(t)
}

// checkForms looks at the forms in which the function gets events and answers.
func (f *Function) checkForms(t *FunctionType) error {
	switch f.EventFormat {
	case "", "cloudevents", "cloudevents-0.1", "native":
	default:
		return fmt.Errorf("eventFormat is %q, it can be cloudevents, cloudevents-0.1 or native", f.EventFormat)
	}
	switch {
	case f.Mode == "":
	case !t.Web:
		return fmt.Errorf("functions of type %s have no mode: leave it out", t.Name)
	case f.Mode != "structured" && f.Mode != BinaryMode:
		return fmt.Errorf("mode is %q, it can be structured or binary", f.Mode)
	case f.Mode == BinaryMode && f.EventFormat == "native":
		return errors.New("mode is binary, which events of the eventFormat native cannot be sent in: leave one of them out")
	}
	switch {
	case f.Response == "":
	case !t.Web:
		return fmt.Errorf("functions of type %s have no response: leave it out", t.Name)
	case f.Response != Passthrough:
		return fmt.Errorf("response is %q, it can only be %s", f.Response, Passthrough)
	}
	return nil
}

// record returns the stored form: the body with its secrets, which are sealed by then.
func (f *Function) record() ([]byte, error) {
	var provider bytes.Buffer
	if err := encodeSettings(jsontext.NewEncoder(&provider), f.Provider.settings, true); err != nil {
		return nil, err
	}
	return json.Marshal(functionBody{
		Space: f.Space, ID: f.ID, Type: f.Type, Provider: provider.Bytes(), Metadata: f.Metadata,
		EventFormat: f.EventFormat, Mode: f.Mode, Response: f.Response, Extra: f.Extra,
	}, json.Deterministic(true))
}

func (f *Function) revision() Rev { return f.Rev }
