package event

import "net/http"

// AppendAuthorization appends what the authorizer of an event type gets: the event in the form f and the request that
// brought it, without its body but with all of its headers, one object. An error is an [*Error].
func (e *Event) AppendAuthorization(dst []byte, f Format, r *http.Request, path string, p Params) ([]byte, error) {
	h, err := newHTTP(r, path)
	if err != nil {
		return dst, err
	}
	dst = append(dst, `{"event":`...)
	dst = e.Append(dst, f, p)
	dst = append(dst, `,"request":`...)
	dst = h.appendStart(dst)
	dst = append(dst, `null`...)
	dst = h.appendEnd(dst, p)
	return append(dst, `}}`...), nil
}
