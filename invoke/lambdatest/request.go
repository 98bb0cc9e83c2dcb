package lambdatest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// request is a request of the Invoke API.
type request struct {
	kind      string // X-Amz-Invocation-Type; "" is RequestResponse
	name      string // or ARN
	qualifier string
	trace     string
	payload   []byte
}

// check refuses a request that AWS would refuse for any function.
func (req request) check() *Rejection {
	limit := maxRequest
	switch req.kind {
	case "", "RequestResponse", "DryRun":
	case "Event":
		limit = maxEvent
	default:
		return &Rejection{Status: http.StatusBadRequest, Type: "InvalidParameterValueException",
			Message: "The invocation type is none of Event, RequestResponse, DryRun"}
	}
	if len(req.payload) > limit {
		return &Rejection{Status: http.StatusRequestEntityTooLarge, Type: "RequestEntityTooLargeException",
			Message: fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", limit)}
	}
	if !json.Valid(req.payload) {
		return &Rejection{Status: http.StatusBadRequest, Type: "InvalidRequestContentException",
			Message: "Could not parse request body into json"}
	}
	return nil
}

// find returns the function that a name, name:alias, part of an ARN or an ARN means, and the ARN that it is told.
func (h *Host) find(name, qualifier string) (*function, string, *Rejection) {
	parts := strings.Split(name, ":")
	if i := len(parts) - 1; i >= 1 && parts[i-1] == "function" {
		parts = parts[i:]
	} else if i >= 2 && parts[i-2] == "function" {
		parts = parts[i-1:]
	}
	prefix := "arn:aws:lambda:" + region + ":" + account + ":function:"
	f := h.functions[parts[0]]
	if f == nil || len(parts) > 2 {
		return nil, "", &Rejection{Status: http.StatusNotFound, Type: "ResourceNotFoundException",
			Message: "Function not found: " + prefix + strings.Join(parts, ":")}
	}
	arn := prefix + parts[0]
	if len(parts) == 2 {
		qualifier = parts[1]
	}
	if qualifier != "" {
		arn += ":" + qualifier
	}
	return f, arn, nil
}
