package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/etcd"
	"github.com/event-gateway/event-gateway/store/memory"
)

// StartEmbedded starts a database in this process and returns the URL of the store in it. It is handed to New by binaries that have one.
type StartEmbedded func(ctx context.Context, o *Options, log *slog.Logger) (storeURL string, stop func(), err error)

// openStore is the one switch over the kinds of stores. stop ends what it started.
func openStore(ctx context.Context, o *Options, embedded StartEmbedded, log *slog.Logger) (s store.Store, stop func(), err error) {
	stop = func() {}
	raw := o.Store
	if raw == "embed:" {
		if embedded == nil {
			return nil, stop, fmt.Errorf("this binary has no embedded store: name another one in %s_STORE", EnvPrefix)
		}
		if raw, stop, err = embedded(ctx, o, log); err != nil {
			return nil, func() {}, err
		}
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, stop, fmt.Errorf("%s is no URL: it must look like etcd://host:2379/prefix", o.named("store")) // the cause would show the password
	}
	switch u.Scheme {
	case "memory":
		return memory.New(), stop, nil
	case "etcd":
		eo, err := etcd.ParseURL(u)
		if err != nil {
			return nil, stop, fmt.Errorf("%s: %w", o.named("store"), err)
		}
		eo.Logger = log
		s, err := etcd.Open(eo)
		return s, stop, err
	}
	return nil, stop, fmt.Errorf("%s is %q, it can be embed:, memory: or etcd://HOST:PORT/PREFIX", o.named("store"), u.Redacted())
}
