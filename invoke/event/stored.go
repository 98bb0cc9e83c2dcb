package event

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// stored is how an event waits in a queue: all that was received, so that it can be written in the form that a function wants by then. What was
// stored once has to be readable for ever.
type stored struct {
	Kind          string            `json:"kind"`
	ID            string            `json:"id"`
	Source        string            `json:"source"`
	Type          string            `json:"type"`
	Time          string            `json:"time,omitzero"`
	Received      time.Time         `json:"received"`
	ContentType   string            `json:"contentType,omitzero"`
	Schema        string            `json:"schema,omitzero"`
	Subject       string            `json:"subject,omitzero"`
	TypeVersion   string            `json:"typeVersion,omitzero"`
	Extensions    []storedExtension `json:"extensions,omitempty"`
	Data          *storedData       `json:"data,omitzero"`
	HTTP          *HTTP             `json:"http,omitzero"`
	System        *storedSystem     `json:"system,omitzero"`
	Lineage       string            `json:"lineage,omitzero"`
	Authorization string            `json:"authorization,omitzero"`
	TraceParent   string            `json:"traceParent,omitzero"`
	TraceState    string            `json:"traceState,omitzero"`
	Malformed     bool              `json:"malformed,omitzero"`
	Made          bool              `json:"made,omitzero"`
	Sent01        bool              `json:"sent01,omitzero"`
}

// storedExtension has the JSON text of a value as a string: it must come back byte for byte.
type storedExtension struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// storedData has bytes that are UTF-8 as a string, which people can read, and others in base64.
type storedData struct {
	Kind   string `json:"kind"`
	Text   string `json:"text,omitzero"`
	Base64 []byte `json:"base64,omitzero"`
}

type storedSystem struct {
	Name       string      `json:"name"`
	Event      *stored     `json:"event,omitzero"`
	Params     *Params     `json:"params,omitzero"`
	Path       string      `json:"path,omitzero"`
	Headers    []Header    `json:"headers,omitempty"`
	Reason     string      `json:"reason,omitzero"`
	Space      string      `json:"space,omitzero"`
	FunctionID string      `json:"functionId,omitzero"`
	Result     *storedData `json:"result,omitzero"`
	Error      string      `json:"error,omitzero"`
}

// The names of kinds, by their numbers.
func kinds() []string {
	return []string{Plain: "http", Named: "named", CloudEvent: "cloudevent", SystemEvent: "system"}
}
func dataKinds() []string { return []string{NoData: "", JSON: "json", Text: "text", Binary: "binary"} }

// AppendStored appends the event as ParseStored reads it, as one JSON object. Strings that are not UTF-8 come back as every form of the event would have them.
func (e *Event) AppendStored(dst []byte) []byte {
	b, err := json.Marshal(e.stored(), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic(fmt.Errorf("an event cannot be stored: %w", err)) // there is nothing in it that could fail
	}
	return append(dst, b...)
}

func (e *Event) stored() *stored {
	s := &stored{
		Kind: kinds()[e.Kind], ID: e.ID, Source: e.Source, Type: e.Type, Time: e.Time, Received: e.Received.UTC(), ContentType: e.ContentType,
		Schema: e.Schema, Subject: e.Subject, TypeVersion: e.TypeVersion, HTTP: e.HTTP, Lineage: e.Lineage, Authorization: string(e.Authorization),
		TraceParent: e.TraceParent, TraceState: e.TraceState, Malformed: e.Malformed, Made: e.made, Sent01: e.sent01,
	}
	for _, x := range e.Extensions {
		s.Extensions = append(s.Extensions, storedExtension{x.Name, string(x.Value)})
	}
	s.Data = newStoredData(e.Data.Kind, e.Data.Raw)
	if y := e.System; y != nil {
		s.System = &storedSystem{
			Name: y.Name, Path: y.Path, Headers: y.Headers, Reason: y.Reason,
			Space: y.Space, FunctionID: y.FunctionID, Result: newStoredData(y.result, y.Result), Error: y.Error,
		}
		if len(y.Params.Names) > 0 {
			s.System.Params = &y.Params
		}
		if y.Event != nil {
			s.System.Event = y.Event.stored()
		}
	}
	return s
}

func newStoredData(kind DataKind, raw []byte) *storedData {
	switch kind {
	case NoData:
		return nil
	case JSON:
		raw = bytes.Trim(raw, jsonSpace) // an answer of a function may have some around it
	}
	if utf8.Valid(raw) {
		return &storedData{Kind: dataKinds()[kind], Text: string(raw)}
	}
	return &storedData{Kind: dataKinds()[kind], Base64: raw}
}

// ParseStored reads what AppendStored wrote. What a queue holds is as hostile as a request: every input gives an error, or an event that has a valid form of each kind.
func ParseStored(b []byte) (*Event, error) {
	s := &stored{}
	if err := json.Unmarshal(b, s); err != nil {
		return nil, errors.New("it is not the JSON of an event")
	}
	return s.event(0)
}

// maxStoredDepth is how deep events are in system events, which tell of no others of their kind.
const maxStoredDepth = 1

func (s *stored) event(depth int) (*Event, error) {
	kind := Kind(slices.Index(kinds(), s.Kind))
	switch {
	case kind < 0, depth > maxStoredDepth:
		return nil, errors.New("it is an event of an unknown kind")
	case s.ID == "" || s.Source == "" || s.Type == "":
		return nil, errors.New("the event lacks its id, source or type")
	case (kind == Plain) != (s.HTTP != nil), (kind == SystemEvent) != (s.System != nil), kind == SystemEvent && s.Data != nil:
		return nil, errors.New("the event's members do not fit its kind")
	case len(s.Extensions) > maxExtensions:
		return nil, errors.New("the event has too many extensions")
	case s.Received.UTC().Year() < 1 || s.Received.UTC().Year() > 9998: // near the ends there are times that no JSON can hold
		return nil, errors.New("the event was received at no time")
	}
	e := &Event{
		Kind: kind, ID: s.ID, Source: s.Source, Type: s.Type, Time: s.Time, Received: s.Received, ContentType: s.ContentType,
		Schema: s.Schema, Subject: s.Subject, TypeVersion: s.TypeVersion, HTTP: s.HTTP, Lineage: lineage(s.Lineage),
		Malformed: s.Malformed, made: s.Made, sent01: s.Sent01, Size: len(s.ID) + len(s.Source) + len(s.Type),
	}
	if isTraceParent(s.TraceParent) {
		e.TraceParent, e.TraceState = s.TraceParent, traceState([]string{s.TraceState})
	}
	if s.Authorization != "" {
		e.Authorization = []byte(s.Authorization)
		if !validJSON(e.Authorization) || e.Authorization[0] != '{' {
			return nil, errors.New("the event's authorization is no JSON object")
		}
	}
	var names []string
	for _, x := range s.Extensions {
		name := legalName(x.Name)
		if name == "" || name == "data" || coreAttribute(name) != "" || slices.Contains(names, name) {
			return nil, errors.New("an extension of the event has a name that none can have")
		}
		if x.Value == "" || !validJSON([]byte(x.Value)) || bytes.IndexByte([]byte(jsonSpace), x.Value[0]) >= 0 {
			return nil, errors.New("an extension of the event has no value")
		}
		names = append(names, name)
		e.Extensions = append(e.Extensions, Extension{x.Name, []byte(x.Value)})
	}
	if err := e.setStored(s, depth); err != nil {
		return nil, err
	}
	e.Size += len(e.Data.Raw)
	return e, nil
}

// setStored sets what the event is about.
func (e *Event) setStored(s *stored, depth int) (err error) {
	if e.Data.Kind, e.Data.Raw, err = s.Data.read(); err != nil {
		return err
	}
	if e.Data.Kind == Text {
		e.Escapes = escapes(e.Data.Raw)
	}
	y := s.System
	if y == nil {
		return nil
	}
	e.System = &System{
		Name: y.Name, Path: y.Path, Headers: y.Headers, Reason: y.Reason, Space: y.Space, FunctionID: y.FunctionID, Error: y.Error,
	}
	if y.Params != nil {
		e.System.Params = *y.Params
	}
	if e.System.result, e.System.Result, err = y.Result.read(); err != nil || y.Event == nil {
		return err
	}
	e.System.Event, err = y.Event.event(depth + 1)
	return err
}

func (d *storedData) read() (DataKind, []byte, error) {
	if d == nil {
		return NoData, nil, nil
	}
	kind, raw := DataKind(slices.Index(dataKinds(), d.Kind)), d.Base64
	if raw == nil {
		raw = []byte(d.Text)
	}
	switch {
	case kind <= NoData:
		return 0, nil, errors.New("the event's data is of an unknown kind")
	case kind == JSON && (!validJSON(raw) || len(bytes.Trim(raw, jsonSpace)) != len(raw)), kind == Text && !utf8.Valid(raw):
		return 0, nil, errors.New("the event's data is not of its kind")
	}
	return kind, raw, nil
}
