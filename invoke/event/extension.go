package event

import (
	"bytes"
	"math"

	"github.com/go-json-experiment/json/jsontext"
)

// The gateway's own extensions. What a sender says under the first name is dropped.
const (
	ownExtension     = "eventgateway"
	lineageExtension = "eventgatewaylineage"
)

// addExtension adds an extension of CloudEvents 1.0 with a JSON text as its value.
func (e *Event) addExtension(name string, value []byte) error {
	if e.takeOwn(name, value) {
		return nil
	}
	if problem := extensionProblem(value); problem != "" {
		return invalidAttribute(name, problem)
	}
	return e.keepExtension(name, name, value)
}

// takeOwn takes the extensions that are the gateway's. legal is the name as 1.0 has it.
func (e *Event) takeOwn(legal string, value []byte) bool {
	switch legal {
	case ownExtension:
		return true
	case lineageExtension:
		if value[0] == '"' {
			text, _ := unquote(value)
			e.Lineage = lineage(string(text))
		}
		return true
	}
	return false
}

// keepExtension keeps an extension with a good value. eventtypeversion has a field where it is a string.
func (e *Event) keepExtension(name, legal string, value []byte) error {
	if legal == "eventtypeversion" && value[0] == '"' && len(value) > len(`""`) {
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
	return unless(isInteger(value), "must be an integer of 32 bits")
}

// isInteger reports whether a JSON number is one of CloudEvents 1.0, "Type System". It needs no memory for those that
// are none, as strconv would.
func isInteger(value []byte) bool {
	digits := bytes.TrimPrefix(value, []byte("-"))
	if len(digits) > len("2147483648") {
		return false
	}
	n, most := int64(0), int64(math.MaxInt32)
	if len(digits) < len(value) {
		most++
	}
	for _, c := range digits {
		if !isDigit(c) {
			return false
		}
		n = 10*n + int64(c-'0')
	}
	return n <= most
}

// appendValue10 appends the value of an extension as 1.0 has it: what is no scalar there becomes its JSON text.
func (x *Extension) appendValue10(dst []byte) []byte {
	switch c := x.Value[0]; {
	case c == '"', c == 't', c == 'f', c != '{' && c != '[' && isInteger(x.Value):
		return append(dst, x.Value...)
	default:
		return appendBytes(dst, x.Value)
	}
}

// text is the value as a header has it.
func (x *Extension) text() string {
	if x.Value[0] != '"' {
		return string(x.Value)
	}
	text, _ := jsontext.AppendUnquote(nil, x.Value)
	return string(text)
}

// appendAuthorization appends the value of the gateway's own extension as an object.
func (e *Event) appendAuthorization(dst []byte) []byte {
	dst = append(dst, `{"authorization":`...)
	dst = appendCompact(dst, e.Authorization)
	return append(dst, '}')
}

// appendAuthorization10 appends it as a string. The end of dst holds the text meanwhile.
func (e *Event) appendAuthorization10(dst []byte) []byte {
	start := len(dst)
	dst = e.appendAuthorization(dst)
	text := dst[start:]
	dst = appendBytes(dst, text)
	n := copy(dst[start:], dst[start+len(text):])
	return dst[:start+n]
}

// appendCompact appends a JSON text without the white space around its tokens: attributes have no line breaks.
func appendCompact(dst, value []byte) []byte {
	quoted, escaped := false, false
	for _, c := range value {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			continue
		}
		dst = append(dst, c)
	}
	return dst
}
