package event

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxExtensions = 64   // extensions of one event
	maxAttribute  = 4096 // bytes of one attribute's value
	maxType       = 255  // bytes of an event type's name

	// maxMembers is for the extensions, eventtypeversion, the 8 attributes of setAttribute and two for the data.
	maxMembers = maxExtensions + 1 + 8 + 2
)

// setAttribute sets an attribute that CloudEvents 1.0 defines ("Context Attributes"). value is clean text.
func (e *Event) setAttribute(name, value string) error {
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
			return reservedType("type")
		}
		e.Type, problem = value, typeProblem(value)
	case "time":
		_, ok := parseTime(value)
		e.Time, problem = value, unless(ok, "must be a time as in RFC 3339")
	case "datacontenttype":
		e.ContentType, problem = value, unless(isMediaType(value), "must be a media type")
	case "dataschema":
		e.Schema, problem = value, unless(isURI(value), "must be an absolute URI")
	case "subject":
		e.Subject, problem = value, unless(value != "", "must not be empty")
	}
	if problem != "" {
		return invalidAttribute(name, problem)
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

// checkRequired names the first required attribute that is missing.
func (e *Event) checkRequired() error {
	switch {
	case e.ID == "":
		return invalidAttribute("id", "is missing")
	case e.Source == "":
		return invalidAttribute("source", "is missing")
	case e.Type == "":
		return invalidAttribute("type", "is missing")
	}
	return nil
}

// addExtension adds an extension with a JSON text as its value.
func (e *Event) addExtension(name string, value []byte) error {
	if problem := extensionProblem(value); problem != "" {
		return invalidAttribute(name, problem)
	}
	if name == "eventtypeversion" && value[0] == '"' && len(value) > len(`""`) {
		text, _ := unquote(value)
		e.TypeVersion = string(text)
		return nil
	}
	if len(e.Extensions) == maxExtensions {
		return invalidEvent("there are more than 64 extensions")
	}
	e.Extensions = append(e.Extensions, Extension{name, value})
	return nil
}

// extensionProblem says what is wrong with an extension's value, which has one of the types of CloudEvents 1.0,
// "Type System", as JSON format, 2.2, writes them: there are no fractions and no exponents.
func extensionProblem(value []byte) string {
	switch value[0] {
	case 't', 'f':
		return ""
	case '"':
		_, problem := unquote(value)
		return problem
	case '{', '[':
		return "must be a string, a boolean or an integer"
	}
	_, err := strconv.ParseInt(string(value), 10, 32)
	return unless(err == nil, "must be an integer of 32 bits")
}

// unquote returns the text of a JSON string, or what is wrong with it as the value of an attribute. The text is a
// part of quoted where that is possible.
func unquote(quoted []byte) (text []byte, problem string) {
	text = quoted[1 : len(quoted)-1]
	if bytes.IndexByte(text, '\\') >= 0 {
		var err error
		if text, err = jsontext.AppendUnquote(nil, quoted); err != nil {
			return nil, "must not have unpaired surrogates"
		}
	}
	return text, textProblem(text)
}

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

// parseTime reads a time of RFC 3339, which allows lower-case letters in it (5.6). It does not read leap seconds.
func parseTime(s string) (t time.Time, ok bool) {
	// time.Parse alone is more lenient: it takes hours of one digit, a comma before the fraction, any zone.
	const date = "0000-00-00T00:00:00"
	s = strings.ToUpper(s)
	if len(s) <= len(date) || !hasShape(s[:len(date)], date) {
		return t, false
	}
	rest := strings.TrimLeft(s[len(date):], ".0123456789")
	if rest != "Z" && (!hasShape(rest, "+00:00") && !hasShape(rest, "-00:00") || rest[1:3] > "23" || rest[4:] > "59") {
		return t, false
	}
	t, err := time.Parse(time.RFC3339, s)
	return t, err == nil
}
