package event

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// fromBinary reads a CloudEvent in binary mode (CloudEvents HTTP binding, 3.1).
func fromBinary(h http.Header, contentType string, body []byte, received time.Time) (*Event, error) {
	attributes, err := attributeHeaders(h)
	if err != nil {
		return nil, err
	}
	if isBinary01(h) {
		if len(h["Ce-Specversion"]) > 0 {
			return nil, invalidAttribute("cloudEventsVersion", "must not stand beside specversion")
		}
		return fromBinary01(attributes, contentType, body, received)
	}
	e := &Event{Kind: CloudEvent, Received: received}
	for _, a := range attributes {
		if err := e.setFromHeader(a); err != nil {
			return nil, err
		}
	}
	if err := e.checkRequired("source", "id", "type"); err != nil {
		return nil, err
	}
	return e, e.setBody("datacontenttype", contentType, body)
}

// setBody sets the data to the body of a request in binary mode. name is what the version calls its content type.
func (e *Event) setBody(name, contentType string, body []byte) error {
	switch {
	case contentType != "":
		if err := e.setAttribute("datacontenttype", name, contentType); err != nil {
			return err
		}
	case len(body) > 0:
		// RFC 9110, 8.3. With no type at all the text would be taken for JSON in the JSON format.
		e.ContentType = anyBytesType
	}
	e.setPayload(body)
	return nil
}

// attributeHeader is a header whose name begins with ce-.
type attributeHeader struct {
	name  string // the attribute's: without ce-, in lower case
	value string // as sent
}

// attributeHeaders returns the headers that are attributes, sorted by name.
func attributeHeaders(h http.Header) ([]attributeHeader, error) {
	found := make([]attributeHeader, 0, 8)
	for key, values := range h {
		if !hasPrefixFold(key, "ce-") {
			continue
		}
		for _, value := range values {
			found = append(found, attributeHeader{strings.Map(toLower, key[len("ce-"):]), value})
		}
	}
	slices.SortFunc(found, func(a, b attributeHeader) int { return strings.Compare(a.name, b.name) })
	for i, a := range found {
		if i > 0 && a.name == found[i-1].name {
			return nil, invalidAttribute(a.name, "must not be repeated")
		}
	}
	return found, nil
}

func (e *Event) setFromHeader(a attributeHeader) error {
	switch {
	case !isAttributeName(a.name):
		return invalidAttribute(a.name, "is not a name: only letters and digits are")
	case a.name == "datacontenttype": // HTTP binding, 3.1.1
		return invalidAttribute(a.name, "must be sent as Content-Type")
	case a.name == "data":
		return invalidAttribute(a.name, "must be sent as the body")
	}
	value, err := cleanText(a.name, headerText(a.value))
	if err != nil {
		return err
	}
	if coreAttribute(a.name) != "" {
		return e.setAttribute(a.name, a.name, value)
	}
	return e.addExtension(a.name, appendString(nil, value))
}

// cleanText returns value if it can be that of an attribute.
func cleanText(name, value string) (string, error) {
	if !utf8.ValidString(value) {
		return "", invalidAttribute(name, "is not UTF-8")
	}
	if problem := textProblem(value); problem != "" {
		return "", invalidAttribute(name, problem)
	}
	return value, nil
}

// headerText undoes the encoding of a header's value (HTTP binding, 3.1.3.2): first a quoted string, then one
// round of percent-encoding. A '%' that begins no encoded byte stays: older senders do not encode it.
func headerText(value string) string {
	value = unquoteHeader(value)
	if !strings.Contains(value, "%") {
		return value
	}
	b := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		if c := value[i]; !isEscape(value[i:]) {
			b = append(b, c)
			continue
		}
		b = append(b, fromHex(value[i+1])<<4|fromHex(value[i+2]))
		i += 2
	}
	return string(b)
}

// unquoteHeader returns what a value says that may be a quoted string.
func unquoteHeader(value string) string {
	value = strings.Trim(value, " \t")
	if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
		return unescapeQuoted(value[1 : len(value)-1])
	}
	return value
}

// unescapeQuoted removes the backslashes of a quoted string (RFC 9110, 5.6.4).
func unescapeQuoted(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

func fromHex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
