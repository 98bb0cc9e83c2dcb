package invoke

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// whiskResult returns what an action returned.
func whiskResult(result []byte) (*Answer, error) {
	if !jsontext.Value(result).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		return nil, &Error{Class: Invalid, Message: "its answer is no JSON"}
	}
	return &Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: result}, nil
}

// What OpenWhisk calls the ways that an action ends in.
const (
	whiskSuccess       = "success"
	whiskActionFailed  = "application error"
	whiskActionBroke   = "action developer error"
	whiskInternalError = "whisk internal error"
)

// ended returns the outcome of an action that OpenWhisk did not wait for.
func (w *whisk) ended(a *whiskAnswer) (*Answer, error) {
	var o struct {
		Status string         `json:"status"`
		Result jsontext.Value `json:"result"`
	}
	if err := json.Unmarshal(a.body, &o, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil {
		return nil, &Error{Class: Invalid, Message: "its answer is no JSON"}
	}
	switch o.Status {
	case whiskSuccess:
		return whiskResult(o.Result)
	case whiskActionFailed, whiskActionBroke, whiskInternalError:
		return nil, w.actionError(o.Status, errorText(o.Result))
	}
	return nil, &Error{Class: Invalid, Message: "its answer says nothing of how it ended"}
}

// actionError says how an action failed. What it tells of that can be anything.
func (w *whisk) actionError(status, text string) *Error {
	e := &Error{Class: Function, Message: "it failed", Cause: excerpt(status+": "+text, w.secrets...)}
	switch {
	case status == whiskInternalError:
		e.Class, e.Message = Temporary, "OpenWhisk could not run it ("+whiskInternalError+")"
	case strings.HasPrefix(text, "The action exceeded its time limit"):
		e.Class, e.Message = Timeout, "it did not answer in time, which OpenWhisk ended it for"
	case status == whiskActionBroke:
		e.Message = "it failed without an answer of its own (" + whiskActionBroke + "): its log in OpenWhisk says more"
	}
	return e
}

// brokeWords begin what OpenWhisk itself says of an action that failed, where it does not say its status (openwhisk, Messages).
func brokeWords() []string {
	return []string{
		"The action exceeded its time limit", "The action did not initialize", "The action failed during initialization",
		"The action did not produce a valid", "The action exhausted its memory", "The action produced a response that exceeded",
	}
}

// failure says what a status other than success means.
func (w *whisk) failure(a *whiskAnswer) *Error {
	text := errorText(a.body)
	ran := a.header.Get("X-Openwhisk-Activation-Id") != ""
	switch {
	case a.status == http.StatusBadGateway && (ran || text != ""):
		status := whiskActionFailed
		for _, words := range brokeWords() {
			if strings.HasPrefix(text, words) {
				status = whiskActionBroke
			}
		}
		return w.actionError(status, text)
	case a.status == http.StatusInternalServerError && ran:
		return w.actionError(whiskInternalError, text)
	}
	e := &Error{Cause: excerpt(fmt.Sprintf("status %d: %s", a.status, text), w.secrets...)}
	e.Class, e.Message = whiskMeaning(a.status, text)
	if e.Class == Throttled {
		e.RetryAfter = retryAfter(a.header.Get("Retry-After"), time.Now())
	}
	return e
}

func whiskMeaning(status int, text string) (Class, string) {
	switch status {
	case http.StatusUnauthorized:
		return Denied, "the call was denied: OpenWhisk does not know the key (provider.auth)"
	case http.StatusForbidden:
		return Denied, "the call was denied: the key (provider.auth) may not run it"
	case http.StatusNotFound:
		return Invalid, "OpenWhisk has no such action (provider.namespace, provider.package, provider.action)"
	case http.StatusRequestTimeout:
		return Timeout, "OpenWhisk did not answer in time"
	case http.StatusRequestEntityTooLarge:
		return Invalid, "the event is larger than OpenWhisk takes"
	case http.StatusTooManyRequests:
		if strings.HasPrefix(text, "Too many concurrent requests") {
			return Throttled, "OpenWhisk takes no more calls for now: as many as may be are under way"
		}
		return Throttled, "OpenWhisk takes no more calls for now: there were too many in the last minute"
	case http.StatusBadRequest:
		if strings.HasPrefix(text, "Request defines parameters that are not allowed") {
			return Invalid, "OpenWhisk refused the call: the action has final parameters that are named as members of the event"
		}
	}
	switch {
	case status >= 500, status == http.StatusConflict: // 409: it is being changed
		return Temporary, fmt.Sprintf("OpenWhisk could not run it (status %d)", status)
	case status < 400:
		return Invalid, fmt.Sprintf("OpenWhisk answered with status %d, which makes no sense here; a redirect is not followed", status)
	}
	return Invalid, fmt.Sprintf("OpenWhisk refused the call (status %d)", status)
}

// errorText returns what an answer says of an error: its member error, whatever that is.
func errorText(body []byte) string {
	var o struct {
		Error jsontext.Value `json:"error"`
	}
	var text string
	if json.Unmarshal(body, &o, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return ""
	}
	if json.Unmarshal(o.Error, &text) == nil {
		return text
	}
	return string(o.Error)
}

// activation returns the id of what was begun, or "" if there is none that can stand in a URL.
func (a *whiskAnswer) activation() string {
	var o struct {
		ID string `json:"activationId"`
	}
	if json.Unmarshal(a.body, &o) != nil {
		return ""
	}
	return word(o.ID, "")
}
