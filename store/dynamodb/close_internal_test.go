package dynamodb

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/event-gateway/event-gateway/store"
)

// TestCallAfterClose: it begins nothing.
func TestCallAfterClose(t *testing.T) {
	t.Parallel()
	for range 100 {
		s, err := Open(Options{Table: "gateway", Region: "eu-west-1", Username: "AKIAEXAMPLE", Password: "example-secret"})
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		began := false
		err = s.call(t.Context(), func(context.Context, *dynamodb.Client) error {
			began = true
			return nil
		})
		if !errors.Is(err, store.ErrClosed) || began || s.client.Load() != nil {
			t.Fatalf("got %v; began %t, with a client %t", err, began, s.client.Load() != nil)
		}
	}
}
