package handlers

import (
	"context"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Caller is who made a request, as AWS found out before it called the Lambda. The zero value is nobody that is known.
type Caller struct {
	Kind string // one of those below
	Name string
}

// How a caller was authenticated. These are also the values of Gateway.Identity.
const (
	IAM    = "iam"    // AWS IAM; the name is an ARN
	JWT    = "jwt"    // a JWT authorizer, or a Cognito user pool; the name is the token's subject
	Lambda = "lambda" // a Lambda authorizer; the name is the principal's id that it gave
)

// callerKey is where a request's context has its caller.
type callerKey struct{}

// WithCaller returns a context that says who makes a request. who is asked only when somebody wants to know. It must not go by anything that
// the client sends, such as a header.
func WithCaller(ctx context.Context, who func() Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, who)
}

// callerOf returns who made a request, if that is known and has a name that can stand in a log.
func callerOf(r *http.Request) Caller {
	who, ok := r.Context().Value(callerKey{}).(func() Caller)
	if !ok {
		return Caller{}
	}
	if c := who(); isName(c.Name) {
		return c
	}
	return Caller{}
}

// maxCallerName is how many bytes a caller's name may have.
const maxCallerName = 2048

// isName says whether a name is one that looks like itself in a log. Others are refused rather than changed: two callers could become one.
func isName(name string) bool {
	odd := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
	return name != "" && len(name) <= maxCallerName && !strings.ContainsFunc(name, odd)
}

// changedBy returns who makes a change, for the log.
func (g *Gateway) changedBy(r *http.Request) string {
	switch c := callerOf(r); {
	case c != Caller{}:
		return c.Kind + " " + c.Name
	case g.Token != "":
		return "token"
	}
	return "local"
}
