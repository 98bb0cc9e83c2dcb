package lambda

import (
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// encode returns the answer as the source takes it, or an error message in its place if it is too large.
func encode(s source, w *writer) ([]byte, error) {
	w.finish()
	limit, who := s.limit()
	if !w.over {
		if out, err := marshal(s, w); err != nil || len(out) <= limit {
			return out, err
		}
	}
	w.fail(http.StatusBadGateway, fmt.Sprintf("The answer is larger than the %d bytes that %s takes.", limit, who))
	w.finish()
	return marshal(s, w)
}

// marshal writes what encoding/json would, but does not fail on bad UTF-8 in headers.
func marshal(s source, w *writer) ([]byte, error) {
	r, err := s.response(w)
	if err != nil {
		return nil, err
	}
	return json.Marshal(r, jsontext.AllowInvalidUTF8(true), json.FormatNilMapAsNull(true), json.FormatNilSliceAsNull(true))
}
