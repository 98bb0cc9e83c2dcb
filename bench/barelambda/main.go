// Command barelambda is what the cold start of the gateway's Lambda is measured against: a program with the same packages in it that
// reads the same configuration once, by the same store, and answers whatever comes with a constant.
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
	s, err := open(os.Getenv("EVENT_GATEWAY_STORE"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	lambda.Start(&handler{store: s})
}

func open(storeURL string) (store.Store, error) {
	u, err := url.Parse(storeURL)
	if err != nil {
		return nil, err
	}
	o, err := etcd.ParseURL(u, "")
	if err != nil {
		return nil, err
	}
	return etcd.Open(o)
}

// handler reads the configuration at the first invocation. There is one at a time.
type handler struct {
	store  store.Store
	loaded bool
}

// Invoke implements lambda.Handler.
func (h *handler) Invoke(ctx context.Context, _ []byte) ([]byte, error) {
	if !h.loaded {
		items, _, err := h.store.Load(ctx, store.Shared)
		if err != nil || len(items) == 0 {
			return nil, errors.Join(errors.New("no configuration"), err)
		}
		h.loaded = true
	}
	return []byte(`{"statusCode":200,"body":"hello"}`), nil
}
