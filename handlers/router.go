// Package handlers is the HTTP side of the gateway: the router of both surfaces, one file a resource. It is the only package that
// knows gin.
package handlers

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/cors"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
)

// Surface is one of the two HTTP APIs.
type Surface int

const (
	Events Surface = iota // takes events and requests, for anybody
	Config                // reads and changes the configuration, for operators
)

// Gateway is what the router serves.
type Gateway struct {
	Realms     *store.Realms
	Dispatcher *invoke.Dispatcher
	Metrics    *Metrics
	Registry   *prometheus.Registry
	Log        *slog.Logger

	// Token has to be sent to the Config API. If it is empty and Identity is, too, the API is for this machine only.
	Token string
	// Identity lets callers of this kind use the Config API without the token: IAM, JWT, Lambda, or "" for none. Lambda only.
	Identity string
	// Compat makes the gateway answer as in 2018.
	Compat bool
	// OpenInvoke lets an invoke event reach every function of a space, without a subscription.
	OpenInvoke bool
	// Hosts says which host stands for which space, in hosted mode.
	Hosts Hosts
	// Draining says that the gateway is about to end: it takes no more events.
	Draining atomic.Bool

	bodies  *bodies
	open    *cors.Cors // for requests with an Event header
	matches sync.Pool  // of *match
}

// Router returns the handler of the given surfaces. Users' routes are not gin's: they live in the snapshot, behind NoRoute.
func (g *Gateway) Router(surfaces ...Surface) http.Handler {
	gin.SetMode(gin.ReleaseMode) // else gin prints to the standard output
	r := gin.New()
	r.Use(g.recoverPanic, closeChunked)
	// Ids are put into paths raw or percent-encoded: find tries both.
	r.UseRawPath, r.UnescapePathValues, r.RedirectTrailingSlash = true, false, false
	_ = r.SetTrustedProxies(nil) // a client's address is where its connection comes from, whatever its headers say

	if slices.Contains(surfaces, Config) {
		r.HandleMethodNotAllowed = true
		r.NoMethod(g.guard, func(c *gin.Context) { g.fail(c, statusError(http.StatusMethodNotAllowed, "method not allowed")) })
		r.NoRoute(g.guard, func(c *gin.Context) { g.fail(c, errNotFound) })

		local := r.Group("/", g.guardBrowsers)
		local.GET("/healthz", g.healthy)
		local.GET("/readyz", g.ready)
		local.GET("/v1/status", g.healthy)

		metrics := gin.WrapH(promhttp.HandlerFor(g.Registry, promhttp.HandlerOpts{}))
		r.GET("/metrics", g.guard, metrics)
		r.GET("/v1/metrics", g.guard, metrics)

		space := r.Group("/v1/spaces/:space", g.guard, g.onlyJSON)
		serve(g, space, "function", functions())
		serve(g, space, "subscription", subscriptions())
		serve(g, space, "eventtype", eventTypes())
		serve(g, space, "cors", corsRecords())
	}
	if slices.Contains(surfaces, Events) {
		g.bodies, g.open = newBodies(), openPolicy(g.Compat)
		r.NoRoute(g.receive)
	}
	return r
}

// serve adds the five routes of a resource.
func serve[R any](g *Gateway, space *gin.RouterGroup, name string, res resource[R]) {
	h := &resourceHandler[R]{g, name, res}
	all := "/" + strings.ToLower(res.plural)
	space.GET(all, h.counted("list", h.list))
	space.POST(all, h.counted("create", h.create))
	space.GET(all+"/:id", h.counted("get", h.get))
	space.PUT(all+"/:id", h.counted("update", h.update))
	space.DELETE(all+"/:id", h.counted("delete", h.delete))
}

// recoverPanic makes a 500 of a panic; nothing else comes of it.
func (g *Gateway) recoverPanic(c *gin.Context) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler {
			panic(p)
		}
		g.Log.Error("a panic ended a request", "method", c.Request.Method, "panic", p, "stack", string(debug.Stack()))
		if !c.Writer.Written() {
			g.fail(c, fmt.Errorf("panic: %v", p))
		}
	}()
	c.Next()
}

// closeChunked ends the connection after each chunked HTTP/1 request: net/http would keep it open after one that has a Content-Length as well, behind which another
// proxy may see a second request. Of HTTP/1.0, net/http does not tell whether there was a Transfer-Encoding. HTTP/2 has none, but a request may only call itself so.
func closeChunked(c *gin.Context) {
	if len(c.Request.TransferEncoding) > 0 || !c.Request.ProtoAtLeast(1, 1) {
		c.Header("Connection", "close")
	}
}
