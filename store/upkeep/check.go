package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// CheckOptions say how Check looks at a store.
type CheckOptions struct {
	Deep     bool // read all, and compare it with what was noted of it
	ReadOnly bool // write nothing
	Rules    *store.Rules
}

// Check uses a store as gateways do, and tells out, line by line, what it sees. The error holds all that is wrong. It writes to a realm of
// its own.
func Check(ctx context.Context, s store.Database, o CheckOptions, out io.Writer) error {
	c := &checking{store: s, options: o, out: out}
	c.reads(ctx)
	if o.ReadOnly {
		c.tell("writes", "not tried")
	} else {
		c.writes(ctx)
	}
	if o.Deep {
		c.deep(ctx)
	} else {
		c.shared(ctx)
	}
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return errors.Join(c.wrong...)
}

// checking is one run of Check.
type checking struct {
	store   store.Database
	options CheckOptions
	out     io.Writer
	wrong   []error
}

func (c *checking) tell(what, format string, args ...any) { tell(c.out, what, format, args...) }

// fail notes what is wrong. A failure that stays until somebody changes something need not say so.
func (c *checking) fail(what string, err error) {
	text := strings.TrimPrefix(err.Error(), store.ErrUnusable.Error()+": ")
	c.wrong = append(c.wrong, fmt.Errorf("%s: %s", what, text))
}

const (
	tries    = 10               // of what is measured
	waitTime = 10 * time.Second // how long a change may take to be noticed
	stepTime = 30 * time.Second // of each call
)

// reads looks whether all that gateways read is allowed, and how long they take to catch up.
func (c *checking) reads(ctx context.Context) {
	var head store.Head
	var took timing
	err := bounded(ctx, func(ctx context.Context) (err error) {
		_, head, err = c.store.Load(ctx, scratch)
		return err
	})
	for range tries {
		if err != nil {
			break
		}
		began := time.Now()
		err = bounded(ctx, func(ctx context.Context) error {
			_, _, err := c.store.Changes(ctx, scratch, head.Rev, 0)
			return err
		})
		took = append(took, time.Since(began))
	}
	if err != nil {
		c.fail("reads", err)
		return
	}
	c.tell("reads", "allowed")
	c.tell("catch-up", "%v", took)
}

// shared tells about the realm of the gateways that are not hosted, which costs one read.
func (c *checking) shared(ctx context.Context) {
	var moved map[store.Realm]store.Head
	err := bounded(ctx, func(ctx context.Context) (err error) {
		moved, err = c.store.Heads(ctx, map[store.Realm]store.Rev{store.Shared: 0}, 0)
		return err
	})
	switch head, found := moved[store.Shared]; {
	case err != nil:
		c.fail("realms", err)
	case found:
		c.tell("realms", "the shared realm is there, at revision %d; -deep reads all", head.Rev)
	default:
		c.tell("realms", "nobody has written to the shared realm; -deep looks for those of spaces")
	}
}

// bounded calls f with a time limit, for a store that does not keep its own.
func bounded(ctx context.Context, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, stepTime, fmt.Errorf("no answer within %v", stepTime))
	defer cancel()
	err := f(ctx)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// timing is how long something took, each time.
type timing []time.Duration

// String returns the median and the worst.
func (t timing) String() string {
	sorted := slices.Sorted(slices.Values(t))
	short := func(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
	return fmt.Sprintf("median %v, worst %v of %d", short(sorted[len(sorted)/2]), short(sorted[len(sorted)-1]), len(sorted))
}
