package event

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
)

// Binary returns the event in binary mode (CloudEvents HTTP binding, 3.1): headers, their names in canonical form, and
// the data as the body. Version 0.1 is for [CloudEvents01], 1.0 for every other form. The body may be the memory of the
// event itself: it must not be changed. The path parameters are as for [Event.Append].
func (e *Event) Binary(f Format, p Params) (header http.Header, body []byte) {
	h := headers{make(http.Header, 10+len(e.Extensions)), "Ce-"}
	if f == CloudEvents01 {
		h.addAttributes01(e)
	} else {
		f = CloudEvents
		h.addAttributes10(e)
	}
	for _, x := range e.Extensions {
		h.set(legalName(x.Name), x.text())
	}
	h.addOwn(e)
	if t := e.bodyType(); t != "" {
		h.header["Content-Type"] = []string{t}
	}
	return h.header, e.body(f, p)
}

// headers are the headers of an event in binary mode.
type headers struct {
	header http.Header
	prefix string // of the names of the attributes to come
}

func (h *headers) addAttributes10(e *Event) {
	h.set("specversion", "1.0")
	h.set("id", e.ID)
	h.set("source", e.Source)
	h.set("type", e.Type)
	h.setOptional("time", e.Time)
	h.setOptional("dataschema", e.Schema)
	h.setOptional("subject", e.Subject)
	h.setOptional("eventtypeversion", e.TypeVersion)
}

// addAttributes01 adds those of 0.1, whose extensions have a prefix of their own. A URI is written as it is: see setHeader01.
func (h *headers) addAttributes01(e *Event) {
	h.set("cloudeventsversion", "0.1")
	h.set("eventid", e.ID)
	h.header["Ce-Source"] = []string{e.Source}
	h.set("eventtype", e.Type)
	h.setOptional("eventtime", e.Time)
	if e.Schema != "" {
		h.header["Ce-Schemaurl"] = []string{e.Schema}
	}
	h.setOptional("eventtypeversion", e.TypeVersion)
	h.prefix = "Ce-X-"
	h.setOptional("subject", e.Subject)
}

// addOwn adds what the gateway says of the event.
func (h *headers) addOwn(e *Event) {
	h.setOptional(lineageExtension, e.Lineage)
	if e.Authorization != nil {
		h.set(ownExtension, string(e.appendAuthorization(nil)))
	}
	if e.made {
		h.setOptional("traceparent", e.TraceParent)
		h.setOptional("tracestate", e.TraceState)
	}
}

func (h *headers) setOptional(name, value string) {
	if value != "" {
		h.set(name, value)
	}
}

// set adds an attribute, whose name is of lower-case letters and digits.
func (h *headers) set(name, value string) {
	key := append([]byte(h.prefix), name...)
	if c := &key[len(h.prefix)]; 'a' <= *c && *c <= 'z' {
		*c -= 'a' - 'A'
	}
	h.header[string(key)] = []string{encodeHeader(value)}
}

// encodeHeader encodes the value of an attribute (HTTP binding, 3.1.3.2).
func encodeHeader(value string) string {
	n := 0
	for i := range len(value) {
		if !isHeaderChar(value[i]) {
			n++
		}
	}
	if n == 0 {
		return value
	}
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, len(value)+2*n)
	for i := range len(value) {
		if c := value[i]; isHeaderChar(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}

func isHeaderChar(c byte) bool { return c > ' ' && c <= '~' && c != '"' && c != '%' }

// bodyType is the content type of the body. JSON without one in the 1.0 form needs one outside of it.
func (e *Event) bodyType() string {
	switch t := e.contentType10(); {
	case t != "" || !e.isObject() && e.Data.Kind == NoData:
		return t
	case e.Data.Kind == JSON:
		return jsonType
	default:
		return anyBytesType
	}
}

// body is the data as bytes. Text that came as a JSON string is that text.
func (e *Event) body(f Format, p Params) []byte {
	raw := e.Data.Raw
	switch {
	case e.isObject():
		return e.appendObject(nil, f, p)
	case e.Data.Kind != JSON || !e.isQuotedText():
		return raw
	}
	if text := raw[1 : len(raw)-1]; !hasEscape(text) {
		return text
	}
	text, _ := jsontext.AppendUnquote(make([]byte, 0, len(raw)), raw) // the error is an unpaired surrogate, which becomes U+FFFD
	return text
}
