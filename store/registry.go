package store

import "iter"

// RegisteredType is an event type as the registry shows it: with how many subscriptions of its space have its name. Both are of one snapshot.
type RegisteredType struct {
	*EventType
	Subscriptions *int `json:"subscriptions,omitempty"` // nil with -compat, where objects look as in 2018
}

// RegisteredTypes returns the event types of a space in the order of their names. However many they are, the subscriptions are counted once.
func (s *Snapshot) RegisteredTypes(space string) iter.Seq[RegisteredType] {
	return func(yield func(RegisteredType) bool) {
		uses := map[string]int{}
		if !s.rules.compat {
			for sub := range s.Subscriptions(space) {
				uses[sub.EventType]++
				if sub.EventType != HTTPRequest && sub.uses(HTTPRequest) {
					uses[HTTPRequest]++
				}
			}
		}
		for t := range s.EventTypes(space) {
			if !yield(s.registered(t, uses[t.Name])) {
				return
			}
		}
	}
}

// registeredType returns an event type, or one that is nil.
func (s *Snapshot) registeredType(space, name string) RegisteredType {
	t, uses := s.EventType(space, name), 0
	if t == nil {
		return RegisteredType{}
	}
	if !s.rules.compat {
		for sub := range s.Subscriptions(space) {
			if sub.uses(name) {
				uses++
			}
		}
	}
	return s.registered(t, uses)
}

func (s *Snapshot) registered(t *EventType, uses int) RegisteredType {
	if s.rules.compat {
		return RegisteredType{EventType: t}
	}
	return RegisteredType{EventType: t, Subscriptions: &uses}
}
