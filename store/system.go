package store

import (
	"strings"

	"github.com/event-gateway/event-gateway/invoke/event"
)

// What the names of system events begin with, in each shape.
const (
	seedSystem = "gateway."
	v09System  = "eventgateway."
)

// HasSystem says whether anybody is subscribed to a system event.
func (s *Snapshot) HasSystem() bool { return s.system.Len() > 0 }

// System appends the targets of a system event of a space to targets. Its name is without what it begins with in either shape:
// "function.invoked". In 2018 it went to all spaces, and does so with -compat where they share one realm.
func (s *Snapshot) System(name, space string, targets []Target) []Target {
	if !s.HasSystem() {
		return targets
	}
	prefix := systemKey(name, space, "")
	if s.rules.compat && s.Realm == Shared {
		prefix = name + "/"
	}
	s.system.Ascend(prefix, func(key string, sub *Subscription) bool {
		if !strings.HasPrefix(key, prefix) {
			return false
		}
		targets = append(targets, Target{Subscription: sub, Function: get[*Function](s, sub.function)})
		return true
	})
	return targets
}

// systemKey orders the subscriptions to system events by event, then by space: many spaces on one event are no long list anywhere.
func systemKey(name, space, id string) string { return name + "/" + subscriptionKey(space, id) }

// systemEvent returns the name, without what it begins with, of the system event that the subscription gets, or "". Those events go out
// on the path "/" and with POST, to nobody who waits.
func (s *Subscription) systemEvent() string {
	prefix := seedSystem
	if s.Shape == V09 {
		if s.Sync || s.Method != "POST" {
			return ""
		}
		prefix = v09System
	}
	name, ok := strings.CutPrefix(s.EventType, prefix)
	if !ok || s.Path != "/" {
		return ""
	}
	return name
}

// checkSystem refuses a new subscription to an event with a reserved name that the gateway never sends. In 2018 it just got nothing.
func (r *Rules) checkSystem(s *Subscription) error {
	if r.compat || !event.Reserved(s.EventType) {
		return nil
	}
	prefix, member := seedSystem, "event"
	if s.Shape == V09 {
		prefix, member = v09System, "eventType"
	}
	names := []string{event.Received, event.Invoking, event.Invoked, event.InvocationFailed, event.Dropped}
	for i, name := range names {
		names[i] = prefix + name
		if names[i] != s.EventType {
			continue
		}
		switch {
		case s.Sync:
			return errorf(Invalid, "Subscription doesn't validate. Validation error: nobody waits for the answer to a system event: type must be async")
		case s.systemEvent() == "":
			return errorf(Invalid, "Subscription doesn't validate. Validation error: system events go out with POST on the path /: no other subscription gets them")
		}
		return nil
	}
	return errorf(Invalid, "Subscription doesn't validate. Validation error: %s is %q: such names are reserved for system events, which are %s",
		member, s.EventType, strings.Join(names, ", "))
}
