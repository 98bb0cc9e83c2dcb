package event

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
	if e.isObject() {
		dst = append(dst, `,"contentType":"application/json","data":`...)
		dst = e.appendObject(dst, CloudEvents01, p)
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

// appendExtensions01 writes the extensions, the gateway's own among them; the subject, which 0.1 does not have, is one.
func (e *Event) appendExtensions01(dst []byte) []byte {
	before := len(dst)
	dst = append(dst, `,"extensions":{`...)
	start := len(dst)
	dst = appendMember(dst, start, "subject", e.Subject)
	for _, x := range e.Extensions {
		dst = appendName(dst, len(dst)-start, x.Name)
		dst = append(dst, x.Value...)
	}
	dst = appendMember(dst, start, lineageExtension, e.Lineage)
	if e.Authorization != nil {
		dst = appendName(dst, len(dst)-start, ownExtension)
		dst = e.appendAuthorization(dst)
	}
	if e.made {
		dst = appendMember(dst, start, "traceparent", e.TraceParent)
		dst = appendMember(dst, start, "tracestate", e.TraceState)
	}
	if len(dst) == start {
		return dst[:before]
	}
	return append(dst, '}')
}

// appendMember appends a member to the object that begins before start, unless its value is empty.
func appendMember(dst []byte, start int, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = appendName(dst, len(dst)-start, name)
	return appendString(dst, value)
}
