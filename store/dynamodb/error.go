package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

var (
	errSettings    = errors.New("the AWS settings cannot be used")
	errCredentials = errors.New("no AWS credentials can be had from the environment, the shared files or the machine's role")
	errUnprocessed = errors.New("DynamoDB left out a part of the answer for too long")
	errRepeated    = errors.New("a page begins where another one did, or before")
)

const accessDenied = "AccessDeniedException"

// explain returns the error of a request, whose time may be over, as callers of the store should see it.
func (s *Store) explain(err error, over bool) error {
	var (
		api       smithy.APIError
		response  *smithyhttp.ResponseError
		unsent    *smithyhttp.RequestSendError
		large     *http.MaxBytesError
		operation *smithy.OperationError
	)
	switch {
	case errors.Is(err, errSettings):
		return s.unusable("%w", err)
	case errors.Is(err, errCredentials):
		return s.uncredited(err)
	case errors.As(err, &unsent) && backend.Untrusted(err):
		return s.unusable("%w", unsent.Err)
	case over:
		return fmt.Errorf("%s does not answer: nothing within %v", s.where(), s.options.Timeout)
	case errors.As(err, &unsent):
		return fmt.Errorf("%s does not answer: %w", s.where(), unsent.Err)
	case errors.As(err, &large):
		return fmt.Errorf("%s: an answer is larger than %d MB", s.where(), large.Limit>>20)
	case errors.As(err, &api) && api.ErrorCode() != "UnknownError":
		return s.refusal(api)
	case errors.As(err, &response) && response.HTTPStatusCode() >= 300 && response.HTTPStatusCode() < 500:
		return s.unusable("what answers there is no DynamoDB (status %d)", response.HTTPStatusCode())
	case errors.As(err, &operation):
		err = operation.Err
	}
	return fmt.Errorf("%s: %w", s.where(), err)
}

// uncredited returns the error of a request that could not be signed. What gives the credentials may just be away.
func (s *Store) uncredited(err error) error {
	var network net.Error
	if !backend.Untrusted(err) && (errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded)) {
		return fmt.Errorf("%s: %w", s.where(), err)
	}
	return s.unusable("%w", err)
}

// refusal returns what DynamoDB answered instead of what was asked for. Of credentials that have expired there may be new ones any time. What is
// said of wrong ones is not shown, as it may repeat them.
func (s *Store) refusal(api smithy.APIError) error {
	switch code := api.ErrorCode(); code {
	case "ResourceNotFoundException":
		return s.unusable("there is no such table: make one as docs/stores.md says (%w)", api)
	case accessDenied:
		return s.unusable("%w", api)
	case "UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignatureException", "MissingAuthenticationTokenException":
		return s.unusable("the AWS credentials are refused (%s)", code)
	case "ValidationException":
		if strings.Contains(api.ErrorMessage(), "does not match the schema") {
			return s.unusable("%s (%w)", wantKeys, api)
		}
	}
	return fmt.Errorf("%s: %w", s.where(), api)
}

// unusable returns an error that wraps ErrUnusable.
func (s *Store) unusable(format string, args ...any) error {
	return fmt.Errorf("%w: %s: %w", store.ErrUnusable, s.where(), fmt.Errorf(format, args...))
}

// where names the table.
func (s *Store) where() string {
	name := "the DynamoDB table " + s.options.Table
	if client := s.client.Load(); client != nil {
		o := client.Options()
		name += " in " + o.Region
		if o.BaseEndpoint != nil {
			name += " at " + *o.BaseEndpoint
		}
	}
	return name
}

// passing says whether nothing was done, because of another transaction or of too many requests.
func passing(err error) bool {
	var (
		cancelled *types.TransactionCanceledException
		api       smithy.APIError
	)
	switch {
	case errors.Is(err, errUnprocessed):
		return true
	case errors.As(err, &cancelled):
		n := count(cancelled, "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded")
		return n > 0 && n == len(cancelled.CancellationReasons)-count(cancelled, "None")
	case errors.As(err, &api):
		return slices.Contains([]string{"ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"}, api.ErrorCode())
	}
	return false
}

// count returns how many of the reasons for which a transaction was cancelled are among these.
func count(cancelled *types.TransactionCanceledException, codes ...string) (n int) {
	for _, reason := range cancelled.CancellationReasons {
		if slices.Contains(codes, aws.ToString(reason.Code)) {
			n++
		}
	}
	return n
}
