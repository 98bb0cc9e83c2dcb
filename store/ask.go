package store

import (
	"context"
	"errors"
	"time"
)

// What the store may take for the answer to one question; in a frozen process it is then put once more, on another connection.
const (
	loadTry  = 5 * time.Second
	firstTry = 2 * time.Second
)

// ask puts a question to the store, on which more than one request may wait: it goes on when the one that has put it goes away.
func (r *Realms) ask(ctx context.Context, limit time.Duration, question func(context.Context) error) error {
	if deadline, ok := ctx.Deadline(); ok && r.options.Frozen != nil {
		// Both tries together leave time for what the request is about, unless that needs the answer.
		share := time.Until(deadline) / 6
		if limit == loadTry {
			share = time.Until(deadline) / 2
		}
		limit = min(limit, share)
	}
	try := func() error {
		bounded, cancel := detached(ctx, limit)
		defer cancel()
		return question(bounded)
	}
	err := try()
	if errors.Is(err, errReload) {
		return err // the store did answer
	}
	if err != nil && r.options.Frozen != nil && ctx.Err() == nil {
		r.stats.failures.Add(1)
		r.log.Warn("the configuration store cannot be read; trying once more on another connection", "error", err)
		r.options.Frozen.Redial()
		err = try()
	}
	if err != nil {
		r.stats.failures.Add(1)
	}
	return err
}

// detached returns a context that does not end when the request does, but after limit, and no later than the deadline of the request: a
// server has none, and a Lambda is killed then.
func detached(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline))
	}
	return context.WithTimeout(context.WithoutCancel(ctx), limit)
}

func cannotLoad(cause error) error {
	return &Error{Code: Unavailable, Message: "The configuration cannot be read at the moment. Try again later.", Cause: cause}
}

var errNotReached = errors.New("the store has not answered yet")

func noSpace(realm Realm) *Error { return errorf(NotFound, "There is no space %q.", realm) }

func notReady() *Error {
	return &Error{Code: Unavailable, Message: "The gateway has not read its configuration yet.", Cause: errNotReady}
}
