package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/consul"
	"github.com/event-gateway/event-gateway/store/dynamodb"
	"github.com/event-gateway/event-gateway/store/etcd"
	"github.com/event-gateway/event-gateway/store/memory"
	"github.com/event-gateway/event-gateway/store/zookeeper"
)

// StartEmbedded starts a database in this process and returns the URL of the store in it. It is handed to New by binaries that have one.
type StartEmbedded func(ctx context.Context, o *Options, log *slog.Logger) (storeURL string, stop func(), err error)

// openStore opens the store of the options. stop ends what it started.
func openStore(ctx context.Context, o *Options, embedded StartEmbedded, log *slog.Logger) (s store.Database, stop func(), err error) {
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
	if s, err = OpenStore(raw, log); err != nil {
		err = fmt.Errorf("%s: %w", o.named("store"), err)
	}
	return s, stop, err
}

// OpenStore is the one switch over the kinds of stores. It asks the database for nothing.
func OpenStore(raw string, log *slog.Logger) (store.Database, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Host == "" && u.Path != "" { // what is wrong would show the password
		return nil, errors.New("it is no URL: it must look like etcd://host:2379/prefix. Of several hosts the last one needs its port, " +
			"and in a password %2F stands for /, %3F for ?, %23 for # and %40 for @")
	}
	secret := os.Getenv(storePasswordEnv)
	switch u.Scheme {
	case "memory":
		return memory.New(), nil
	case "etcd":
		o, err := etcd.ParseURL(u, secret)
		if err != nil {
			return nil, err
		}
		o.Logger = log
		return etcd.Open(o)
	case "consul":
		o, err := consul.ParseURL(u, secret)
		if err != nil {
			return nil, err
		}
		o.Logger = log
		return consul.Open(o)
	case "zookeeper":
		o, err := zookeeper.ParseURL(u, secret)
		if err != nil {
			return nil, err
		}
		o.Logger = log
		return zookeeper.Open(o)
	case "dynamodb":
		o, err := dynamodb.ParseURL(u, secret)
		if err != nil {
			return nil, err
		}
		o.Logger = log
		return dynamodb.Open(o)
	}
	return nil, fmt.Errorf("%.20q is no kind of store: there are embed:, memory:, and URLs that begin with etcd://, consul://, zookeeper:// or dynamodb://", u.Scheme+":")
}

// How long a start waits to be told by the database that it cannot be used: with a snapshot file there is something to serve.
const (
	inspectTime       = 5 * time.Second
	inspectTimeServed = time.Second
)

// usable returns an error if the store will not work until somebody changes something. One that is away may come back.
func usable(ctx context.Context, s store.Database, served bool) error {
	patience := inspectTime
	if served {
		patience = inspectTimeServed
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := s.Inspect(ctx); errors.Is(err, store.ErrUnusable) {
		return err
	}
	return nil
}
