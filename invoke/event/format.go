package event

// Format is a form in which functions get events. Its values are those of a function's eventFormat.
type Format string

const (
	CloudEvents   Format = "cloudevents"     // CloudEvents 1.0, JSON format; also what an unknown Format is
	CloudEvents01 Format = "cloudevents-0.1" // CloudEvents 0.1, JSON format
	Native        Format = "native"          // event, id, receivedAt, data, dataType: the form of early 2018
)

// ContentType is the media type of an event in this form.
func (f Format) ContentType() string {
	if f == Native {
		return jsonType
	}
	return structuredType
}

// Append appends the event in the form f to dst, as one JSON object. The path parameters p are part of the data of
// Plain events; the other kinds do not look at them.
//
// It may be called from many goroutines at once.
func (e *Event) Append(dst []byte, f Format, p Params) []byte {
	switch f {
	case CloudEvents01:
		return e.append01(dst, p)
	case Native:
		return e.appendNative(dst, p)
	default:
		return e.append10(dst, p)
	}
}

// append10 writes CloudEvents 1.0 (JSON format, 3).
func (e *Event) append10(dst []byte, p Params) []byte {
	dst = append(dst, `{"specversion":"1.0","id":`...)
	dst = appendString(dst, e.ID)
	dst = append(dst, `,"source":`...)
	dst = appendString(dst, e.Source)
	dst = append(dst, `,"type":`...)
	dst = appendString(dst, e.Type)
	dst = appendOptional(dst, `,"time":`, e.Time)
	dst = appendOptional(dst, `,"datacontenttype":`, e.contentType10())
	dst = appendOptional(dst, `,"dataschema":`, e.Schema)
	dst = appendOptional(dst, `,"subject":`, e.Subject)
	dst = appendOptional(dst, `,"eventtypeversion":`, e.TypeVersion)
	for _, x := range e.Extensions {
		dst = append(dst, `,"`...)
		dst = appendLegalName(dst, x.Name)
		dst = append(dst, `":`...)
		dst = x.appendValue10(dst)
	}
	dst = appendOptional(dst, `,"eventgatewaylineage":`, e.Lineage)
	if e.Authorization != nil {
		dst = append(dst, `,"eventgateway":`...)
		dst = e.appendAuthorization10(dst)
	}
	if e.made {
		dst = appendOptional(dst, `,"traceparent":`, e.TraceParent)
		dst = appendOptional(dst, `,"tracestate":`, e.TraceState)
	}
	switch {
	case e.isObject():
		dst = append(dst, `,"data":`...)
		dst = e.appendObject(dst, CloudEvents, p)
	case e.Data.Kind == Binary:
		dst = append(dst, `,"data_base64":`...)
		dst = e.appendPayload(dst, CloudEvents)
	case e.Data.Kind != NoData:
		dst = append(dst, `,"data":`...)
		dst = e.appendPayload(dst, CloudEvents)
	}
	return append(dst, '}')
}

// contentType10 is the content type in the 1.0 form, which must be one. What a request sent as its Content-Type
// may be anything, and then says nothing.
func (e *Event) contentType10() string {
	switch {
	case e.isObject():
		return jsonType
	case e.Kind == CloudEvent || e.ContentType == "" || isStrictMediaType(e.ContentType):
		return e.ContentType
	case e.Data.Kind == JSON:
		return jsonType
	default:
		return anyBytesType
	}
}

// isObject reports whether the data is an object that is made when it is written.
func (e *Event) isObject() bool { return e.HTTP != nil || e.System != nil }

func (e *Event) appendObject(dst []byte, f Format, p Params) []byte {
	if e.System != nil {
		return e.System.append(dst, f)
	}
	return e.appendHTTP(dst, f, p)
}

// appendOptional appends a member unless its value is empty. lead is all that stands before the value.
func appendOptional(dst []byte, lead, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, lead...)
	return appendString(dst, value)
}
