package lambda

import (
	"net/http"

	"github.com/event-gateway/event-gateway/handlers"
)

// source is one of those that send HTTP as events.
type source interface {
	line() line
	// request has the library make a request. Only method, header and body are taken from it, and the address of the client if that
	// is in RemoteAddr; so the library gets a path that it cannot stumble over. It fails if the body is not the base64 that it says.
	request() (*http.Request, error)
	// caller returns who made the request, as the source found out itself; nothing of the headers. It is nobody if that is not known.
	caller() handlers.Caller
	// response returns the answer in the form that the source takes.
	response(w *writer) (any, error)
	// limit returns how many bytes of JSON an answer can have, and who says so.
	limit() (int, string)
}

// line is what would be in the first line of an HTTP/1 request.
type line struct {
	method string
	path   string // percent-encoded
	query  string // percent-encoded
}

// Sizes of answers, in bytes of JSON (docs.aws.amazon.com: "Lambda quotas", "Use Lambda functions as targets of an Application Load
// Balancer").
const (
	lambdaLimit   = 6_291_556
	balancerLimit = 1 << 20
)
