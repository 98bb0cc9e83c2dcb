package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// attributes returns the attributes that are set, by their names.
func (e *Event) attributes() (map[string]string, error) {
	all := map[string]string{"specversion": "1.0"}
	for name, field := range e.fields() {
		if *field != "" {
			all[name] = *field
		}
	}
	if !e.Time.IsZero() {
		all["time"] = e.Time.Format(time.RFC3339Nano)
	}
	for name, value := range e.Extensions {
		_, taken := e.fields()[name]
		if taken || name == "specversion" || name == "time" || name == "data" || !isName(name) {
			return nil, fmt.Errorf("event %s: %q cannot be the name of an extension", e.Type, name)
		}
		all[name] = value
	}
	return all, nil
}

// set sets an attribute that was read.
func (e *Event) set(name, text string) error {
	if field := e.fields()[name]; field != nil {
		*field = text
		return nil
	}
	if name == "time" {
		t, err := time.Parse(time.RFC3339, strings.ToUpper(text))
		if err != nil {
			return errors.New("is not a time as in RFC 3339")
		}
		e.Time = t
		return nil
	}
	if !isName(name) {
		return errors.New("has a name that none has")
	}
	if e.Extensions == nil {
		e.Extensions = map[string]string{}
	}
	e.Extensions[name] = text
	return nil
}

// fields returns where the attributes that are strings are kept.
func (e *Event) fields() map[string]*string {
	return map[string]*string{
		"id": &e.ID, "source": &e.Source, "type": &e.Type, "subject": &e.Subject, "dataschema": &e.DataSchema, "datacontenttype": &e.ContentType,
	}
}

var errVersion = errors.New(`CloudEvent: specversion is not "1.0": the function's eventFormat must be cloudevents`)

// complete checks what every event has.
func (e *Event) complete() error {
	missing := ""
	switch {
	case e.ID == "":
		missing = "id"
	case e.Source == "":
		missing = "source"
	case e.Type == "":
		missing = "type"
	default:
		return nil
	}
	return fmt.Errorf("CloudEvent: attribute %q is missing", missing)
}

// attributeText returns the value of an attribute as text (CloudEvents 1.0, "Type System").
func attributeText(value json.RawMessage) (text string, err error) {
	switch value[0] {
	case '"':
		err = json.Unmarshal(value, &text)
		return text, err
	case '{', '[':
		return "", errors.New("is neither a string, a number nor a boolean")
	}
	return string(value), nil
}

func isName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}
