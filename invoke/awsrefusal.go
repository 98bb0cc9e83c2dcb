package invoke

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/smithy-go"
)

// awsService is what messages say of a service of AWS, in the words that fit what it does.
type awsService struct {
	name   string // AWS Lambda
	denied string // the call was denied
	needs  string // what has to be allowed; who has to be comes before it
	busy   string // takes no more calls for now
	noSuch string // what it does not have
	failed string // could not call it
	sts    bool   // it is not the function, but where its credentials come from
}

// code returns what AWS calls the failure, or "".
func (c *awsCall) code(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() == "UnknownError" {
		return ""
	}
	return word(c.withoutSecrets(api.ErrorCode()), ".")
}

// refusal makes an error of an answer of the service itself. The code may be "".
func (c *awsCall) refusal(status int, code, after string) *Error {
	class, what, hint := c.service.meaning(status, code)
	e := &Error{Class: class, Code: code, Message: what + " (" + cmp.Or(code, fmt.Sprintf("status %d", status)) + ")"}
	if hint != "" {
		e.Message += ": " + hint
	}
	if class == Throttled {
		e.RetryAfter = retryAfter(after, time.Now())
	}
	if c.role != nil && isExpired(code) {
		c.role.drop(c.credentials)
	}
	return e
}

// isExpired says whether a code stands for credentials that were good once.
func isExpired(code string) bool {
	switch code {
	case "ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId":
		return true
	}
	return false
}

// meaning says in words for people what a code stands for, and what to do about it.
func (s *awsService) meaning(status int, code string) (class Class, what, hint string) {
	switch strings.TrimPrefix(code, "AWS.SimpleQueueService.") { // the older form of SQS's codes
	case "AccessDeniedException", "AccessDenied", "NotAuthorized":
		return Denied, s.denied, s.needs
	case "ExpiredTokenException", "ExpiredToken":
		return Denied, s.denied, "the AWS credentials have expired"
	case "UnrecognizedClientException", "InvalidSignatureException", "InvalidClientTokenId", "SignatureDoesNotMatch":
		return Denied, s.denied, "the AWS credentials are not valid"
	case "MissingAuthenticationToken", "MissingAuthenticationTokenException":
		return Denied, s.denied, "no AWS credentials have arrived"
	case "RequestExpired", "RequestTimeTooSkewed":
		return Denied, s.denied, "the gateway's clock is wrong"
	case "ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException", "RequestThrottled", "RequestThrottledException", "RequestLimitExceeded",
		"ProvisionedThroughputExceededException", "LimitExceededException", "OverLimit":
		return Throttled, s.name + " " + s.busy, ""
	case "ResourceNotFoundException", "QueueDoesNotExist", "NonExistentQueue":
		return Invalid, s.name + " has no such " + s.noSuch + " in its region", ""
	case "RequestTooLargeException":
		return Invalid, "the event is larger than " + s.name + " takes", ""
	case "InvalidMessageContents":
		return Invalid, s.name + " refused the call", "the event has characters that no message can have"
	case "ValidationException", "InvalidArgumentException", "InvalidParameterValue":
		return Invalid, s.name + " refused the call", "a setting of the function, or the size of the event, is not what it takes"
	case "ServiceUnavailableException":
		if s.name == "AWS Firehose" { // what it says where a stream has reached its limits
			return Throttled, s.name + " " + s.busy, ""
		}
	}
	if strings.Contains(strings.ToUpper(code), "KMS") {
		return s.keyMeaning(strings.ToUpper(code))
	}
	return s.statusMeaning(status, code)
}

// keyMeaning is for what is wrong with a key of AWS KMS: KMSAccessDeniedException, KMS.DisabledException, InvalidKMSResourceException.
func (s *awsService) keyMeaning(code string) (class Class, what, hint string) {
	switch {
	case strings.Contains(code, "THROTTL"):
		return Throttled, s.name + " " + s.busy, "the key that it is encrypted with is used too often"
	case strings.Contains(code, "ACCESSDENIED"):
		return Denied, s.denied, "the key that it is encrypted with may not be used"
	}
	return Invalid, s.name + " " + s.failed, "the key that it is encrypted with cannot be used"
}

// statusMeaning is for codes that nobody knows.
func (s *awsService) statusMeaning(status int, code string) (class Class, what, hint string) {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden, strings.HasSuffix(code, "AccessDeniedException"):
		return Denied, s.denied, ""
	case status == http.StatusTooManyRequests:
		return Throttled, s.name + " " + s.busy, ""
	case status == http.StatusRequestEntityTooLarge:
		return Invalid, "the event is larger than " + s.name + " takes", ""
	case status >= 500, status == http.StatusConflict: // 409: it is being made or changed
		return Temporary, s.name + " " + s.failed, ""
	case status < 400:
		return Invalid, s.name + " answered with a redirect, which is not followed", ""
	}
	return Invalid, s.name + " refused the call", ""
}
