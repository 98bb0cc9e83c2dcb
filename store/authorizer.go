package store

import (
	"strings"

	"github.com/event-gateway/event-gateway/invoke/event"
)

// Authorizer returns the function that authorizes events of a type in a space, with its id. wanted is false if none is asked. Is it true
// and f nil, then the record of the type or of the function cannot be read: such events must not pass. System events always do.
func (s *Snapshot) Authorizer(space, eventType string) (f *Function, id string, wanted bool) {
	if s.authorizing == 0 || event.Reserved(eventType) {
		return nil, "", false
	}
	rec, _ := s.items.Get(eventTypeKey(space, eventType))
	switch t := rec.(type) {
	case *quarantined:
		return nil, "", true
	case *EventType:
		if t.AuthorizerID != "" {
			return s.Function(space, t.AuthorizerID), t.AuthorizerID, true
		}
	}
	return nil, "", false
}

// AuthorizerOf returns what Authorizer does for the event type of a target. A plain HTTP request is an http.request to subscriptions of either shape; those with "event" know
// it as http, too.
func (s *Snapshot) AuthorizerOf(t Target) (f *Function, id string, wanted bool) {
	f, id, wanted = s.Authorizer(t.Space(), t.EventType())
	if !wanted && t.Subscription != nil && t.Subscription.plain() {
		return s.Authorizer(t.Space(), HTTPRequest)
	}
	return f, id, wanted
}

// HasAuthorizers says whether events of any type need authorization.
func (s *Snapshot) HasAuthorizers() bool { return s.authorizing > 0 }

// authorizing says whether an item is an event type that has an authorizer or, as it cannot be read, may have one.
func authorizing(key string, rec any) bool {
	switch t := rec.(type) {
	case *EventType:
		return t.AuthorizerID != ""
	case *quarantined:
		return strings.HasPrefix(key, eventTypeKind+"/")
	}
	return false
}

// authorizerExists says whether the authorizer of an event type, if it has one, is a function of its space.
func (s *Snapshot) authorizerExists(t *EventType) error {
	if t.AuthorizerID == "" || s.Function(t.Space, t.AuthorizerID) != nil {
		return nil
	}
	return errorf(Invalid, "Authorizer function doesn't exists.")
}

// authorizesNothing says whether a function is not the authorizer of any event type.
func (s *Snapshot) authorizesNothing(space, id string) error {
	if s.authorizing == 0 {
		return nil
	}
	for t := range s.EventTypes(space) {
		if t.AuthorizerID == id {
			return errorf(Invalid, "Function %s cannot be deleted because is used as an authorizer for %s event type.", id, t.Name)
		}
	}
	return nil
}
