package store

import "context"

// EventType returns an event type of the snapshot, or a NotFound error.
func (c *Config) EventType(space, name string) (RegisteredType, error) {
	s, err := c.Snapshot()
	if err != nil {
		return RegisteredType{}, err
	}
	t := s.registeredType(space, name)
	if t.EventType == nil {
		return t, eventTypeThing(space, name).notFound(NotFound)
	}
	return t, nil
}

// CreateEventType adds an event type that does not exist yet. Its authorizer, if it has one, does.
func (c *Config) CreateEventType(ctx context.Context, t *EventType) (RegisteredType, error) {
	exists := errorf(Exists, "Event Type %q already exists.", t.Name)
	s, err := createAt(ctx, c, eventTypeThing(t.Space, t.Name), t, exists, func(s *Snapshot) error { return s.authorizerExists(t) })
	if err != nil {
		return RegisteredType{}, err
	}
	return s.registeredType(t.Space, t.Name), nil
}

// UpdateEventType replaces an event type.
func (c *Config) UpdateEventType(ctx context.Context, t *EventType, match Match) (RegisteredType, error) {
	s, err := replaceAt(ctx, c, eventTypeThing(t.Space, t.Name), match, func(s *Snapshot, old *EventType) (*EventType, error) {
		next := *t
		next.Extra = old.Extra
		return &next, s.authorizerExists(t)
	})
	if err != nil {
		return RegisteredType{}, err
	}
	return s.registeredType(t.Space, t.Name), nil
}

// DeleteEventType removes an event type that no subscription uses.
func (c *Config) DeleteEventType(ctx context.Context, space, name string, match Match) (Rev, error) {
	return remove[*EventType](ctx, c, eventTypeThing(space, name), match, func(s *Snapshot) error {
		t := s.EventType(space, name)
		authorized := t != nil && t.AuthorizerID != ""
		for sub := range s.Subscriptions(space) {
			// Those with "event" need no event type, but they would lose its authorizer.
			if sub.Shape == V09 && sub.EventType == name || authorized && sub.uses(name) {
				return errorf(Invalid, "Event type cannot be deleted because there are subscriptions using it.")
			}
		}
		return nil
	})
}
