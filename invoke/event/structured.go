package event

import (
	"bytes"
	"encoding/base64"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// fromStructured reads a CloudEvent in structured mode (CloudEvents JSON format, 3).
func fromStructured(body []byte, received time.Time) (*Event, error) {
	d, err := newDecoder(body)
	if err != nil {
		return nil, err
	}
	var room [16]member
	members, err := readObject(d, body, room[:0])
	if err != nil {
		return nil, err
	}
	if err := readEnd(d); err != nil {
		return nil, err
	}
	return fromMembers(members, received)
}

// fromMembers makes an event of a JSON object of either version.
func fromMembers(members []member, received time.Time) (*Event, error) {
	p := structured{event: &Event{Kind: CloudEvent, Received: received}}
	version, version01 := find(members, "specversion"), find(members, "cloudEventsVersion")
	switch {
	case version != nil && version01 != nil:
		return nil, invalidAttribute("cloudEventsVersion", "must not stand beside specversion")
	case version == nil && (version01 != nil || find(members, "eventType") != nil || find(members, "eventID") != nil):
		return p.read01(members)
	}
	return p.read10(members)
}

// structured is the state of reading one event.
type structured struct {
	event   *Event
	version bool     // the version was there
	base64  []byte   // what data_base64 holds; nil if it was not there
	legal   []string // names of the extensions of 0.1 so far, as 1.0 has them
}

// read10 reads CloudEvents 1.0.
func (p *structured) read10(members []member) (*Event, error) {
	for _, m := range members {
		if err := p.member10(m.name, m.value); err != nil {
			return nil, err
		}
	}
	if !p.version {
		return nil, invalidAttribute("specversion", "is missing")
	}
	if err := p.event.checkRequired("source", "id", "type"); err != nil {
		return nil, err
	}
	if err := p.finish10(); err != nil {
		return nil, err
	}
	return p.event, nil
}

func (p *structured) member10(name, value []byte) error {
	switch string(name) {
	case "data":
		p.event.Data = Data{JSON, value} // null too: it is a payload, not an attribute
		return nil
	case "data_base64":
		return p.data64(value)
	}
	if value[0] == 'n' { // JSON format, 2.2: null is none
		return p.checkName(name)
	}
	core := coreAttribute(name)
	if core == "" {
		return p.extension(string(name), value)
	}
	text, err := attributeText(core, value)
	if err != nil {
		return err
	}
	p.version = p.version || core == "specversion"
	return p.event.setAttribute(core, core, text)
}

func (p *structured) extension(name string, value []byte) error {
	if err := p.checkName([]byte(name)); err != nil {
		return err
	}
	return p.event.addExtension(name, value)
}

func (p *structured) checkName(name []byte) error {
	if !isAttributeName(name) {
		return invalidAttribute(string(name), "is not a name: only lower-case letters and digits are")
	}
	return nil
}

// attributeText returns the value of an attribute that must be a string.
func attributeText(name string, value []byte) (string, error) {
	if value[0] != '"' {
		return "", invalidAttribute(name, "must be a string")
	}
	text, problem := unquote(value)
	if problem != "" {
		return "", invalidAttribute(name, problem)
	}
	return string(text), nil
}

func (p *structured) data64(value []byte) error {
	if value[0] == 'n' {
		return nil
	}
	if value[0] != '"' {
		return invalidAttribute("data_base64", "must be a string")
	}
	raw, ok := fromBase64(value)
	if !ok {
		return invalidAttribute("data_base64", "is not standard base64")
	}
	p.base64 = raw
	return nil
}

// fromBase64 returns the bytes that a JSON string holds in standard base64, never nil if it does.
func fromBase64(quoted []byte) (raw []byte, ok bool) {
	text := quoted[1 : len(quoted)-1]
	if hasEscape(text) {
		var err error
		// The decoder would skip line breaks.
		if text, err = jsontext.AppendUnquote(nil, quoted); err != nil || bytes.ContainsAny(text, "\r\n") {
			return nil, false
		}
	}
	raw, err := base64.StdEncoding.Strict().AppendDecode(make([]byte, 0, base64.StdEncoding.DecodedLen(len(text))), text)
	return raw, err == nil
}

// finish10 sets the data that came in base64.
func (p *structured) finish10() error {
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
