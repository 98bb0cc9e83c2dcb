package lambda

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/event-gateway/event-gateway/handlers"
)

// withCaller adds to the context who made the request, if the source may know it.
func withCaller(ctx context.Context, e *event, s source) context.Context {
	if e.Context.Authorizer == nil && e.Context.Identity.UserARN == nil {
		return ctx
	}
	return handlers.WithCaller(ctx, s.caller)
}

// caller is where REST APIs have it, and HTTP APIs with their payload. What has a principal is from a Lambda authorizer, which may have made up
// claims, too.
func (s gateway1) caller() handlers.Caller {
	return firstCaller(
		handlers.Caller{Kind: handlers.IAM, Name: text(s.Context.Identity.UserARN)},
		handlers.Caller{Kind: handlers.Lambda, Name: text(s.Context.Authorizer, "principalId")},
		handlers.Caller{Kind: handlers.JWT, Name: text(s.Context.Authorizer, "claims", "sub")},
	)
}

func (s gateway2) caller() handlers.Caller {
	return firstCaller(
		handlers.Caller{Kind: handlers.IAM, Name: text(s.Context.Authorizer, "iam", "userArn")},
		handlers.Caller{Kind: handlers.JWT, Name: text(s.Context.Authorizer, "jwt", "claims", "sub")},
		handlers.Caller{Kind: handlers.Lambda, Name: text(s.Context.Authorizer, "lambda", "principalId")},
	)
}

// caller is nobody: a load balancer has whom it knows in headers, which anybody can send who finds another way to the Lambda.
func (balancer) caller() handlers.Caller { return handlers.Caller{} }

// firstCaller returns the first that has a name.
func firstCaller(callers ...handlers.Caller) handlers.Caller {
	for _, c := range callers {
		if c.Name != "" {
			return c
		}
	}
	return handlers.Caller{}
}

// text returns the string at the end of a path of members. It is empty if there is something else on the way.
func text(v *jsontext.Value, path ...string) (s string) {
	for _, name := range path {
		var members map[string]*jsontext.Value
		if v == nil || unmarshal(*v, &members) != nil {
			return ""
		}
		v = members[name]
	}
	if v == nil || unmarshal(*v, &s) != nil {
		return ""
	}
	return s
}
