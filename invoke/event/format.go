package event

import "strconv"

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
		dst = append(dst, ',')
		dst = appendName(dst, 0, x.Name)
		if c := x.Value[0]; c == '{' || c == '[' {
			dst = appendBytes(dst, x.Value) // attributes are scalars in 1.0
		} else {
			dst = append(dst, x.Value...)
		}
	}
	switch {
	case e.HTTP != nil:
		dst = append(dst, `,"data":`...)
		dst = e.appendHTTP(dst, CloudEvents, p)
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
	case e.HTTP != nil:
		return jsonType
	case e.Kind == CloudEvent || e.ContentType == "" || isMediaType(e.ContentType):
		return e.ContentType
	case e.Data.Kind == JSON:
		return jsonType
	default:
		return anyBytesType
	}
}

// append01 writes CloudEvents 0.1, with the members in the order that the first gateway had.
func (e *Event) append01(dst []byte, p Params) []byte {
	dst = append(dst, `{"eventType":`...)
	dst = appendString(dst, e.Type)
	dst = appendOptional(dst, `,"eventTypeVersion":`, e.TypeVersion)
	dst = append(dst, `,"cloudEventsVersion":"0.1","source":`...)
	dst = appendString(dst, e.Source)
	dst = append(dst, `,"eventID":`...)
	dst = appendString(dst, e.ID)
	dst = appendOptional(dst, `,"eventTime":`, e.Time)
	dst = appendOptional(dst, `,"schemaURL":`, e.Schema)
	dst = e.appendExtensions01(dst)
	if e.HTTP != nil {
		dst = append(dst, `,"contentType":"application/json","data":`...)
		dst = e.appendHTTP(dst, CloudEvents01, p)
	} else {
		dst = appendOptional(dst, `,"contentType":`, e.contentType01())
		dst = append(dst, `,"data":`...)
		dst = e.appendPayload(dst, CloudEvents01)
	}
	return append(dst, '}')
}

// contentType01 is the content type in the older forms. CloudEvents JSON format, 3.1.2: JSON that has no type in
// the 1.0 form gets one when it leaves it.
func (e *Event) contentType01() string {
	if e.ContentType == "" && e.Data.Kind == JSON {
		return jsonType
	}
	return e.ContentType
}

// appendExtensions01 writes the extensions; the subject, which 0.1 does not have, is one of them.
func (e *Event) appendExtensions01(dst []byte) []byte {
	if e.Subject == "" && len(e.Extensions) == 0 {
		return dst
	}
	dst = append(dst, `,"extensions":{`...)
	n := 0
	if e.Subject != "" {
		dst = appendName(dst, n, "subject")
		dst = appendString(dst, e.Subject)
		n++
	}
	for _, x := range e.Extensions {
		dst = appendName(dst, n, x.Name)
		dst = append(dst, x.Value...)
		n++
	}
	return append(dst, '}')
}

// appendNative writes the form of early 2018: exactly these five members.
func (e *Event) appendNative(dst []byte, p Params) []byte {
	name, contentType := e.Type, e.contentType01()
	if e.HTTP != nil {
		name = "http"
	}
	if contentType == "" {
		contentType = anyBytesType
	}
	dst = append(dst, `{"event":`...)
	dst = appendString(dst, name)
	dst = append(dst, `,"id":`...)
	dst = appendString(dst, e.ID)
	dst = append(dst, `,"receivedAt":`...)
	dst = strconv.AppendInt(dst, e.millis(), 10)
	dst = append(dst, `,"data":`...)
	if e.HTTP != nil {
		dst = e.appendHTTP(dst, Native, p)
	} else {
		dst = e.appendPayload(dst, Native)
	}
	dst = append(dst, `,"dataType":`...)
	dst = appendString(dst, contentType)
	return append(dst, '}')
}

// millis is the event's time in milliseconds since 1970, the time of receipt if it has none.
func (e *Event) millis() int64 {
	if t, ok := parseTime(e.Time); ok {
		return t.UnixMilli()
	}
	return e.Received.UnixMilli()
}

// appendOptional appends a member unless its value is empty. lead is all that stands before the value.
func appendOptional(dst []byte, lead, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, lead...)
	return appendString(dst, value)
}
