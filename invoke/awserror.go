package invoke

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"github.com/aws/smithy-go"
	"github.com/go-json-experiment/json"

	"github.com/event-gateway/event-gateway/store"
)

// noCredentials says that there was nothing to sign the call with.
func (c *lambdaCall) noCredentials(ctx context.Context, err error) *Error {
	e := &Error{
		Class:   Denied,
		Message: "the gateway could not get AWS credentials of its own, and the function has none (provider.awsAccessKeyId and provider.awsSecretAccessKey)",
	}
	if ctx.Err() != nil {
		e = callError(ctx, err)
	}
	e.Cause = c.cause(err.Error())
	return e
}

// failure says in words for people why the service, or the way to it, failed.
func (c *lambdaCall) failure(ctx context.Context, err error) *Error {
	var (
		operation *smithy.OperationError
		large     *http.MaxBytesError
		response  interface{ HTTPStatusCode() int }
		e         *Error
	)
	if errors.As(err, &operation) { // its own words say nothing
		err = operation.Err
	}
	switch {
	case errors.As(err, &large):
		e = callError(ctx, errAnswerTooLarge)
	case errors.As(err, &response) && response.HTTPStatusCode() >= 300:
		e = answerError(response.HTTPStatusCode(), c.code(err))
	default:
		e = callError(ctx, err)
	}
	e.Cause = c.cause(err.Error())
	return e
}

// functionFailure says how the function itself failed. What it tells of that can be anything.
func (c *lambdaCall) functionFailure(payload []byte) *Error {
	var o struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	e := &Error{Class: Function, Message: "it failed"}
	if json.Unmarshal(payload, &o) != nil {
		return e
	}
	if name := word(c.withoutSecrets(o.Type), "._$"); name != "" {
		e.Message += ": " + name
	}
	if o.Message != "" {
		e.Cause = c.cause(o.Message)
	}
	if o.Type == "Sandbox.Timedout" || strings.Contains(o.Message, "Task timed out after") { // what Lambda says of one that it ended
		e.Class, e.Message = Timeout, "it did not answer in time"
	}
	return e
}

// maxCause is how many bytes of what others say go to the log.
const maxCause = 300

// cause makes an error of text from outside.
func (c *lambdaCall) cause(text string) error {
	text = c.withoutSecrets(text)
	if len(text) > maxCause {
		text = text[:maxCause]
	}
	return errors.New(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text))
}

// withoutSecrets masks the credentials in text from outside: AWS repeats the session token where a signature is wrong.
func (c *lambdaCall) withoutSecrets(text string) string {
	for _, secret := range []string{c.credentials.SessionToken, c.credentials.SecretAccessKey, c.credentials.AccessKeyID} {
		if len(secret) > 4 { // no real one is that short; one such as "test" would make every text unreadable
			text = strings.ReplaceAll(text, secret, store.Masked)
		}
	}
	return text
}

// code returns what AWS calls the failure, or "".
func (c *lambdaCall) code(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() == "UnknownError" {
		return ""
	}
	return word(c.withoutSecrets(api.ErrorCode()), "")
}

// answerError makes an error of an answer of AWS Lambda itself. The code may be "".
func answerError(status int, code string) *Error {
	class, what, hint := meaning(status, code)
	message := what + " (" + cmp.Or(code, fmt.Sprintf("status %d", status)) + ")"
	if hint != "" {
		message += ": " + hint
	}
	return &Error{Class: class, Code: code, Message: message}
}

func meaning(status int, code string) (class Class, what, hint string) {
	const denied, busy = "the call was denied", "AWS Lambda takes no more calls of it for now"
	switch code {
	case "AccessDeniedException":
		return Denied, denied, "the gateway needs lambda:InvokeFunction on it"
	case "ExpiredTokenException":
		return Denied, denied, "the AWS credentials have expired"
	case "UnrecognizedClientException", "InvalidSignatureException":
		return Denied, denied, "the AWS credentials are not valid"
	case "KMSAccessDeniedException":
		return Denied, denied, "AWS Lambda may not use the key that its environment is encrypted with"
	case "TooManyRequestsException":
		return Throttled, busy, ""
	case "ResourceNotFoundException":
		return Invalid, "AWS Lambda has no such function, version or alias in its region", ""
	case "RequestTooLargeException":
		return Invalid, "the event is larger than AWS Lambda takes", ""
	}
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden, strings.HasSuffix(code, "AccessDeniedException"):
		return Denied, denied, ""
	case status == http.StatusTooManyRequests:
		return Throttled, busy, ""
	case status == http.StatusRequestEntityTooLarge:
		return Invalid, "the event is larger than AWS Lambda takes", ""
	case status >= 500, status == http.StatusConflict: // 409: it is being made or changed
		return Temporary, "AWS Lambda could not call it", ""
	case status < 400:
		return Invalid, "AWS Lambda answered with a redirect, which is not followed", ""
	}
	return Invalid, "AWS Lambda refused the call", ""
}

// word returns s if it is fit for a message: at most 64 letters, digits and others. Else it returns "".
func word(s, others string) string {
	strange := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(others, r)
	}
	if len(s) > 64 || strings.ContainsFunc(s, strange) {
		return ""
	}
	return s
}
