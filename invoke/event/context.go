package event

import (
	"net/http"
	"strings"
)

// LineageHeader is the header that a function gets an event's lineage in, and sends it back in with the events that it
// sends because of that one.
const LineageHeader = "Eventgateway-Lineage"

const (
	maxLineage    = 128 // bytes of a lineage token
	maxTraceState = 512 // bytes of a tracestate (W3C Trace Context, 3.3.1.5)
)

// setContext takes what a request's headers say of how it came about. What is wrong there is as good as nothing: an
// event is not refused for it.
func (e *Event) setContext(h http.Header) {
	if values := h[LineageHeader]; len(values) == 1 {
		if token := lineage(values[0]); token != "" {
			e.Lineage = token
		}
	}
	if values := h["Traceparent"]; len(values) == 1 && isTraceParent(values[0]) {
		e.TraceParent, e.TraceState = values[0], traceState(h["Tracestate"])
	}
}

// lineage returns a token that can be one, else "".
func lineage(token string) string {
	if len(token) > maxLineage {
		return ""
	}
	for i := range len(token) {
		if c := token[i]; c <= ' ' || c > '~' {
			return ""
		}
	}
	return token
}

// isTraceParent reports whether s is a traceparent of version 00 (W3C Trace Context, 3.2).
func isTraceParent(s string) bool {
	const form = "00-00000000000000000000000000000000-0000000000000000-00"
	if len(s) != len(form) {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i < 2 && c != '0', form[i] == '-' && c != '-':
			return false
		case form[i] == '0' && !isDigit(c) && (c < 'a' || c > 'f'):
			return false
		}
	}
	return strings.Trim(s[3:35], "0") != "" && strings.Trim(s[36:52], "0") != ""
}

// traceState returns the tracestate of headers, which may be a few to be read as one, or "".
func traceState(values []string) string {
	state := strings.Join(values, ",")
	if len(state) > maxTraceState {
		return ""
	}
	for i := range len(state) {
		if c := state[i]; c < ' ' && c != '\t' || c > '~' {
			return ""
		}
	}
	return strings.ReplaceAll(state, "\t", " ")
}
