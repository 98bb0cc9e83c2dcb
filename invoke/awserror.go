package invoke

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/go-json-experiment/json"
)

// notFromSTS is before what is said of STS, which would otherwise be taken for the function.
const notFromSTS = "no credentials of the role in provider.roleArn could be had from AWS STS: "

// noCredentials says that there was nothing to sign the call with.
func (c *awsCall) noCredentials(ctx context.Context, err error) *Error {
	var e *Error
	switch {
	case ctx.Err() != nil:
		e = callError(ctx, err)
		if c.role != nil {
			e.Message = notFromSTS + e.Message
		} else {
			e.Message = "the gateway could not get AWS credentials of its own: " + e.Message
		}
	case errors.As(err, &e): // of a role
		return e
	default:
		e = &Error{
			Class:   Denied,
			Message: "the gateway could not get AWS credentials of its own, and the function has none (provider.awsAccessKeyId and provider.awsSecretAccessKey)",
		}
	}
	e.Cause = c.cause(err.Error())
	return e
}

// failure says in words for people why the service, or the way to it, failed. Credentials of a role that were refused are not used again.
func (c *awsCall) failure(ctx context.Context, err error) *Error {
	var (
		operation *smithy.OperationError
		large     *http.MaxBytesError
		response  *smithyhttp.ResponseError
		e         *Error
	)
	if errors.As(err, &operation) { // its own words say nothing
		err = operation.Err
	}
	status := 0
	if errors.As(err, &response) {
		status = response.HTTPStatusCode()
	}
	switch {
	case errors.As(c.broken, &large):
		e = callError(ctx, errAnswerTooLarge)
	case status >= 300:
		e = c.refusal(status, c.code(err), response.HTTPResponse().Header.Get("Retry-After"))
	case c.answered && c.broken == nil:
		return c.nonsense(err)
	case !c.sent && ctx.Err() == nil:
		e = &Error{Class: Invalid, Message: "the request could not be made: look at provider.region, and at what the gateway's environment says of AWS, such as AWS_USE_FIPS_ENDPOINT"}
	default:
		if e = callError(ctx, err); c.service.sts {
			e.Message = notFromSTS + e.Message
		}
	}
	e.Cause = c.cause(err.Error())
	return e
}

// nonsense says that nobody knows what the answer means. The service may have done its work.
func (c *awsCall) nonsense(err error) *Error {
	e := &Error{Class: Invalid, Message: c.service.name + " gave an answer that makes no sense"}
	if err != nil {
		e.Cause = c.cause(err.Error())
	}
	return e
}

// functionFailure says how the function itself failed. What it tells of that can be anything.
func (c *awsCall) functionFailure(payload []byte) *Error {
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

// cause makes an error of text from outside.
func (c *awsCall) cause(text string) error { return excerpt(text, c.secrets()...) }

// withoutSecrets masks the credentials in text from outside: AWS repeats the session token where a signature is wrong.
func (c *awsCall) withoutSecrets(text string) string { return masked(text, c.secrets()) }

func (c *awsCall) secrets() []string {
	all := []string{c.credentials.SessionToken, c.credentials.SecretAccessKey, c.credentials.AccessKeyID}
	if c.own != nil {
		all = append(all, c.own.SessionToken, c.own.SecretAccessKey, c.own.AccessKeyID)
	}
	return all
}

// word returns s if it is fit for a message: at most 64 letters, digits and others. Else it returns "".
func word(s, others string) string {
	if len(s) > 64 || !hasOnly(s, others) {
		return ""
	}
	return s
}

// hasOnly says whether s has nothing but ASCII letters, digits and others.
func hasOnly(s, others string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(others, r)
	})
}
