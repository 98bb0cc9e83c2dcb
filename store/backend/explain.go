package backend

import (
	"context"

	"github.com/event-gateway/event-gateway/store"
)

// Explain returns err as the callers of a store should see it: ErrClosed after the store's own ctx has ended, the error of the caller's
// ctx after that has, and else what explain makes of it.
func Explain(ctx, life context.Context, err error, explain func(error) error) error {
	switch {
	case err == nil:
		return nil
	case life.Err() != nil:
		return store.ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return explain(err)
}
