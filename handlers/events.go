package handlers

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
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

// process routes one request by one snapshot: async targets are queued, a sync one is called.
func (g *Gateway) process(c *gin.Context) (*invoke.Response, error) {
	received := time.Now()
	space, err := g.space(c.Request)
	if err != nil {
		return nil, err
	}
	use, err := g.begin(c, space)
	if err != nil {
		return nil, err
	}
	defer use.End()
	// RawPath is what was sent, if that is not how Go would write it; EscapedPath would then write it anew and lose a %2F.
	path, err := route.Canonical(cmp.Or(c.Request.URL.RawPath, c.Request.URL.EscapedPath()))
	if err != nil {
		return nil, statusError(http.StatusBadRequest, "Bad request: "+err.Error()+".")
	}
	body, err := readBody(c, maxEventBody)
	if err != nil {
		return nil, err
	}
	ev, err := event.FromRequest(c.Request, path, body, received)
	if err != nil {
		return nil, err
	}
	m := g.takeMatch()
	defer g.matches.Put(m)
	snapshot := use.Snapshot()
	err = g.match(c, snapshot, ev, path, space, m)
	if m.nothing() {
		if newer := use.Newer(c.Request.Context(), snapshot); newer != nil {
			err = g.match(c, newer, ev, path, space, m)
		}
	}
	if err != nil {
		return nil, err
	}
	g.Metrics.receivedEvent(&m.Route)
	if g.Log.Enabled(c.Request.Context(), slog.LevelDebug) {
		g.Log.Debug("an event came in", "id", ev.ID, "type", ev.Type, "method", c.Request.Method, "path", path, "sync", m.Sync != nil, "async", len(m.Async))
	}
	return g.dispatch(c, ev, m)
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

// match is where an event goes: to the targets of a route or, if it is an invoke event, to one function.
type match struct {
	store.Route
	invoke   bool
	function store.Target
}

func (m *match) nothing() bool {
	return m.Sync == nil && len(m.Async) == 0 && m.function.Function == nil
}

// match finds where an event goes in a snapshot, and says if it may not go there.
func (g *Gateway) match(c *gin.Context, s *store.Snapshot, ev *event.Event, path, space string, m *match) (err error) {
	s.Route(c.Request.Method, path, routeType(ev), &m.Route)
	m.invoke, m.function = false, store.Target{}
	if err := g.acceptable(c.Request.Method, ev, &m.Route); err != nil {
		return err
	}
	// An invoke event calls a function unless a sync subscription takes it.
	if ev.Kind == event.Named && ev.Type == store.InvokeEvent && m.Sync == nil {
		m.invoke = true
		m.function, err = g.invocable(c, s, path, space)
	}
	return err
}

// dispatch sends an event on its way, and returns the answer to its sender.
func (g *Gateway) dispatch(c *gin.Context, ev *event.Event, m *match) (*invoke.Response, error) {
	ctx := c.Request.Context()
	if len(m.Async) > 0 {
		wait, err := g.Dispatcher.Enqueue(ctx, ev, m.Async)
		if err != nil {
			return nil, err
		}
		defer wait()
	}
	switch {
	case m.invoke:
		return g.Dispatcher.Invoke(ctx, ev, m.function)
	case m.Sync != nil:
		return g.Dispatcher.Call(ctx, ev, *m.Sync)
	case ev.Kind == event.Plain && len(m.Async) == 0:
		return nil, errNotFound
	}
	return &invoke.Response{Status: http.StatusAccepted}, nil
}

func (g *Gateway) takeMatch() *match {
	if m, ok := g.matches.Get().(*match); ok {
		return m
	}
	return &match{}
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
func (g *Gateway) invocable(c *gin.Context, s *store.Snapshot, path, space string) (store.Target, error) {
	id := c.GetHeader("Function-ID")
	space = cmp.Or(space, c.GetHeader("Space"), store.DefaultSpace)
	if t, ok := s.Invocable(space, id, path); ok {
		return t, nil
	}
	if f := s.Function(space, id); f != nil && g.OpenInvoke {
		return store.Target{Function: f}, nil
	}
	return store.Target{}, statusError(http.StatusNotFound, "function or subscription not found")
}

// respond writes a function's response.
func respond(c *gin.Context, r *invoke.Response) {
	header := c.Writer.Header()
	for name, values := range r.Header {
		header[name] = values
	}
	c.Status(r.Status)
	if len(r.Body) == 0 || r.Status == http.StatusNoContent || r.Status == http.StatusNotModified {
		c.Writer.WriteHeaderNow()
		return
	}
	_, _ = c.Writer.Write(r.Body)
}
