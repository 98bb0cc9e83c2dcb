package handlers

import (
	"net/http"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/store"
)

// errNotAuthorized has a body, unlike in 2018: the SDKs of that year end their process if it is empty.
var errNotAuthorized = statusError(http.StatusForbidden, "The event was not authorized.")

// permission is what the authorizers of event types leave of the targets of an event. A target gets the event with what the authorizer of its own space says of the sender.
type permission struct {
	now     *event.Event    // for the target whose answer the sender waits for; nil if it may not have it
	later   []invoke.Fanout // for the async targets
	refused bool            // to any target
}

// taken says whether any target gets the event.
func (p *permission) taken() bool { return p.now != nil || len(p.later) > 0 }

// permit asks the authorizers of the targets' event types, each once.
func (g *Gateway) permit(a *arrival, ev *event.Event, m *match) permission {
	q := question{g: g, a: a, event: ev}
	var p permission
	if t := m.caller(); t != nil {
		p.now = q.permitted(*t)
		p.refused = p.now == nil
	}
	if !q.needed(m.Async) {
		if len(m.Async) > 0 {
			p.later = []invoke.Fanout{{Event: ev, Targets: m.Async}}
		}
		return p
	}
	places := map[*event.Event]int{}
	for _, t := range m.Async {
		permitted := q.permitted(t)
		if permitted == nil {
			p.refused = true
			continue
		}
		i, found := places[permitted]
		if !found {
			i = len(p.later)
			places[permitted] = i
			p.later = append(p.later, invoke.Fanout{Event: permitted})
		}
		p.later[i].Targets = append(p.later[i].Targets, t)
	}
	return p
}

// question is an event that authorizers are asked about.
type question struct {
	g       *Gateway
	a       *arrival
	event   *event.Event
	answers map[subject]*event.Event
}

// subject is an event type of a space.
type subject struct{ space, eventType string }

// needed says whether any of the targets has an authorizer.
func (q *question) needed(targets []store.Target) bool {
	for _, t := range targets {
		if _, _, wanted := q.a.snapshot.Authorizer(t.Space(), t.EventType()); wanted {
			return true
		}
	}
	return false
}

// permitted returns the event as t may have it, or nil if it may not.
func (q *question) permitted(t store.Target) *event.Event {
	f, id, wanted := q.a.snapshot.Authorizer(t.Space(), t.EventType())
	if !wanted {
		return q.event
	}
	about := subject{t.Space(), t.EventType()}
	if ev, asked := q.answers[about]; asked {
		return ev
	}
	var ev *event.Event
	if f != nil {
		ev, _ = q.g.Dispatcher.Authorize(q.a.c.Request.Context(), f, q.event, q.a.c.Request, q.a.path, t) // it logs why not
	} else {
		q.g.Log.Error("an event was not authorized: the authorizer's record cannot be read", "space", t.Space(), "authorizer", id, "event", q.event.ID, "type", q.event.Type)
	}
	if q.answers == nil {
		q.answers = map[subject]*event.Event{}
	}
	q.answers[about] = ev
	return ev
}
