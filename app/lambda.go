package app

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

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
	g, err := newGateway(o, redialed, &store.Frozen{MaxStaleness: o.MaxStaleness, Redial: redialed.Redial}, log)
	if err != nil {
		return nil, err
	}
	return lambda.New(surfaces(g, o.Role), lambda.Options{BasePath: o.BasePath, Log: log}), nil
}

// surfaces returns the handler that a role names.
func surfaces(g *handlers.Gateway, role string) http.Handler {
	switch role {
	case "events":
		return g.Router(handlers.Events)
	case "config":
		return g.Router(handlers.Config)
	}
	events, config := g.Router(handlers.Events), http.StripPrefix(ConfigPath, g.Router(handlers.Config))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == ConfigPath || strings.HasPrefix(r.URL.Path, ConfigPath+"/") {
			config.ServeHTTP(w, r)
		} else {
			events.ServeHTTP(w, r)
		}
	})
}
