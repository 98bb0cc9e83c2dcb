package invoke

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/net/http/httpguts"
)

// Response is what the sender of a sync event gets.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// responseObject is the answer that functions give for HTTP (docs.aws.amazon.com/apigateway, "Output format of a Lambda function for
// proxy integration", and the payload format 2.0 of HTTP APIs for cookies).
type responseObject struct {
	StatusCode        *int                `json:"statusCode"`
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Cookies           []string            `json:"cookies"`
	Body              text                `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

const passthroughHint = ` (a plain web server needs "response":"passthrough")`

// ParseResponse makes a response of a function's answer, which may be anything. Its errors are *Error.
func ParseResponse(answer []byte) (*Response, error) {
	var o responseObject
	if len(answer) == 0 {
		return nil, invalidAnswer("its answer is no HTTP response object: it is empty%s", passthroughHint)
	}
	if err := json.Unmarshal(answer, &o); err != nil {
		return nil, invalidAnswer("its answer is no HTTP response object: %s%s", problem(err), passthroughHint)
	}
	r := &Response{Status: http.StatusOK, Header: make(http.Header, len(o.Headers)+len(o.MultiValueHeaders)), Body: o.Body}
	if o.StatusCode != nil {
		r.Status = *o.StatusCode
	}
	if r.Status < 200 || r.Status > 599 {
		return nil, invalidAnswer("its statusCode is %d, it can be 200 to 599", r.Status)
	}
	if o.IsBase64Encoded {
		n, err := base64.StdEncoding.Decode(o.Body, o.Body)
		if r.Body = o.Body[:n]; err != nil {
			return nil, invalidAnswer("its body is not the base64 that isBase64Encoded says")
		}
	}
	for name, value := range o.Headers {
		r.Header.Set(name, value)
	}
	for name, values := range o.MultiValueHeaders { // they win over headers of the same name
		r.Header.Del(name)
		for _, value := range values {
			r.Header.Add(name, value)
		}
	}
	for _, cookie := range o.Cookies {
		r.Header.Add("Set-Cookie", cookie)
	}
	return r, r.clean()
}

// Passthrough makes a response of the answer of a plain web server.
func (a *Answer) Passthrough() (*Response, error) {
	r := &Response{Status: a.Status, Header: a.Header.Clone(), Body: a.Body}
	if r.Status < 200 || r.Status > 599 {
		return nil, invalidAnswer("its status is %d, it can be 200 to 599", r.Status)
	}
	return r, r.clean()
}

// clean takes out the headers that frame a message: that is done by whoever sends it. What is no header at all is an error.
func (r *Response) clean() error {
	for _, field := range r.Header["Connection"] {
		for name := range strings.SplitSeq(field, ",") {
			r.Header.Del(strings.TrimSpace(name))
		}
	}
	for name, values := range r.Header {
		switch http.CanonicalHeaderKey(name) {
		case "Connection", "Content-Length", "Keep-Alive", "Proxy-Authenticate", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
			delete(r.Header, name)
			continue
		}
		if !httpguts.ValidHeaderFieldName(name) {
			return invalidAnswer("its header %.40q is no header name", name)
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldValue(value) {
				return invalidAnswer("its header %s has characters that no header can have", name)
			}
		}
	}
	return nil
}

// text is a JSON string, read without a copy in between: it may be large. null is empty.
type text []byte

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (t *text) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case '"':
		quoted, err := d.ReadValue()
		if err != nil {
			return err
		}
		*t, err = jsontext.AppendUnquote(make([]byte, 0, len(quoted)), quoted)
		return err
	case 'n':
		return d.SkipValue()
	}
	return errors.New("body must be a string")
}

func invalidAnswer(format string, args ...any) error {
	return &Error{Class: Invalid, Message: fmt.Sprintf(format, args...)}
}

func problem(err error) string {
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return "it is no JSON"
	}
	member, _, _ := strings.Cut(strings.TrimPrefix(string(semantic.JSONPointer), "/"), "/")
	switch member {
	case "statusCode":
		return "statusCode must be a whole number"
	case "headers":
		return "headers must be an object of strings"
	case "multiValueHeaders":
		return "multiValueHeaders must be an object of lists of strings"
	case "cookies":
		return "cookies must be a list of strings"
	case "body":
		return "body must be a string"
	case "isBase64Encoded":
		return "isBase64Encoded must be true or false"
	}
	return "it is no JSON object"
}
