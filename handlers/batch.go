package handlers

import (
	"fmt"
	"net/http"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/store"
)

// takeBatch takes all events of a batch, or none, but for a durable queue that fails halfway. Nobody waits for the answers of functions: also those of sync subscriptions get their event later.
func (g *Gateway) takeBatch(a *arrival, body *body) (*invoke.Response, error) {
	events, err := event.FromBatch(a.c.Request, a.path, body.bytes, a.received)
	if err != nil {
		return nil, err
	}
	matches, err := g.matchBatch(a, events)
	if err != nil {
		return nil, err
	}
	if len(events) > 0 {
		g.allowOrigin(a, &matches[0]) // a page sends all of them by one request, which has one answer
	}
	var waits []func()
	defer func() {
		for _, wait := range waits {
			wait()
		}
	}()
	ctx := a.c.Request.Context()
	arrived, permissions, escapes := make([]*invoke.Arrival, len(events)), make([]permission, len(events)), 0
	for i, ev := range events {
		arrived[i] = g.arrived(a, ev, &matches[i])
		permissions[i] = permission{event: ev, match: &matches[i]}
		escapes += ev.Escapes
		wait, err := g.admit(ctx, arrived[i], &matches[i])
		if waits = append(waits, wait); err != nil {
			return nil, err
		}
	}
	if err := body.grow(escapes); err != nil {
		return nil, err
	}
	var later []invoke.Fanout
	for _, p := range g.permit(a, permissions) {
		if p.forbidden(g.Compat) {
			return nil, errNotAuthorized
		}
		later = append(later, p.later...)
	}
	wait, err := g.Dispatcher.Enqueue(ctx, a.snapshot, later...)
	if err != nil {
		return nil, err
	}
	waits = append(waits, wait)
	for _, one := range arrived {
		waits = append(waits, g.Dispatcher.Received(ctx, one))
	}
	return &invoke.Response{Status: http.StatusAccepted}, nil
}

// matchBatch finds where the events of a batch go, all by one snapshot.
func (g *Gateway) matchBatch(a *arrival, events []*event.Event) ([]match, error) {
	matches := make([]match, len(events))
	for snapshot := (*store.Snapshot)(nil); snapshot != a.snapshot; {
		snapshot = a.snapshot
		for i, ev := range events {
			m := &matches[i]
			if err := g.match(a, ev, m); err != nil {
				status, message := g.status(err)
				return nil, statusError(status, fmt.Sprintf("event %d of the batch: %s", i, message))
			}
			if m.Sync != nil {
				m.Async = append([]store.Target{*m.Sync}, m.Async...)
				m.Sync = nil
			}
		}
	}
	return matches, nil
}
