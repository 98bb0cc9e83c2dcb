package event

import (
	"cmp"
	"slices"
	"strings"
)

// read01 reads CloudEvents 0.1 (its JSON format, 3). As in 2018, members that it does not define say nothing.
func (p *structured) read01(members []member) (*Event, error) {
	e := p.event
	if err := checkRequired01(members); err != nil {
		return nil, err
	}
	for _, m := range members {
		if err := e.setMember01(string(m.name), m.value); err != nil {
			return nil, err
		}
	}
	if m := find(members, "extensions"); m != nil {
		if err := p.extensions01(m.value); err != nil {
			return nil, err
		}
	}
	if m := find(members, "data"); m != nil {
		e.setData01(m.value)
	}
	return e, nil
}

// checkRequired01 says which required attributes are missing, all at once and in the words that clients know.
func checkRequired01(members []member) error {
	first, lines := "", []string{}
	for _, required := range [...]struct{ name, field, tag string }{
		{"eventType", "EventType", "required"},
		{"cloudEventsVersion", "CloudEventsVersion", "required"},
		{"source", "Source", "uri"},
		{"eventID", "EventID", "required"},
	} {
		if m := find(members, required.name); m == nil || m.value[0] == 'n' || string(m.value) == `""` {
			first = cmp.Or(first, required.name)
			lines = append(lines, "Key: 'Event."+required.field+"' Error:Field validation for '"+required.field+"' failed on the '"+required.tag+"' tag")
		}
	}
	if first == "" {
		return nil
	}
	return &Error{Attribute: first, Message: invalidPrefix + strings.Join(lines, "\n")}
}

// setMember01 sets an attribute; null and the empty text of an optional one are none.
func (e *Event) setMember01(name string, value []byte) error {
	if attribute01(name) == "" || value[0] == 'n' {
		return nil
	}
	text, err := attributeText(name, value)
	if err != nil {
		return err
	}
	return e.setAttribute01(name, text)
}

// attribute01 returns the name that an attribute of 0.1 has in 1.0, and "" for other names.
func attribute01(name string) string {
	switch name {
	case "cloudEventsVersion":
		return "specversion"
	case "eventID":
		return "id"
	case "source":
		return "source"
	case "eventType":
		return "type"
	case "eventTypeVersion":
		return "eventtypeversion"
	case "eventTime":
		return "time"
	case "contentType":
		return "datacontenttype"
	case "schemaURL":
		return "dataschema"
	}
	return ""
}

// setAttribute01 sets an attribute to clean text.
func (e *Event) setAttribute01(name, value string) error {
	switch name {
	case "cloudEventsVersion":
		if value != "0.1" {
			return invalidAttribute(name, `must be "0.1"`)
		}
		return nil
	case "eventTypeVersion":
		e.TypeVersion = value
		return nil
	case "contentType", "schemaURL":
		if value == "" {
			return nil
		}
	}
	return e.setAttribute(attribute01(name), name, value)
}

// extensions01 reads the object that holds the extensions.
func (p *structured) extensions01(value []byte) error {
	if value[0] == 'n' {
		return nil
	}
	if value[0] != '{' {
		return invalidAttribute("extensions", "must be an object")
	}
	d, err := newDecoder(value)
	if err != nil {
		return err
	}
	var room [16]member
	members, err := readObject(d, value, room[:0])
	if err != nil {
		return err
	}
	for _, m := range members {
		if m.value[0] == 'n' {
			continue
		}
		if err := p.extension01(string(m.name), m.value); err != nil {
			return err
		}
	}
	return nil
}

// extension01 adds an extension of 0.1. It must be possible to write it in the 1.0 form.
func (p *structured) extension01(name string, value []byte) error {
	legal := legalName(name)
	switch {
	case legal == "":
		return invalidAttribute(name, "is not a name: it has neither letters nor digits")
	case legal == ownExtension:
		return nil
	case name == "subject": // 0.1 has no attribute for it
		return p.subject01(value)
	case coreAttribute(legal) != "", legal == "data":
		return invalidAttribute(name, "must not have the name of an attribute of CloudEvents 1.0")
	}
	if slices.Contains(p.legal, legal) {
		return invalidAttribute(name, "must not have the letters and digits of another extension")
	}
	p.legal = append(p.legal, legal)
	if p.event.takeOwn(legal, value) {
		return nil
	}
	if value[0] == '{' || value[0] == '[' {
		value = slices.Clone(appendCompact(make([]byte, 0, len(value)), value)) // it may be much shorter
	}
	problem := extensionProblem01(value)
	if legal == "eventtypeversion" && problem == "" {
		problem = p.typeVersionProblem(value)
	}
	if problem != "" {
		return invalidAttribute(name, problem)
	}
	return p.event.keepExtension(name, legal, value)
}

func (p *structured) subject01(value []byte) error {
	text, err := attributeText("subject", value)
	if err != nil || text == "" {
		return err
	}
	return p.event.setAttribute("subject", "subject", text)
}

// extensionProblem01 says what is wrong with the value of an extension of 0.1, which may be any JSON value.
func extensionProblem01(value []byte) string {
	if value[0] == '"' {
		_, problem := unquote(value)
		return problem
	}
	return textProblem(value)
}

// typeVersionProblem says what is wrong with an extension of the name that the attribute eventTypeVersion has in 1.0.
func (p *structured) typeVersionProblem(value []byte) string {
	if p.event.TypeVersion != "" {
		return "must not stand beside eventTypeVersion"
	}
	return extensionProblem(value)
}

// setData01 sets the data to a JSON value. In 2018 a string under a type that is not JSON was the text itself where the
// type is one of text; else it was base64, as the JSON format has it, or what the sender took for it.
func (e *Event) setData01(value []byte) {
	e.Data = Data{JSON, value}
	if value[0] != '"' || e.ContentType == "" || isJSON(e.ContentType) {
		return
	}
	if !isText(e.ContentType) {
		if raw, ok := fromBase64(value); ok {
			e.setPayload(raw)
			return
		}
	}
	e.sent01 = true
}
