// Package zookeeper keeps the configuration in ZooKeeper 3.5 or later.
//
// It writes these nodes:
//
//	PREFIX/v1/heads/REALM               store.Head.String
//	PREFIX/v1/heads/REALM/HEAD          nothing; HEAD is the same, with hyphens for spaces
//	PREFIX/v1/log/REALM                 the oldest revision that is still there, once there was an older one
//	PREFIX/v1/log/REALM/REV             store.Commit.Encode, REV in 20 digits; those older than store.LogAge go when others come
//	PREFIX/v1/records/REALM/BUCKET/KEY  "REV VALUE", REV being that of the commit which wrote it
//
// Each commit deletes the node that is named after the head that it is made at, and creates that of the next one: so it compares the head
// without reading it first. REALM and KEY are escaped as in the path of a URL. BUCKET is a hash of the key, in three hex digits: the names of
// one node's children have to fit into an answer, of which ZooKeeper's own tools take no more than 1 MB. What is missing on the way to a node
// is made.
//
// With a user, what is made is for this user only (scheme digest); without, for everybody. The user needs all permissions below PREFIX, and the
// permission to create PREFIX, if it is not there.
package zookeeper

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

// Options says where the database is and how to log in.
type Options struct {
	Endpoints []string      // host:port, of one or more servers of one ensemble
	Prefix    string        // of all nodes, of at most 1,024 bytes; "" is /event-gateway
	Username  string        // "" does not log in
	Password  string        //
	TLS       *tls.Config   // nil is no TLS
	Timeout   time.Duration // of each request to the database, of which a call may make several; 0 is 3 seconds
	Session   time.Duration // what the server is asked for; a server that is silent for two thirds of it is given up; 0 is 10 seconds
	Logger    *slog.Logger  // is told of what cannot be read and, for debugging, when the database is lost and found again; nil discards it
}

// Store is a store.Store. A request that takes longer than Options.Timeout is an error, and no write is tried again unless ZooKeeper said that
// it did nothing.
type Store struct {
	*backend.Waits // Changes and Heads

	options Options
	layout  layout
	log     *slog.Logger

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	link   link
	logAge time.Duration // store.LogAge, but in tests
}

// Open returns a store without asking the database for anything: a gateway may start before its database does. The first call
// finds out what is wrong with the options.
func Open(o Options) (*Store, error) {
	if len(o.Endpoints) == 0 {
		return nil, errors.New("zookeeper: no endpoints")
	}
	if o.Prefix == "" {
		o.Prefix = "/event-gateway"
	}
	layout, err := newLayout(o.Prefix)
	if err != nil {
		return nil, fmt.Errorf("zookeeper: %w", err)
	}
	if o.Timeout <= 0 {
		o.Timeout = 3 * time.Second
	}
	if o.Session == 0 {
		o.Session = 10 * time.Second
	}
	if o.Session < time.Second || o.Session > time.Hour {
		return nil, fmt.Errorf("zookeeper: a session of %v: it can be one of a second to an hour", o.Session)
	}
	s := &Store{options: o, layout: layout, log: o.Logger, logAge: store.LogAge, link: link{changed: make(chan struct{})}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	reads := backend.Reads{Changes: s.changes, Heads: s.readHeads, Watch: s.watch, Wanted: true}
	s.Waits = backend.NewWaits(s.ctx, "ZooKeeper", reads, s.log.With("endpoints", s.where()))
	return s, nil
}

// Close ends all calls under way, and the session.
func (s *Store) Close() error {
	s.cancel()
	s.Waits.Close()
	s.link.close()
	return nil
}

func (s *Store) where() string { return strings.Join(s.options.Endpoints, ",") }

var _ store.Database = (*Store)(nil)
