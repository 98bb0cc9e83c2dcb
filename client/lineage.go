package client

import (
	"cmp"
	"context"
	"errors"
	"net/http"
)

// Each event that the gateway delivers carries a token that says what it is a consequence of. A function that sends events on passes it
// back, so that the gateway can tell when they go round in circles: it answers 508 then. Senders that are no functions have none.
const (
	LineageHeader    = "Eventgateway-Lineage" // of the requests to functions, and of theirs to the gateway
	LineageExtension = "eventgatewaylineage"  // the same as an attribute of the event, for functions that get no headers
)

type lineageKey struct{}

// Handler makes a function's handler pass the lineage on: what is sent with the context of its requests carries it.
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(WithRequest(r.Context(), r)))
	})
}

// WithRequest returns a context whose events are consequences of the request that a function got.
func WithRequest(ctx context.Context, r *http.Request) context.Context {
	return ContextWithLineage(ctx, cmp.Or(r.Header.Get(LineageHeader), r.Header.Get("Ce-"+LineageExtension)))
}

// ContextWithLineage returns a context whose events carry the token. A function on AWS Lambda, which gets no headers, takes it from the event:
//
//	ctx = client.ContextWithLineage(ctx, event.Extensions[client.LineageExtension])
func ContextWithLineage(ctx context.Context, token string) context.Context {
	if token == "" {
		return ctx
	}
	return context.WithValue(ctx, lineageKey{}, token)
}

// Lineage returns the token of the context, for requests to the gateway that are made without this package. It is empty if there is none.
func Lineage(ctx context.Context) string {
	token, _ := ctx.Value(lineageKey{}).(string)
	return token
}

// lineageOf returns the token that events are sent with: the context's, else that of events that were received and are sent on.
func lineageOf(ctx context.Context, events []Event) (string, error) {
	token := Lineage(ctx)
	if token != "" {
		return token, nil
	}
	for _, e := range events {
		other := e.Extensions[LineageExtension]
		if token != "" && other != "" && other != token {
			return "", errors.New("event gateway: the events of a batch have several lineages: send them apart, or with the context of one request")
		}
		token = cmp.Or(token, other)
	}
	return token, nil
}

func setLineage(h http.Header, token string) {
	if token != "" {
		h.Set(LineageHeader, token)
	}
}
