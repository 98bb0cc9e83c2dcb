package event

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxQuery is how many parameters a query may have.
const maxQuery = 1000

// HTTP is what a plain event tells of its request, apart from the body.
type HTTP struct {
	Method  string   `json:"method"`
	Host    string   `json:"host"`
	Path    string   `json:"path"`
	Headers []Header `json:"headers,omitempty"` // sorted by name, without Host
	Query   []Query  `json:"query,omitempty"`   // sorted by name
}

// Header is a request header: its name in the form of [http.CanonicalHeaderKey], its values joined with ", ".
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Query is a parameter of the query with its values in the order they came in.
type Query struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

func newHTTP(r *http.Request, path string) (*HTTP, error) {
	query, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	return &HTTP{
		Method:  r.Method,
		Host:    r.Host,
		Path:    path,
		Headers: CopyHeaders(r.Header),
		Query:   query,
	}, nil
}

// CopyHeaders returns headers sorted by name, but for the lineage. They have nothing of h that could change.
func CopyHeaders(h http.Header) []Header {
	headers := make([]Header, 0, len(h))
	for name, values := range h {
		if name != LineageHeader { // what led to the request, while its receiver gets what leads to itself
			headers = append(headers, Header{name, strings.Join(values, ", ")})
		}
	}
	slices.SortFunc(headers, func(a, b Header) int { return strings.Compare(a.Name, b.Name) })
	return headers
}

// parseQuery reads a query as forms encode it. A parameter that cannot be decoded is left out, as is an empty
// one; ';' is a character like others.
func parseQuery(raw string) ([]Query, error) {
	if raw == "" {
		return nil, nil
	}
	if strings.Count(raw, "&") >= maxQuery {
		return nil, &Error{Attribute: "query", Message: "the query has more than 1000 parameters"}
	}
	type pair struct{ name, value string }
	pairs := make([]pair, 0, strings.Count(raw, "&")+1)
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, nameErr := url.QueryUnescape(name)
		value, valueErr := url.QueryUnescape(value)
		if part == "" || nameErr != nil || valueErr != nil {
			continue
		}
		// Names that are different bytes must not become two equal members of one JSON object.
		pairs = append(pairs, pair{strings.ToValidUTF8(name, "\uFFFD"), value})
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return strings.Compare(a.name, b.name) })

	query := make([]Query, 0, len(pairs))
	values := make([]string, len(pairs))
	for i, p := range pairs {
		values[i] = p.value
		if n := len(query); n > 0 && query[n-1].Name == p.name {
			first := i - len(query[n-1].Values)
			query[n-1].Values = values[first : i+1 : i+1]
			continue
		}
		query = append(query, Query{p.name, values[i : i+1 : i+1]})
	}
	return query, nil
}

// Params are the parameters of the route's path that a request matched: a name and a value each.
type Params struct {
	Names  []string `json:"names"`
	Values []string `json:"values"`
}

// appendHTTP appends the data of a plain event. Its members have had this order since 2018.
func (e *Event) appendHTTP(dst []byte, f Format, p Params) []byte {
	dst = e.HTTP.appendStart(dst)
	dst = e.appendPayload(dst, f)
	dst = e.HTTP.appendEnd(dst, p)
	if f == CloudEvents && e.Data.Kind == Binary {
		dst = append(dst, `,"isBase64Encoded":true`...)
	}
	return append(dst, '}')
}

// appendStart appends what stands before the body of a request.
func (h *HTTP) appendStart(dst []byte) []byte {
	dst = append(dst, `{"headers":`...)
	dst = appendHeaders(dst, h.Headers)
	dst = append(dst, `,"query":{`...)
	for i, q := range h.Query {
		dst = appendName(dst, i, q.Name)
		dst = appendStrings(dst, q.Values)
	}
	return append(dst, `},"body":`...)
}

// appendEnd appends what stands after the body, but for the end of the object.
func (h *HTTP) appendEnd(dst []byte, p Params) []byte {
	dst = append(dst, `,"host":`...)
	dst = appendString(dst, h.Host)
	dst = append(dst, `,"path":`...)
	dst = appendString(dst, h.Path)
	dst = append(dst, `,"method":`...)
	dst = appendString(dst, h.Method)
	dst = append(dst, `,"params":{`...)
	for i := range min(len(p.Names), len(p.Values)) {
		dst = appendName(dst, i, p.Names[i])
		dst = appendString(dst, p.Values[i])
	}
	return append(dst, '}')
}

func appendHeaders(dst []byte, headers []Header) []byte {
	dst = append(dst, '{')
	for i, h := range headers {
		dst = appendName(dst, i, h.Name)
		dst = appendString(dst, h.Value)
	}
	return append(dst, '}')
}

// appendName appends the name of an object's member number i, and what stands around it.
func appendName(dst []byte, i int, name string) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	dst = appendString(dst, name)
	return append(dst, ':')
}

func appendStrings(dst []byte, values []string) []byte {
	dst = append(dst, '[')
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, v)
	}
	return append(dst, ']')
}
