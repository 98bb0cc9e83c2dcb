package event

import (
	"iter"
	"slices"
	"strings"
)

// Attribute returns the value of an attribute of the event in its 1.0 form, as text, and whether the event has it. What an authorizer
// says of the sender is no attribute here.
func (e *Event) Attribute(name string) (value string, ok bool) {
	for n, v := range e.attributes {
		if n == name {
			return v, true
		}
	}
	return "", false
}

// Attributes yields the names and values of what Attribute knows: first what CloudEvents defines, then the extensions in the order of
// their names.
func (e *Event) Attributes() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		var extensions [][2]string
		for name, value := range e.attributes {
			if coreAttribute(name) == "" {
				extensions = append(extensions, [2]string{name, value})
			} else if !yield(name, value) {
				return
			}
		}
		slices.SortFunc(extensions, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
		for _, x := range extensions {
			if !yield(x[0], x[1]) {
				return
			}
		}
	}
}

// attributes yields them in the order that they are kept in.
func (e *Event) attributes(yield func(name, value string) bool) {
	core := [...][2]string{
		{"specversion", "1.0"}, {"id", e.ID}, {"source", e.Source}, {"type", e.Type}, {"time", e.Time}, {"subject", e.Subject},
		{"datacontenttype", e.contentType10()}, {"dataschema", e.Schema}, {"eventtypeversion", e.TypeVersion}, {lineageExtension, e.Lineage},
	}
	for _, a := range core {
		if a[1] != "" && !yield(a[0], a[1]) {
			return
		}
	}
	for _, x := range e.Extensions {
		if !yield(legalName(x.Name), x.text()) {
			return
		}
	}
	if !e.made {
		return
	}
	for _, a := range [...][2]string{{"traceparent", e.TraceParent}, {"tracestate", e.TraceState}} {
		if a[1] != "" && !yield(a[0], a[1]) {
			return
		}
	}
}
