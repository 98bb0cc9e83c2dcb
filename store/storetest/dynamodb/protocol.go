package dynamodb

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
)

// operation carries out one call and returns what is answered, or a *failure.
type operation func(c *call) (any, error)

// call is one call of a client.
type call struct {
	s      *Server
	op     string
	region string
	fault  Kind
	body   []byte
}

// operations are all that the server knows.
func (s *Server) operations() map[string]operation {
	return map[string]operation{
		"BatchGetItem":       decoded((*call).batchGetItem),
		"CreateTable":        decoded((*call).createTable),
		"DeleteItem":         decoded((*call).deleteItem),
		"DeleteTable":        decoded((*call).deleteTable),
		"DescribeTable":      decoded((*call).describeTable),
		"DescribeTimeToLive": decoded((*call).describeTimeToLive),
		"GetItem":            decoded((*call).getItem),
		"PutItem":            decoded((*call).putItem),
		"Query":              decoded((*call).query),
		"Scan":               decoded((*call).scan),
		"TransactGetItems":   decoded((*call).transactGetItems),
		"TransactWriteItems": decoded((*call).transactWriteItems),
		"UpdateTimeToLive":   decoded((*call).updateTimeToLive),
	}
}

// decoded returns f as an operation. Parameters that f does not know are refused, not ignored.
func decoded[In, Out any](f func(*call, In) (Out, error)) operation {
	return func(c *call) (any, error) {
		var in In
		err := json.Unmarshal(c.body, &in, json.RejectUnknownMembers(true))
		var told *failure
		var at *json.SemanticError
		switch {
		case err == nil:
			return f(c, in)
		case errors.As(err, &told):
			return nil, told
		case errors.Is(err, json.ErrUnknownName) && errors.As(err, &at):
			return nil, invalid("the parameter %s of %s is not known to this server", at.JSONPointer.LastToken(), c.op)
		}
		return nil, fail("SerializationException", err.Error())
	}
}

// may says whether the client has a permission.
func (c *call) may(action, table string) error {
	if !c.s.denies(action) {
		return nil
	}
	const user = "arn:aws:sts::" + account + ":assumed-role/gateway/i-0a1b2c3d4e5f60718"
	return fail("AccessDeniedException", fmt.Sprintf("User: %s is not authorized to perform: dynamodb:%s on resource: %s "+
		"because no identity-based policy allows the dynamodb:%[2]s action", user, action, arn(c.region, table)))
}

const account = "123456789012"

func arn(region, table string) string {
	return fmt.Sprintf("arn:aws:dynamodb:%s:%s:table/%s", region, account, table)
}

// failure is an error as clients get it.
type failure struct {
	status  int
	kind    string
	message string
	more    map[string]any // what else is in the answer
}

func (f *failure) Error() string { return f.kind + ": " + f.message }

// fail returns an error of the kind that AWS calls so.
func fail(kind, message string) *failure {
	return &failure{status: http.StatusBadRequest, kind: kind, message: message}
}

// answer returns what clients get.
func (f *failure) answer() map[string]any {
	space, member := "com.amazonaws.dynamodb.v20120810", "message"
	switch f.kind {
	case "ValidationException":
		space = "com.amazon.coral.validate"
	case "AccessDeniedException", "ExpiredTokenException", "IncompleteSignatureException", "MissingAuthenticationTokenException",
		"SerializationException", "ThrottlingException", "UnknownOperationException", "UnrecognizedClientException":
		space = "com.amazon.coral.service"
	case "IdempotentParameterMismatchException", "TransactionCanceledException", "TransactionInProgressException":
		member = "Message"
	}
	body := map[string]any{"__type": space + "#" + f.kind, member: f.message}
	maps.Copy(body, f.more)
	return body
}

func invalid(format string, args ...any) *failure {
	return fail("ValidationException", fmt.Sprintf(format, args...))
}

func badValue(format string, args ...any) *failure {
	return invalid("One or more parameter values were invalid: "+format, args...)
}

// constraint is an error of a parameter that must be otherwise.
func constraint(value, name, must string) error {
	return invalid("1 validation error detected: Value%s at '%s' failed to satisfy constraint: Member must %s", value, name, must)
}

// required refuses a parameter that is not there.
func required(there bool, name string) error {
	if there {
		return nil
	}
	return constraint(" null", name, "not be null")
}

// oneOf refuses a parameter that is there and none of the values.
func oneOf(name, got string, values ...string) error {
	if got == "" {
		return nil
	}
	for _, v := range values {
		if got == v {
			return nil
		}
	}
	return constraint(" '"+got+"'", name, "satisfy enum value set: ["+strings.Join(values, ", ")+"]")
}
