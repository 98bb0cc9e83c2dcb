package handlers

import (
	"cmp"
	"net/http"

	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/store"
)

// match is where an event goes: to the targets of a route or, if it is an invoke event, to one function. It may be used again.
type match struct {
	store.Route
	invoke   bool
	function store.Target
	targets  []store.Target // all of them
}

func (g *Gateway) takeMatch() *match {
	if m, ok := g.matches.Get().(*match); ok {
		return m
	}
	return &match{}
}

// caller returns the target whose answer the sender waits for, or nil.
func (m *match) caller() *store.Target {
	switch {
	case m.Sync != nil:
		return m.Sync
	case m.function.Function != nil:
		return &m.function
	}
	return nil
}

func (m *match) nothing() bool { return len(m.targets) == 0 }

// reset forgets what was matched before.
func (m *match) reset() {
	m.Sync, m.Async, m.targets = nil, m.Async[:0], m.targets[:0]
	m.invoke, m.function = false, store.Target{}
}

// collect fills targets.
func (m *match) collect() {
	m.targets = m.targets[:0]
	if t := m.caller(); t != nil {
		m.targets = append(m.targets, *t)
	}
	m.targets = append(m.targets, m.Async...)
}

// match finds where an event goes, and says if it may not go there. Where there is nothing it looks once more, if the configuration may be an old one.
func (g *Gateway) match(a *arrival, ev *event.Event, m *match) error {
	err := g.matchIn(a, ev, m)
	if m.nothing() {
		if newer := a.use.Newer(a.c.Request.Context(), a.snapshot); newer != nil {
			a.snapshot = newer
			err = g.matchIn(a, ev, m)
		}
	}
	return err
}

func (g *Gateway) matchIn(a *arrival, ev *event.Event, m *match) (err error) {
	method := a.c.Request.Method
	a.snapshot.Route(method, a.path, routeType(ev), &m.Route)
	m.invoke, m.function = false, store.Target{}
	if g.Compat && ev.Kind == event.Plain && m.Sync == nil && len(m.Async) == 0 {
		g.matchPreflight(a, m)
	}
	defer m.collect()
	if err := g.acceptable(method, ev, &m.Route); err != nil {
		return err
	}
	// An invoke event calls a function unless a sync subscription takes it.
	if ev.Kind == event.Named && ev.Type == store.InvokeEvent && m.Sync == nil {
		m.invoke = true
		m.function, err = g.invocable(a)
	}
	return err
}

// matchPreflight gives a preflight that nothing else answers to the function that it asks about, as in 2018.
func (g *Gateway) matchPreflight(a *arrival, m *match) {
	method, ok := preflightMethod(a.c.Request)
	if !ok {
		return
	}
	a.snapshot.Route(method, a.path, store.Plain, &m.Route)
	if m.Async = m.Async[:0]; m.Sync != nil && m.Sync.Subscription.Shape != store.Seed {
		m.Sync = nil
	}
}

// routeType is the type of event that the route table is asked for.
func routeType(ev *event.Event) string {
	if ev.Kind == event.Plain {
		return store.Plain
	}
	return ev.Type
}

// acceptable says what else makes a request a bad one, now that its targets are known.
func (g *Gateway) acceptable(method string, ev *event.Event, r *store.Route) error {
	// Only subscriptions in the shape of 0.9 can match a custom event that is not sent with POST.
	if ev.Kind == event.Named && method != http.MethodPost && r.Sync == nil && len(r.Async) == 0 {
		return statusError(http.StatusBadRequest, "custom event can be emitted only with POST method")
	}
	lenient := g.Compat && r.Sync != nil && r.Sync.Subscription.Shape == store.V09
	if ev.Malformed && !lenient {
		return statusError(http.StatusBadRequest, "malformed JSON body")
	}
	return nil
}

// invocable returns the function that an invoke event names. In shared mode it may be in any space.
func (g *Gateway) invocable(a *arrival) (store.Target, error) {
	id := a.c.GetHeader("Function-ID")
	space := cmp.Or(a.space, a.c.GetHeader("Space"), store.DefaultSpace)
	if t, ok := a.snapshot.Invocable(space, id, a.path); ok {
		return t, nil
	}
	if f := a.snapshot.Function(space, id); f != nil && g.OpenInvoke {
		return store.Target{Function: f}, nil
	}
	return store.Target{}, statusError(http.StatusNotFound, "function or subscription not found")
}
