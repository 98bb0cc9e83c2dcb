package dynamodb

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

// call makes one request to the database, within the timeout. Close ends it.
func (s *Store) call(ctx context.Context, request func(context.Context, *dynamodb.Client) error) error {
	s.calls.RLock()
	defer s.calls.RUnlock()
	if s.ctx.Err() != nil {
		return store.ErrClosed
	}
	timed, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	err := s.request(timed, request)
	return backend.Explain(ctx, s.ctx, err, func(err error) error { return s.explain(err, timed.Err() != nil) })
}

func (s *Store) request(ctx context.Context, request func(context.Context, *dynamodb.Client) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	client, err := s.dial(ctx)
	if err != nil {
		return err
	}
	// The request would do that itself, but its error would not tell what failed.
	if _, err := client.Options().Credentials.Retrieve(ctx); err != nil {
		return fmt.Errorf("%w: %w", errCredentials, err)
	}
	return request(ctx, client)
}

const (
	firstPause = 10 * time.Millisecond
	maxPause   = 200 * time.Millisecond
)

// insist calls try again, after growing pauses, while it fails for a passing reason and the time of a request is not over.
func (s *Store) insist(ctx context.Context, try func() error) error {
	over := time.Now().Add(s.options.Timeout)
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := try()
		if !passing(err) || time.Now().After(over) {
			return err
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done(): // try will say so
		case <-s.ctx.Done():
		}
	}
}
