package handlers

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/store"
)

// errNotAuthorized has a body, unlike in 2018: the SDKs of that year end their process if it is empty.
var errNotAuthorized = statusError(http.StatusForbidden, "The event was not authorized.")

const (
	// maxAsking is how long the authorizers of a request may take together.
	maxAsking = 15 * time.Second
	// askingAtOnce is how many of them are asked at once.
	askingAtOnce = 32
)

// permission is what the authorizers of event types leave of the targets of an event. A target gets the event with what the authorizer of its own space says of the sender.
type permission struct {
	event *event.Event
	match *match

	now     *event.Event    // for the target whose answer the sender waits for; nil if it may not have it
	later   []invoke.Fanout // for the async targets
	refused bool            // to any target
}

// forbidden says whether the sender is told that the event was refused: nobody gets it, or not the one whose answer is waited for. In 2018 those who sent async events were not.
func (p *permission) forbidden(compat bool) bool {
	if p.match.caller() != nil {
		return p.now == nil
	}
	return p.refused && len(p.later) == 0 && !compat
}

// permit asks the authorizers of all event types of the targets of some events: each once for an event.
func (g *Gateway) permit(a *arrival, all []permission) []permission {
	snapshot, answers := a.snapshot, g.ask(a, all)
	for i := range all {
		p := &all[i]
		permitted := func(t store.Target) *event.Event {
			if _, _, wanted := snapshot.AuthorizerOf(t); wanted {
				return answers[question{p.event, t.Space(), t.EventType()}]
			}
			return p.event
		}
		if t := p.match.caller(); t != nil {
			p.now = permitted(*t)
			p.refused = p.now == nil
		}
		p.addLater(permitted)
	}
	return all
}

// grant lets the event go to all targets.
func (p *permission) grant() {
	p.now = p.event
	if len(p.match.Async) > 0 {
		p.later = []invoke.Fanout{{Event: p.event, Targets: p.match.Async}}
	}
}

// addLater sorts the async targets by the event that they get.
func (p *permission) addLater(permitted func(store.Target) *event.Event) {
	places := map[*event.Event]int{}
	for _, t := range p.match.Async {
		ev := permitted(t)
		if ev == nil {
			p.refused = true
			continue
		}
		i, found := places[ev]
		if !found {
			i = len(p.later)
			places[ev] = i
			p.later = append(p.later, invoke.Fanout{Event: ev})
		}
		p.later[i].Targets = append(p.later[i].Targets, t)
	}
}

// question is what an authorizer is asked: whether an event may go to the targets of a space.
type question struct {
	event            *event.Event
	space, eventType string
}

// ask asks the authorizers, some at once, and returns the events as they may go out.
func (g *Gateway) ask(a *arrival, all []permission) map[question]*event.Event {
	request, path := a.c.Request, a.path
	ctx, cancel := context.WithTimeout(request.Context(), maxAsking)
	defer cancel()
	answers := map[question]*event.Event{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	atOnce := make(chan struct{}, askingAtOnce)
	for _, p := range all {
		for _, t := range p.match.targets {
			f, id, wanted := a.snapshot.AuthorizerOf(t)
			q := question{p.event, t.Space(), t.EventType()}
			if !wanted {
				continue
			}
			mu.Lock()
			_, asked := answers[q]
			if !asked {
				answers[q] = nil
			}
			mu.Unlock()
			switch {
			case asked:
			case f == nil:
				g.Log.Error("an event was not authorized: the authorizer's record cannot be read", "space", q.space, "authorizer", id, "event", p.event.ID, "type", p.event.Type)
			default:
				r := asker(request, f.Space, p.match.caller())
				atOnce <- struct{}{}
				wg.Go(func() {
					defer func() { <-atOnce }()
					ev, _ := g.Dispatcher.Authorize(ctx, f, p.event, r, path, t) // it logs why not
					mu.Lock()
					defer mu.Unlock()
					answers[q] = ev
				})
			}
		}
	}
	wg.Wait()
	return answers
}

// asker returns the request that an authorizer sees. Credentials are for the space that answers the request: another one's authorizer does not get them.
func asker(r *http.Request, space string, caller *store.Target) *http.Request {
	if caller == nil || caller.Space() == space {
		return r
	}
	stripped := *r
	stripped.Header = make(http.Header, len(r.Header))
	for name, values := range r.Header {
		if !event.Credentials(name) {
			stripped.Header[name] = values
		}
	}
	return &stripped
}
