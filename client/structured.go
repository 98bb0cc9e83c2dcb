package client

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// MarshalJSON writes the event in structured mode.
func (e Event) MarshalJSON() ([]byte, error) {
	attributes, err := e.attributes()
	if err != nil {
		return nil, err
	}
	b, err := marshal(attributes)
	if err != nil || len(e.Data) == 0 {
		return b, err
	}
	b = b[:len(b)-len("}")]
	switch {
	case e.ContentType == "" || isJSON(e.ContentType):
		if !utf8.Valid(e.Data) || !json.Valid(e.Data) {
			return nil, fmt.Errorf("event %s: the data is not JSON: set ContentType to what it is", e.Type)
		}
		b = append(append(b, `,"data":`...), e.Data...)
	case utf8.Valid(e.Data):
		text, err := marshal(string(e.Data))
		if err != nil {
			return nil, err
		}
		b = append(append(b, `,"data":`...), text...)
	default:
		b = append(b, `,"data_base64":"`...)
		b = append(base64.StdEncoding.AppendEncode(b, e.Data), '"')
	}
	return append(b, '}'), nil
}

// UnmarshalJSON reads an event in structured mode.
func (e *Event) UnmarshalJSON(b []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return err
	}
	var version string
	if json.Unmarshal(members["specversion"], &version) != nil || version != "1.0" {
		return errVersion
	}
	var read Event
	for name, value := range members {
		if name == "specversion" || name == "data" || name == "data_base64" || string(value) == "null" {
			continue
		}
		text, err := attributeText(value)
		if err == nil {
			err = read.set(name, text)
		}
		if err != nil {
			return fmt.Errorf("CloudEvent: attribute %q %w", name, err)
		}
	}
	if err := read.complete(); err != nil {
		return err
	}
	if err := read.setData(members["data"], members["data_base64"]); err != nil {
		return err
	}
	*e = read
	return nil
}

func (e *Event) setData(data, data64 json.RawMessage) error {
	switch {
	case len(data64) > 0 && string(data64) != "null":
		if data != nil {
			return errors.New("CloudEvent: data_base64 stands beside data")
		}
		if err := json.Unmarshal(data64, &e.Data); err != nil {
			return errors.New("CloudEvent: data_base64 is not base64")
		}
		if e.ContentType == "" && len(e.Data) > 0 { // which would mean JSON
			e.ContentType = bytesType
		}
	case len(data) > 0 && data[0] == '"' && e.ContentType != "" && !isJSON(e.ContentType):
		var text string
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
		e.Data = []byte(text)
	default:
		e.Data = data
	}
	return nil
}
