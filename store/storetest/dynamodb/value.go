package dynamodb

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// value is one attribute's value. Equal ones are ==.
type value struct {
	kind string // S, N, B, BOOL or NULL
	text string // the string, the number in its normal form, the bytes, or true
}

// item is one of a table. Those that are stored are never changed.
type item map[string]value

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (v *value) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != '{' {
		return fail("SerializationException", "an attribute value is no object")
	}
	_, _ = d.ReadToken()
	*v = value{}
	for d.PeekKind() == '"' {
		if v.kind != "" {
			return invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
		}
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		if err := v.read(name.String(), d); err != nil {
			return err
		}
	}
	if v.kind == "" {
		return invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	}
	_, err := d.ReadToken()
	return err
}

// read reads the content of a value of the kind.
func (v *value) read(kind string, d *jsontext.Decoder) error {
	v.kind = kind
	var err error
	switch kind {
	case "S", "N":
		err = json.UnmarshalDecode(d, &v.text)
	case "B":
		var data []byte
		err = json.UnmarshalDecode(d, &data)
		v.text = string(data)
	case "BOOL", "NULL":
		var is bool
		err = json.UnmarshalDecode(d, &is)
		v.text = strconv.FormatBool(is)
	case "SS", "NS", "BS", "L", "M":
		return invalid("attribute values of type %s are not known to this server", kind)
	default:
		return invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	}
	if err != nil {
		return fail("SerializationException", "an attribute value of type "+kind+" has other content: "+err.Error())
	}
	if kind == "NULL" && v.text == "false" {
		return badValue("Null attribute value types must have the value of true")
	}
	if kind == "N" {
		v.text, err = number(v.text)
	}
	return err
}

// MarshalJSONTo implements json.MarshalerTo.
func (v value) MarshalJSONTo(e *jsontext.Encoder) error {
	content := jsontext.String(v.text)
	switch v.kind {
	case "BOOL", "NULL":
		content = jsontext.Bool(v.text == "true")
	case "B":
		content = jsontext.String(base64.StdEncoding.EncodeToString([]byte(v.text)))
	}
	for _, t := range []jsontext.Token{jsontext.BeginObject, jsontext.String(v.kind), content, jsontext.EndObject} {
		if err := e.WriteToken(t); err != nil {
			return err
		}
	}
	return nil
}

// compare orders two values of one kind.
func (v value) compare(w value) int {
	if v.kind == "N" {
		return v.rat().Cmp(w.rat())
	}
	return strings.Compare(v.text, w.text)
}

// size returns what the item's limits and capacity units are counted by: the bytes of names and values.
func (i item) size() int {
	n := 0
	for name, v := range i {
		n += len(name) + v.size()
	}
	return n
}

func (v value) size() int {
	switch v.kind {
	case "BOOL", "NULL":
		return 1
	case "N":
		digits := strings.Trim(strings.ReplaceAll(strings.TrimPrefix(v.text, "-"), ".", ""), "0")
		n := (len(digits)+1)/2 + 1
		if v.text[0] == '-' {
			n++
		}
		return n
	}
	return len(v.text)
}

// project returns the item's attributes of these names; all if there are none.
func (i item) project(names []string) item {
	if len(names) == 0 || i == nil {
		return i
	}
	p := item{}
	for name, v := range i {
		if slices.Contains(names, name) {
			p[name] = v
		}
	}
	return p
}
