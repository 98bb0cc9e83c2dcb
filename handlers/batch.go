package handlers

import (
	"net/http"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/store"
)

// takeBatch takes all events of a batch, or none. Nobody waits for the answers of functions: also those of sync subscriptions get their event later.
func (g *Gateway) takeBatch(a *arrival, body []byte) (*invoke.Response, error) {
	events, err := event.FromBatch(a.c.Request, a.path, body, a.received)
	if err != nil {
		return nil, err
	}
	matches := make([]match, len(events))
	for i, ev := range events {
		m := &matches[i]
		if err := g.match(a, ev, m); err != nil {
			return nil, err
		}
		if m.Sync != nil {
			m.Async = append([]store.Target{*m.Sync}, m.Async...)
			m.Sync = nil
		}
		if i == 0 {
			g.allowOrigin(a, ev, m) // a page sends all of them by one request, which has one answer
		}
	}
	var waits []func()
	defer func() {
		for _, wait := range waits {
			wait()
		}
	}()
	var later []invoke.Fanout
	for i, ev := range events {
		wait, err := g.admit(a, ev, &matches[i])
		waits = append(waits, wait)
		if err != nil {
			return nil, err
		}
		p := g.permit(a, ev, &matches[i])
		if p.refused && !p.taken() && !g.Compat {
			return nil, errNotAuthorized
		}
		later = append(later, p.later...)
	}
	for i, ev := range events {
		waits = append(waits, g.tellReceived(a, ev, &matches[i]))
	}
	if len(later) > 0 {
		wait, err := g.Dispatcher.Enqueue(a.c.Request.Context(), a.snapshot, later...)
		if err != nil {
			return nil, err
		}
		waits = append(waits, wait)
	}
	return &invoke.Response{Status: http.StatusAccepted}, nil
}
