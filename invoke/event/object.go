package event

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// member is a member of a JSON object: its name as text, its value as it was written.
type member struct{ name, value []byte }

// newDecoder returns a decoder of RFC 8259 JSON for a body, which must be UTF-8. It leaves repeated member names and
// unpaired surrogates to its user: payloads may have them, attributes not.
func newDecoder(body []byte) (*jsontext.Decoder, error) {
	if !utf8.Valid(body) {
		return nil, invalidEvent("the body is not UTF-8")
	}
	return jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)), nil
}

// readObject adds the members of the next value, an object, to members. Each name is there once.
func readObject(d *jsontext.Decoder, body []byte, members []member) ([]member, error) {
	if kind := d.PeekKind(); kind != '{' && kind != 0 {
		return nil, invalidEvent("it is not a JSON object")
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, malformed(d)
	}
	for d.PeekKind() != '}' {
		quoted, err := readValue(d, body)
		if err != nil {
			return nil, malformed(d)
		}
		name, problem := unquote(quoted)
		if problem != "" {
			return nil, invalidEvent("the name of an attribute " + problem)
		}
		if find(members, string(name)) != nil {
			return nil, invalidAttribute(string(name), "must not be repeated")
		}
		if len(members) == maxMembers {
			return nil, invalidEvent("there are too many attributes")
		}
		value, err := readValue(d, body)
		if err != nil {
			return nil, malformed(d)
		}
		members = append(members, member{name, value})
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, malformed(d)
	}
	return members, nil
}

// find returns the member with a name, nil if there is none.
func find(members []member, name string) *member {
	for i := range members {
		if string(members[i].name) == name {
			return &members[i]
		}
	}
	return nil
}

// readEnd checks that there is nothing more.
func readEnd(d *jsontext.Decoder) error {
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return malformed(d)
	}
	return nil
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
