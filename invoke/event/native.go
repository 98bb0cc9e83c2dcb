package event

import "strconv"

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
	if e.isObject() {
		dst = e.appendObject(dst, Native, p)
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
