package app

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/event-gateway/event-gateway/app/lambda"
	"github.com/event-gateway/event-gateway/handlers"
	"github.com/event-gateway/event-gateway/store"
)

// ConfigPath is where the Config API is in a Lambda that serves both.
const ConfigPath = "/-/config"

// NewLambda returns the gateway as a Lambda. The store is asked when a request needs it, and nothing runs between requests.
func NewLambda(o *Options, log *slog.Logger) (*lambda.Adapter, error) {
	redialed, err := store.NewRedialed(func() (store.Store, error) {
		s, _, err := openStore(context.Background(), o, nil, log)
		return s, err
	})
	if err != nil {
		return nil, err
	}
	open, opened := queueOf(o, log)
	g, err := newGateway(o, redialed, store.RealmsOptions{Frozen: &store.Frozen{MaxStaleness: o.MaxStaleness, Redial: redialed.Redial}}, open, log)
	if err != nil {
		return nil, err
	}
	log.Info("the gateway has started", "role", o.Role, "hosted domains", o.HostedDomains)
	disconnect := g.Dispatcher.Disconnect
	options := lambda.Options{BasePath: o.BasePath, Log: log}
	if q := opened(); q != nil {
		disconnect = func() { g.Dispatcher.Disconnect(); q.Disconnect() }
		options.Queue, options.Consume = q.Name(), q.Consume
	}
	options.Begin = thawed(disconnect)
	return lambda.New(surfaces(g, o.Role), options), nil
}

// wholeIDs encodes the path again that is the end of many a subscription's id: HTTP APIs decode it, and the id is several segments then.
func wholeIDs(h http.Handler) http.Handler {
	const subscriptions = "/subscriptions/"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		before, id, _ := strings.Cut(r.URL.EscapedPath(), subscriptions)
		if start, path, several := strings.Cut(id, "/"); several {
			if decoded, err := url.PathUnescape("/" + path); err == nil {
				r = r.Clone(r.Context())
				r.URL.RawPath = before + subscriptions + start + url.PathEscape(decoded)
				r.URL.Path, _ = url.PathUnescape(r.URL.RawPath)
			}
		}
		h.ServeHTTP(w, r)
	})
}

// maxIdle is how long a connection to a function may be unused while the process is frozen. Many servers give up after five seconds.
const maxIdle = 4 * time.Second

// thawed returns what begins an invocation, and returns what ends it. It drops the connections that were unused for too long by the wall clock: timers do not run in a process that is
// frozen, and a POST on a connection that turns out to be dead cannot be sent again.
func thawed(disconnect func()) (begin func() (end func())) {
	var last atomic.Int64 // when an invocation ended, in ns since 1970
	end := func() { last.Store(time.Now().UnixNano()) }
	return func() func() {
		if idle := time.Duration(time.Now().UnixNano() - last.Load()); idle < 0 || idle > maxIdle {
			disconnect()
		}
		return end
	}
}

// surfaces returns the handler that a role names.
func surfaces(g *handlers.Gateway, role string) http.Handler {
	switch role {
	case "events":
		return g.Router(handlers.Events)
	case "config":
		return wholeIDs(g.Router(handlers.Config))
	}
	events, config := g.Router(handlers.Events), http.StripPrefix(ConfigPath, wholeIDs(g.Router(handlers.Config)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := r.URL.EscapedPath(); path == ConfigPath || strings.HasPrefix(path, ConfigPath+"/") {
			config.ServeHTTP(w, r)
		} else {
			events.ServeHTTP(w, r)
		}
	})
}
