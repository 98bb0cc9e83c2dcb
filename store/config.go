package store

import (
	"context"
	"fmt"
)

// Config writes the configuration of a realm. Every rule is checked against the snapshot that the commit is made on, so that it is
// still true when the commit lands. What a caller has to know of a failure is an *Error.
type Config struct {
	live   *Live
	writer *writer
	rules  *Rules
}

// NewConfig returns the writer of the realm that live follows in s. A process has one a realm.
func NewConfig(s Store, live *Live, rules *Rules) *Config {
	return &Config{live: live, writer: newWriter(s, live), rules: rules}
}

// Rules returns the rules that bodies are decoded by.
func (c *Config) Rules() *Rules { return c.rules }

// Snapshot returns the current snapshot, or an Unavailable error before the first.
func (c *Config) Snapshot() (*Snapshot, error) {
	if s := c.live.Snapshot(); s != nil {
		return s, nil
	}
	return nil, notReady()
}

// Function returns a function of the snapshot, or a NotFound error.
func (c *Config) Function(space, id string) (*Function, error) {
	return find[*Function](c, functionThing(space, id))
}

// Subscription returns a subscription of the snapshot, or a NotFound error.
func (c *Config) Subscription(space, id string) (*Subscription, error) {
	return find[*Subscription](c, subscriptionThing(space, id))
}

// CORSRecord returns a CORS record of the snapshot, or a NotFound error.
func (c *Config) CORSRecord(space, id string) (*CORS, error) {
	return find[*CORS](c, corsThing(space, id))
}

// Match is a condition on the revision of the record that is to be changed; nil is none.
type Match func(Rev) bool

// CreateFunction adds a function that does not exist yet.
func (c *Config) CreateFunction(ctx context.Context, f *Function) (*Function, error) {
	next, err := c.sealed(f, &Function{})
	if err != nil {
		return nil, err
	}
	return create(ctx, c, functionThing(f.Space, f.ID), next, errorf(Exists, "Function %q already registered.", f.ID), func(*Snapshot) error { return nil })
}

// UpdateFunction replaces a function. Masked secrets stay what they were.
func (c *Config) UpdateFunction(ctx context.Context, f *Function, match Match) (*Function, error) {
	return replace(ctx, c, functionThing(f.Space, f.ID), match, func(old *Function) (*Function, error) {
		return c.sealed(f, old)
	})
}

// sealed returns f as it can be stored in the place of old: with the secrets of old where f has none of its own, and all of them sealed.
func (c *Config) sealed(f, old *Function) (*Function, error) {
	was := old.Provider
	if f.Kind() != old.Kind() { // what a newer version has set there is of the old type
		was.settings = withoutRaw(was.settings)
	}
	provider, err := f.Provider.keepSecrets(was)
	if err == nil {
		provider, err = f.sealed(provider, c.rules.keys)
	}
	next := f.with(provider)
	if old.Extra != nil {
		next.Extra = old.Extra
	}
	if err == nil {
		err = c.rules.checkOpened(next)
	}
	return next, invalidFunction(err)
}

// DeleteFunction removes a function that no subscription calls and that authorizes no event type. Like those below, it returns the revision
// that did so, or a later one.
func (c *Config) DeleteFunction(ctx context.Context, space, id string, match Match) (Rev, error) {
	return remove[*Function](ctx, c, functionThing(space, id), match, func(s *Snapshot) error {
		for sub := range s.Subscriptions(space) {
			if sub.FunctionID == id {
				return errorf(Invalid, "Function cannot be deleted because it's subscribed to a least one event.")
			}
		}
		return s.authorizesNothing(space, id)
	})
}

// CreateSubscription adds a subscription whose route is free, and whose event type and function exist.
func (c *Config) CreateSubscription(ctx context.Context, sub *Subscription) (*Subscription, error) {
	if err := c.rules.checkSystem(sub); err != nil {
		return nil, err
	}
	exists := errorf(Exists, "Subscription %q already exists.", sub.ID)
	return create(ctx, c, subscriptionThing(sub.Space, sub.ID), sub, exists, func(s *Snapshot) error {
		if err := s.routeFree(sub); err != nil {
			return err
		}
		if sub.Shape == V09 && s.EventType(sub.Space, sub.EventType) == nil {
			return eventTypeThing(sub.Space, sub.EventType).notFound(Invalid)
		}
		if s.Function(sub.Space, sub.FunctionID) == nil {
			return functionThing(sub.Space, sub.FunctionID).notFound(Invalid)
		}
		return nil
	})
}

// UpdateSubscription replaces what may change of the subscription with the given id.
func (c *Config) UpdateSubscription(ctx context.Context, id string, sub *Subscription, match Match) (*Subscription, error) {
	return replace(ctx, c, subscriptionThing(sub.Space, id), match, func(old *Subscription) (*Subscription, error) {
		next := *sub
		next.Extra = old.Extra
		return &next, sub.checkUpdate(old)
	})
}

// DeleteSubscription removes a subscription.
func (c *Config) DeleteSubscription(ctx context.Context, space, id string, match Match) (Rev, error) {
	return remove[*Subscription](ctx, c, subscriptionThing(space, id), match, func(*Snapshot) error { return nil })
}

// thing is what a write is about: how people call it, and its item.
type thing struct{ name, key string }

func functionThing(space, id string) thing {
	return thing{fmt.Sprintf("Function %q", id), functionKey(space, id)}
}

func subscriptionThing(space, id string) thing {
	return thing{fmt.Sprintf("Subscription %q", id), subscriptionKey(space, id)}
}

func eventTypeThing(space, name string) thing {
	return thing{fmt.Sprintf("Event Type %q", name), eventTypeKey(space, name)}
}

func corsThing(space, id string) thing {
	return thing{fmt.Sprintf("CORS configuration %q", id), corsKey(space, id)}
}

func (t thing) notFound(code Code) error { return errorf(code, "%s not found.", t.name) }

func find[R record](c *Config, t thing) (R, error) {
	s, err := c.Snapshot()
	if err != nil {
		return nil, err
	}
	if rec := get[R](s, t.key); rec != nil {
		return rec, nil
	}
	return nil, t.notFound(NotFound)
}

func create[R record](ctx context.Context, c *Config, t thing, rec R, exists error, check func(*Snapshot) error) (R, error) {
	return written[R](t)(createAt(ctx, c, t, rec, exists, check))
}

// createAt returns a snapshot that has the record.
func createAt[R record](ctx context.Context, c *Config, t thing, rec R, exists error, check func(*Snapshot) error) (*Snapshot, error) {
	return c.writer.do(ctx, func(s *Snapshot) ([]Op, error) {
		if s.has(t.key) { // also if its record cannot be read: a newer version may have written it
			return nil, exists
		}
		if err := check(s); err != nil {
			return nil, err
		}
		return put(t, rec)
	})
}

func replace[R record](ctx context.Context, c *Config, t thing, match Match, next func(old R) (R, error)) (R, error) {
	return written[R](t)(replaceAt(ctx, c, t, match, func(_ *Snapshot, old R) (R, error) { return next(old) }))
}

// replaceAt returns a snapshot that has the new record.
func replaceAt[R record](ctx context.Context, c *Config, t thing, match Match, next func(s *Snapshot, old R) (R, error)) (*Snapshot, error) {
	return c.writer.do(ctx, func(s *Snapshot) ([]Op, error) {
		old := get[R](s, t.key)
		if old == nil {
			return nil, t.notFound(NotFound)
		}
		if err := t.matches(s, match); err != nil {
			return nil, err
		}
		rec, err := next(s, old)
		if err != nil {
			return nil, err
		}
		return put(t, rec)
	})
}

// remove also takes away a record that cannot be read. It returns a revision that no longer has the record.
func remove[R record](ctx context.Context, c *Config, t thing, match Match, free func(*Snapshot) error) (Rev, error) {
	s, err := c.writer.do(ctx, func(s *Snapshot) ([]Op, error) {
		if !s.has(t.key) {
			return nil, t.notFound(NotFound)
		}
		if err := t.matches(s, match); err != nil {
			return nil, err
		}
		return []Op{{Key: t.key}}, free(s)
	})
	if err != nil {
		return 0, err
	}
	return s.Head.Rev, nil
}

// written returns the record as it is stored after a write.
func written[R record](t thing) func(*Snapshot, error) (R, error) {
	return func(s *Snapshot, err error) (R, error) {
		if err != nil {
			return nil, err
		}
		rec := get[R](s, t.key)
		if rec == nil {
			return nil, fmt.Errorf("%s was written, but cannot be read", t.name)
		}
		return rec, nil
	}
}

func (t thing) matches(s *Snapshot, match Match) error {
	if match == nil || match(s.revOf(t.key)) {
		return nil
	}
	return errorf(Changed, "%s was changed meanwhile: read it again before you change it.", t.name)
}

func put[R record](t thing, rec R) ([]Op, error) {
	value, err := rec.record()
	if err != nil {
		return nil, err
	}
	if len(value) > MaxValueBytes {
		return nil, errorf(Invalid, "%s has %d bytes, at most %d are allowed.", t.name, len(value), MaxValueBytes)
	}
	return []Op{{Key: t.key, Value: value}}, nil
}

// routeFree says whether no other sync subscription of the realm gets exactly the requests of sub.
func (s *Snapshot) routeFree(sub *Subscription) error {
	if !sub.Sync {
		return nil
	}
	k, err := sub.routing()
	if err != nil {
		return err
	}
	for _, pattern := range s.sync.At(k.event, k.method, k.pattern) {
		return k.conflict("Subscription", pattern)
	}
	return nil
}

func invalidFunction(err error) error {
	if err == nil {
		return nil
	}
	return errorf(Invalid, "Function doesn't validate. Validation error: %s", err)
}
