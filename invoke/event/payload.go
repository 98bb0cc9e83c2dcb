package event

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonSpace is the white space of RFC 8259, 2.
const jsonSpace = " \t\r\n"

// setPayload sets the event's data to bytes of the type ContentType.
func (e *Event) setPayload(raw []byte) {
	switch {
	case len(raw) == 0:
		e.Data = Data{}
	case isJSON(e.ContentType):
		if value := bytes.Trim(raw, jsonSpace); validJSON(value) {
			e.Data = Data{JSON, value}
			return
		}
		// Not Text, even if it is valid UTF-8: a string under a JSON type would be read as JSON.
		e.Malformed = true
		e.Data = Data{Binary, raw}
	case utf8.Valid(raw):
		e.Data = Data{Text, raw}
		e.Escapes = escapes(raw)
	default:
		e.Data = Data{Binary, raw}
	}
}

// escapes returns how many bytes longer text is in a JSON string, at most.
func escapes(text []byte) (n int) {
	for _, c := range text {
		switch {
		case c < ' ':
			n += len(`\u0000`) - 1
		case c == '"' || c == '\\':
			n++
		}
	}
	return n
}

// validJSON reports whether raw is one JSON text of RFC 8259, which demands UTF-8 but neither unique member names
// nor paired surrogates in escapes: a payload is not ours to judge. Values nested deeper than 10,000 are refused.
func validJSON(raw []byte) bool {
	return utf8.Valid(raw) &&
		jsontext.Value(raw).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// appendPayload appends the payload as a JSON value. Which of the encodings was used only the payload's kind and
// its content type tell, as a string may be text or base64.
func (e *Event) appendPayload(dst []byte, f Format) []byte {
	// CloudEvents 1.0 carries text as it is; the older forms only the text of forms, and what came as a string of 0.1.
	asText := f == CloudEvents || isForm(e.ContentType)
	raw := e.Data.Raw
	switch {
	case e.Data.Kind == NoData:
		return append(dst, `""`...)
	case e.Data.Kind == JSON && (asText || e.sent01 || !e.isQuotedText()):
		return append(dst, raw...)
	case e.Data.Kind == JSON:
		return appendQuotedAsBase64(dst, raw)
	case e.Data.Kind == Text && asText:
		return appendBytes(dst, raw)
	default:
		return appendBase64(dst, raw)
	}
}

// isQuotedText reports whether the data is text that came as a JSON string (CloudEvents JSON format, 3.1.2): no
// content type means JSON there.
func (e *Event) isQuotedText() bool {
	return e.ContentType != "" && !isJSON(e.ContentType) && e.Data.Raw[0] == '"'
}

func appendBase64(dst, raw []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, raw)
	return append(dst, '"')
}

// appendQuotedAsBase64 appends the text of a JSON string in base64. The end of dst holds the text meanwhile, so
// that no other memory is needed.
func appendQuotedAsBase64(dst, quoted []byte) []byte {
	start := len(dst)
	dst, _ = jsontext.AppendUnquote(dst, quoted) // the error is an unpaired surrogate, which becomes U+FFFD
	text := dst[start:]
	dst = appendBase64(dst, text)
	n := copy(dst[start:], dst[start+len(text):])
	return dst[:start+n]
}

// appendString appends s as a JSON string; what is not UTF-8 becomes U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // the error only says that there was something to replace
	return dst
}

func appendBytes(dst, s []byte) []byte {
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}
