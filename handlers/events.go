package handlers

import (
	"cmp"
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
	if r, err := g.process(c); err != nil {
		g.fail(c, err)
	} else {
		respond(c, r)
	}
}

// process routes one request by one snapshot: async targets are queued, a sync one is called.
func (g *Gateway) process(c *gin.Context) (*invoke.Response, error) {
	received := time.Now()
	snapshot := g.Live.Snapshot()
	if snapshot == nil || g.Draining.Load() {
		c.Header("Connection", "close")
		return nil, statusError(http.StatusServiceUnavailable, unavailableMessage)
	}
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
	r := g.takeRoute()
	defer g.routes.Put(r)
	snapshot.Route(c.Request.Method, path, routeType(ev), r)
	if err := g.acceptable(c.Request.Method, ev, r); err != nil {
		return nil, err
	}
	invoked, isInvoke, err := g.invocable(c, snapshot, ev, path, r)
	if err != nil {
		return nil, err
	}
	g.Metrics.receivedEvent(r)
	if g.Log.Enabled(c.Request.Context(), slog.LevelDebug) {
		g.Log.Debug("an event came in", "id", ev.ID, "type", ev.Type, "method", c.Request.Method, "path", path, "sync", r.Sync != nil, "async", len(r.Async))
	}
	if len(r.Async) > 0 {
		if err := g.Dispatcher.Enqueue(ev, r.Async); err != nil {
			return nil, err
		}
	}
	switch {
	case isInvoke:
		return g.Dispatcher.Invoke(c.Request.Context(), ev, invoked)
	case r.Sync != nil:
		return g.Dispatcher.Call(c.Request.Context(), ev, *r.Sync)
	case ev.Kind == event.Plain && len(r.Async) == 0:
		return nil, errNotFound
	}
	return &invoke.Response{Status: http.StatusAccepted}, nil
}

func (g *Gateway) takeRoute() *store.Route {
	if r, ok := g.routes.Get().(*store.Route); ok {
		return r
	}
	return &store.Route{}
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

// invocable returns the function that an invoke event calls. It is one unless a sync subscription takes the event.
func (g *Gateway) invocable(c *gin.Context, s *store.Snapshot, ev *event.Event, path string, r *store.Route) (store.Target, bool, error) {
	if ev.Kind != event.Named || ev.Type != store.InvokeEvent || r.Sync != nil {
		return store.Target{}, false, nil
	}
	space, id := c.GetHeader("Space"), c.GetHeader("Function-ID")
	if space == "" {
		space = store.DefaultSpace
	}
	if t, ok := s.Invocable(space, id, path); ok {
		return t, true, nil
	}
	if f := s.Function(space, id); f != nil && g.OpenInvoke {
		return store.Target{Function: f}, true, nil
	}
	return store.Target{}, true, statusError(http.StatusNotFound, "function or subscription not found")
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
