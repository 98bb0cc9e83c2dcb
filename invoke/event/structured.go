package event

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// fromStructured reads a CloudEvent in structured mode (CloudEvents JSON format, 3).
func fromStructured(body []byte, received time.Time) (*Event, error) {
	p := structured{
		event: &Event{Kind: CloudEvent, Received: received},
		names: make([][]byte, 0, 16),
	}
	err := p.parse(body)
	if err == nil {
		err = p.finish()
	}
	if err == nil {
		return p.event, nil
	}
	if isVersion01(body) {
		err = invalidAttribute("specversion", "is missing: CloudEvents 0.1 is not accepted as input yet")
	}
	return nil, err
}

// structured is the state of reading one event.
type structured struct {
	event   *Event
	names   [][]byte // of all members so far
	version bool     // specversion was there
	base64  []byte   // what data_base64 holds; nil if it was not there
}

// parse reads the members in one pass.
func (p *structured) parse(body []byte) error {
	if !utf8.Valid(body) {
		return invalidEvent("the body is not UTF-8")
	}
	d := newDecoder(body)
	if kind := d.PeekKind(); kind != '{' && kind != 0 {
		return invalidEvent("the body is not a JSON object")
	}
	if _, err := d.ReadToken(); err != nil {
		return malformed(d)
	}
	for d.PeekKind() != '}' {
		name, err := readValue(d, body)
		if err != nil {
			return malformed(d)
		}
		value, err := readValue(d, body)
		if err != nil {
			return malformed(d)
		}
		if err := p.member(name, value); err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return malformed(d)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return malformed(d)
	}
	return nil
}

// member takes one member of the event, both parts as they were written.
func (p *structured) member(quoted, value []byte) error {
	name, problem := unquote(quoted)
	if problem != "" {
		return invalidEvent("the name of an attribute " + problem)
	}
	for _, other := range p.names {
		if bytes.Equal(name, other) {
			return invalidAttribute(string(name), "must not be repeated")
		}
	}
	if p.names = append(p.names, name); len(p.names) > maxMembers {
		return invalidEvent("there are too many attributes")
	}
	switch string(name) {
	case "data":
		p.event.Data = Data{JSON, value} // null too: it is a payload, not an attribute
		return nil
	case "data_base64":
		return p.data64(value)
	}
	return p.attribute(name, value)
}

func (p *structured) data64(value []byte) error {
	if value[0] == 'n' {
		return nil
	}
	if value[0] != '"' {
		return invalidAttribute("data_base64", "must be a string")
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil || bytes.ContainsAny(text, "\r\n") { // which the decoder would skip
		return invalidAttribute("data_base64", "is not standard base64")
	}
	raw, err := base64.StdEncoding.Strict().AppendDecode(make([]byte, 0, len(text)), text)
	if err != nil {
		return invalidAttribute("data_base64", "is not standard base64")
	}
	p.base64 = raw
	return nil
}

// attribute takes an attribute, null being none (JSON format, 2.2).
func (p *structured) attribute(rawName, value []byte) error {
	name := coreAttribute(rawName)
	if name == "" {
		return p.extension(string(rawName), value)
	}
	if value[0] == 'n' {
		return nil
	}
	if value[0] != '"' {
		return invalidAttribute(name, "must be a string")
	}
	text, problem := unquote(value)
	if problem != "" {
		return invalidAttribute(name, problem)
	}
	p.version = p.version || name == "specversion"
	return p.event.setAttribute(name, string(text))
}

func (p *structured) extension(name string, value []byte) error {
	if !isAttributeName(name) {
		return invalidAttribute(name, "is not a name: only lower-case letters and digits are")
	}
	if value[0] == 'n' {
		return nil
	}
	return p.event.addExtension(name, value)
}

// finish checks what can only be known at the end.
func (p *structured) finish() error {
	if !p.version {
		return invalidAttribute("specversion", "is missing")
	}
	if err := p.event.checkRequired(); err != nil {
		return err
	}
	if p.base64 == nil {
		return nil
	}
	if p.event.Data.Kind != NoData {
		return invalidAttribute("data_base64", "must not stand beside data")
	}
	if p.event.ContentType == "" && len(p.base64) > 0 {
		// It must stay binary: as data it would be taken for JSON.
		p.event.Data = Data{Binary, p.base64}
		return nil
	}
	p.event.setPayload(p.base64)
	return nil
}

// isVersion01 reports whether a body that is no CloudEvent 1.0 means to be one of 0.1.
func isVersion01(body []byte) bool {
	d := newDecoder(body)
	if start, err := d.ReadToken(); err != nil || start.Kind() != '{' {
		return false
	}
	found := false
	for d.PeekKind() == '"' {
		name, err := readValue(d, body)
		if err != nil || string(name) == `"specversion"` || d.SkipValue() != nil {
			return false
		}
		found = found || string(name) == `"cloudEventsVersion"`
	}
	return found
}

// newDecoder returns a decoder of RFC 8259 JSON for a body that is known to be UTF-8. It leaves repeated member
// names and unpaired surrogates to its user: payloads may have them, attributes not.
func newDecoder(body []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(body),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// readValue returns the next value as the part of body that holds it: what the decoder returns is only good until
// its next call.
func readValue(d *jsontext.Decoder, body []byte) ([]byte, error) {
	value, err := d.ReadValue()
	end := int(d.InputOffset())
	return body[end-len(value) : end : end], err
}

func malformed(d *jsontext.Decoder) error {
	return invalidEvent("malformed JSON body after byte " + strconv.FormatInt(d.InputOffset(), 10))
}
