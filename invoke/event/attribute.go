package event

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxExtensions = 64   // extensions of one event
	maxAttribute  = 4096 // bytes of one attribute's value
	maxType       = 128  // bytes of an event type's name

	// maxMembers is for the sender's extensions, eventtypeversion, the gateway's two, the 8 attributes of
	// setAttribute and two for the data.
	maxMembers = maxExtensions + 1 + 2 + 8 + 2
)

// setAttribute sets an attribute that CloudEvents 1.0 defines ("Context Attributes"). value is clean text, and sent is
// what the sender calls the attribute.
func (e *Event) setAttribute(name, sent, value string) error {
	problem := ""
	switch name {
	case "specversion":
		problem = unless(value == "1.0", `must be "1.0"`)
	case "id":
		e.ID, problem = value, unless(value != "", "must not be empty")
	case "source":
		e.Source, problem = value, unless(value != "" && isURIReference(value), "must be a URI-reference")
	case "type":
		if Reserved(value) {
			return reservedType(sent)
		}
		e.Type, problem = value, TypeProblem(value)
	case "time":
		_, ok := parseTime(value)
		// RFC 3339 allows small letters, but not all that read it do.
		e.Time, problem = strings.ToUpper(value), unless(ok, "must be a time as in RFC 3339")
	case "datacontenttype":
		e.ContentType, problem = value, unless(isMediaType(value), "must be a media type")
	case "dataschema":
		e.Schema, problem = value, unless(isURI(value), "must be an absolute URI")
	case "subject":
		e.Subject, problem = value, unless(value != "", "must not be empty")
	}
	if problem != "" {
		return invalidAttribute(sent, problem)
	}
	return nil
}

// coreAttribute returns a name that setAttribute knows, and "" for any other. It is the same string each time, so
// that the many names that are known need no memory.
func coreAttribute[T string | []byte](name T) string {
	switch string(name) {
	case "specversion":
		return "specversion"
	case "id":
		return "id"
	case "source":
		return "source"
	case "type":
		return "type"
	case "time":
		return "time"
	case "datacontenttype":
		return "datacontenttype"
	case "dataschema":
		return "dataschema"
	case "subject":
		return "subject"
	}
	return ""
}

// checkRequired names the first required attribute that is missing. The names are those of the event's version.
func (e *Event) checkRequired(source, id, typ string) error {
	switch {
	case e.Source == "":
		return invalidAttribute(source, "is missing")
	case e.ID == "":
		return invalidAttribute(id, "is missing")
	case e.Type == "":
		return invalidAttribute(typ, "is missing")
	}
	return nil
}

// unquote returns the text of a JSON string, or what is wrong with it as the value of an attribute. The text is a
// part of quoted where that is possible.
func unquote(quoted []byte) (text []byte, problem string) {
	text = quoted[1 : len(quoted)-1]
	if hasEscape(text) {
		var err error
		if text, err = jsontext.AppendUnquote(nil, quoted); err != nil {
			return nil, "must not have unpaired surrogates"
		}
	}
	return text, textProblem(text)
}

// hasEscape reports whether the inside of a JSON string is not the text itself.
func hasEscape(text []byte) bool { return bytes.IndexByte(text, '\\') >= 0 }

// textProblem says what is wrong with UTF-8 text as the value of an attribute (CloudEvents 1.0, "Type System":
// neither control characters nor what Unicode says is no character).
func textProblem[T string | []byte](text T) string {
	if len(text) > maxAttribute {
		return "is longer than 4096 bytes"
	}
	ascii := true
	for i := range len(text) {
		c := text[i]
		if c < 0x20 || c == 0x7f {
			return "must not have control characters"
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	if ascii {
		return ""
	}
	for _, r := range string(text) {
		if r <= 0x9f && r >= 0x80 || r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe {
			return "must not have control characters or Unicode noncharacters"
		}
	}
	return ""
}

// unless returns what is wrong if something is not ok.
func unless(ok bool, problem string) string {
	if ok {
		return ""
	}
	return problem
}
