// Command barelambda is what the cold start of the gateway's Lambda is measured against: a program with the same packages in it that
// reads the same configuration once, and answers whatever comes with a constant. From etcd it reads by the same store, from DynamoDB by the bare SDK.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	_ "github.com/event-gateway/event-gateway/app" // it brings all that the gateway is made of
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/etcd"
)

func main() {
	read, err := open(os.Getenv("EVENT_GATEWAY_STORE"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	lambda.Start(&handler{read: read})
}

// open returns what reads the configuration, and says how many items it is.
func open(storeURL string) (func(context.Context) (int, error), error) {
	u, err := url.Parse(storeURL)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "dynamodb" {
		return query(u.Host, u.Query().Get("endpoint")), nil
	}
	o, err := etcd.ParseURL(u, "")
	if err != nil {
		return nil, err
	}
	s, err := etcd.Open(o)
	return func(ctx context.Context) (int, error) {
		items, _, err := s.Load(ctx, store.Shared)
		return len(items), err
	}, err
}

// handler reads the configuration at the first invocation. There is one at a time.
type handler struct {
	read   func(context.Context) (int, error)
	loaded bool
}

// Invoke implements lambda.Handler.
func (h *handler) Invoke(ctx context.Context, _ []byte) ([]byte, error) {
	if !h.loaded {
		n, err := h.read(ctx)
		if err != nil || n == 0 {
			return nil, errors.Join(errors.New("no configuration"), err)
		}
		h.loaded = true
	}
	return []byte(`{"statusCode":200,"body":"hello"}`), nil
}
