package lambda

import (
	"strings"
	"testing"

	"github.com/event-gateway/event-gateway/handlers"
)

// object is a JSON object.
type object = map[string]any

const arn = "arn:aws:iam::123456789012:user/anna"

// TestCaller: who calls is where AWS documents it for each source, and nowhere else.
func TestCaller(t *testing.T) {
	t.Parallel()
	f := func(file, kind, name string, pairs ...any) {
		t.Helper()
		payload := with(t, file, pairs...)
		e, err := decode(payload)
		if err != nil {
			t.Fatalf("%s %v: %v", file, pairs, err)
		}
		if got := e.source().caller(); got != (handlers.Caller{Kind: kind, Name: name}) {
			t.Errorf("%s %v: %+v", file, pairs, got)
		}
		received(t, Options{}, payload) // whatever it is, it is a request
	}
	const authorizer, userARN = "requestContext.authorizer", "requestContext.identity.userArn"
	for _, file := range sources {
		f(file, "", "")
		f(file, "", "", authorizer, object{})
	}
	// REST APIs, and HTTP APIs with their payload.
	for _, version := range []any{nil, "1.0"} {
		f("rest", "iam", arn, "version", version, userARN, arn)
		f("rest", "iam", arn, "version", version, userARN, arn, authorizer, object{"claims": nil, "scopes": nil})
		f("rest", "lambda", "max", "version", version, authorizer, object{"principalId": "max", "integrationLatency": 12, "clientId": 1})
		f("rest", "jwt", "5f3c", "version", version, authorizer, object{"claims": object{"sub": "5f3c", "email": "m@example.com"}, "scopes": []string{"a"}})
		f("rest", "lambda", "max", "version", version, authorizer, object{"principalId": "max", "claims": object{"sub": "root"}})
	}
	f("rest", "", "", authorizer, object{"iam": object{"userArn": arn}})
	f("rest", "", "", authorizer, object{"jwt": object{"claims": object{"sub": "5f3c"}}})
	f("rest", "", "", authorizer, object{"lambda": object{"principalId": "max"}})
	f("rest", "", "", "requestContext.identity.user", arn, "requestContext.identity.caller", arn)
	// HTTP APIs, and function URLs.
	for _, file := range []string{"http", "url"} {
		f(file, "iam", arn, authorizer, object{"iam": object{"userArn": arn, "userId": "AIDA", "cognitoIdentity": nil}})
		f(file, "jwt", "5f3c", authorizer, object{"jwt": object{"claims": object{"sub": "5f3c", "scope": "a"}, "scopes": nil}})
		f(file, "lambda", "max", authorizer, object{"lambda": object{"principalId": "max", "iam": object{"userArn": arn}}})
		f(file, "", "", authorizer, object{"lambda": object{"key": "value"}})
		f(file, "", "", authorizer, object{"lambda": nil})
		f(file, "", "", authorizer, object{"principalId": "max", "claims": object{"sub": "5f3c"}})
		f(file, "", "", userARN, arn)
	}
	// A load balancer says nothing that could be believed.
	for _, file := range []string{"alb", "alb-multi"} {
		f(file, "", "", userARN, arn, authorizer, object{"principalId": "max", "iam": object{"userArn": arn}, "jwt": object{"claims": object{"sub": "5f3c"}}})
	}
	// What is not of the form that it should be is nobody, and no failure.
	for _, odd := range []any{true, 1, "", arn, []any{arn}, object{"sub": 1}, object{"principalId": []any{"max"}}, object{"claims": "x", "iam": 1, "jwt": []any{1}, "lambda": "max"},
		object{"claims": object{"sub": object{}}, "iam": object{"userArn": 7}, "jwt": object{"claims": []any{}}, "lambda": object{"principalId": false}}} {
		for _, file := range sources {
			f(file, "", "", authorizer, odd)
		}
	}
	f("rest", "", "", userARN, object{"a": 1})
	f("rest", "", "", userARN, 12)
	f("rest", "jwt", "5f3c", userARN, false, authorizer, object{"claims": object{"sub": "5f3c"}})
}

// TestCallerLenient: names that come twice and bytes that are no text are an authorizer's, and no failure.
func TestCallerLenient(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
	for authorizer, want := range map[string]string{
		`{"lambda":{"principalId":"a","principalId":"max"}}`:       "max",
		`{"lambda":{"principalId":"max"},"x":"\ud800"}`:            "max",
		"{\"lambda\":{\"principalId\":\"max\",\"\xff\":\"\xff\"}}": "max",
		`{"lambda":{"principalId":"max","deep":` + deep + `}}`:     "max",
	} {
		payload := `{"version":"2.0","rawPath":"/","requestContext":{"http":{"method":"GET"},"authorizer":` + authorizer + `}}`
		e, err := decode([]byte(payload))
		if err != nil {
			t.Fatalf("%s: %v", payload, err)
		}
		if got := e.source().caller(); got.Name != want {
			t.Errorf("%s: %+v", payload, got)
		}
	}
}
