package lambdatest

import (
	"fmt"
	"net/http"
)

// Rejection is how the Invoke API refuses a request.
type Rejection struct {
	Status  int
	Type    string // as in ResourceNotFoundException
	Message string
	Header  http.Header
}

func (r *Rejection) Error() string { return fmt.Sprintf("%d %s: %s", r.Status, r.Type, r.Message) }

func (r *Rejection) write(w http.ResponseWriter) {
	for name, values := range r.Header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-ErrorType", r.Type)
	w.WriteHeader(r.Status)
	_, _ = w.Write(must(map[string]string{"Type": "User", "Message": r.Message, "message": r.Message}))
}

func throttled() *Rejection {
	return &Rejection{Status: http.StatusTooManyRequests, Type: "TooManyRequestsException", Message: "Rate Exceeded."}
}
