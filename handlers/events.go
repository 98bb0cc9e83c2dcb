package handlers

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/route"
)

// receive takes whatever comes to the Events API. It ends in respond or in fail, and nowhere else.
func (g *Gateway) receive(c *gin.Context) {
	r, err := g.process(c)
	if err != nil {
		g.fail(c, err)
		return
	}
	if g.Hosts != nil {
		keepCookies(r.Header, c.Request.Host)
	}
	respond(c, r)
}

// arrival is a request to the Events API, and the one snapshot that it is routed by.
type arrival struct {
	c        *gin.Context
	use      store.Use
	snapshot *store.Snapshot
	space    string // that the host stands for; "" in shared mode
	path     string // canonical
	received time.Time
}

// process routes one request by one snapshot: async targets are queued, a sync one is called.
func (g *Gateway) process(c *gin.Context) (*invoke.Response, error) {
	a := arrival{c: c, received: time.Now()}
	var err error
	if a.space, err = g.space(c.Request); err != nil {
		return nil, err
	}
	if a.use, err = g.begin(c, a.space); err != nil {
		return nil, err
	}
	defer a.use.End()
	// RawPath is what was sent, if that is not how Go would write it; EscapedPath would then write it anew and lose a %2F.
	if a.path, err = route.Canonical(cmp.Or(c.Request.URL.RawPath, c.Request.URL.EscapedPath())); err != nil {
		return nil, statusError(http.StatusBadRequest, "Bad request: "+err.Error()+".")
	}
	a.snapshot = a.use.Snapshot()
	if r := g.preflight(&a); r != nil {
		return r, nil
	}
	body, err := g.bodies.read(c, maxEventBody)
	if err != nil {
		return nil, err
	}
	defer body.end()
	if event.IsBatch(c.Request.Header) {
		return g.takeBatch(&a, &body)
	}
	return g.take(&a, &body)
}

// take takes the one event that a request brings.
func (g *Gateway) take(a *arrival, body *body) (*invoke.Response, error) {
	m := g.takeMatch()
	defer g.matches.Put(m)
	ev, err := g.parse(a, body, m)
	decided := g.allowOrigin(a, m)
	if err != nil {
		return nil, err
	}
	r, err := g.dispatch(a, ev, m)
	if decided && err == nil {
		onlyOurs(r.Header)
	}
	return r, err
}

// parse reads the one event of a request and finds where it goes. The match has the targets also of an event that may not go there.
func (g *Gateway) parse(a *arrival, body *body, m *match) (*event.Event, error) {
	m.reset()
	ev, err := event.FromRequest(a.c.Request, a.path, body.bytes, a.received)
	if err != nil {
		return nil, err
	}
	if err := body.grow(ev.Escapes); err != nil {
		return nil, err
	}
	return ev, g.match(a, ev, m)
}

// begin returns the realm that the request is for.
func (g *Gateway) begin(c *gin.Context, space string) (store.Use, error) {
	realm, err := g.Realms.Of(space)
	if err != nil {
		return store.Use{}, errNotFound
	}
	if g.Draining.Load() {
		return store.Use{}, unavailable(c, nil)
	}
	use, err := g.Realms.Begin(c.Request.Context(), realm)
	var config *store.Error
	switch {
	case errors.As(err, &config) && config.Code == store.NotFound:
		return use, errNotFound
	case err != nil:
		return use, unavailable(c, err)
	}
	return use, nil
}

func unavailable(c *gin.Context, cause error) error {
	c.Header("Connection", "close")
	return &requestError{http.StatusServiceUnavailable, unavailableMessage, cause}
}

// dispatch sends an event on its way, and returns the answer to its sender.
func (g *Gateway) dispatch(a *arrival, ev *event.Event, m *match) (*invoke.Response, error) {
	ctx := a.c.Request.Context()
	arrived := g.arrived(a, ev, m)
	wait, err := g.admit(ctx, arrived, m)
	defer wait()
	if err != nil {
		return nil, err
	}
	p := permission{event: ev, match: m}
	if a.snapshot.HasAuthorizers() {
		p = g.permit(a, []permission{p})[0]
	} else {
		p.grant()
	}
	if len(p.later) > 0 {
		wait, err := g.Dispatcher.Enqueue(ctx, a.snapshot, p.later...)
		if err != nil {
			return nil, err
		}
		defer wait()
	}
	if p.forbidden(g.Compat) {
		return nil, errNotAuthorized
	}
	told := g.Dispatcher.Received(ctx, arrived)
	defer told()
	switch {
	case m.invoke:
		return g.Dispatcher.Invoke(ctx, a.snapshot, p.now, m.function)
	case m.Sync != nil:
		return g.Dispatcher.Call(ctx, a.snapshot, p.now, *m.Sync)
	case ev.Kind == event.Plain && len(m.Async) == 0:
		return nil, errNotFound
	}
	return &invoke.Response{Status: http.StatusAccepted}, nil
}

// arrived returns what the dispatcher has to know of an event.
func (g *Gateway) arrived(a *arrival, ev *event.Event, m *match) *invoke.Arrival {
	return &invoke.Arrival{
		Event: ev, Snapshot: a.snapshot, Targets: m.targets, Space: cmp.Or(a.space, store.DefaultSpace), Path: a.path, Header: a.c.Request.Header,
	}
}

// admit says whether an event is part of a loop. wait has to be called before the sender is answered.
func (g *Gateway) admit(ctx context.Context, arrived *invoke.Arrival, m *match) (wait func(), err error) {
	g.Metrics.receivedEvent(&m.Route)
	if ev := arrived.Event; g.Log.Enabled(ctx, slog.LevelDebug) {
		g.Log.Debug("an event came in", "id", ev.ID, "type", ev.Type, "path", arrived.Path, "sync", m.Sync != nil, "async", len(m.Async))
	}
	if len(arrived.Targets) == 0 && !arrived.Snapshot.HasSystem() {
		return func() {}, nil // nothing follows from it
	}
	return g.Dispatcher.Admit(ctx, arrived)
}

// respond writes a function's response.
func respond(c *gin.Context, r *invoke.Response) {
	header := c.Writer.Header()
	for name, values := range r.Header {
		if name == "Vary" { // what caches have to know for our sake stays
			values = append(slices.Clip(values), header[name]...)
		}
		header[name] = values
	}
	c.Status(r.Status)
	if len(r.Body) == 0 || r.Status == http.StatusNoContent || r.Status == http.StatusNotModified {
		c.Writer.WriteHeaderNow()
		return
	}
	_, _ = c.Writer.Write(r.Body)
}
