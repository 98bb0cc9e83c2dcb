// Package consul keeps the configuration in the key-value store of Consul 1.14 or later.
//
// It writes these keys; the flags are the number that Consul keeps with each key:
//
//	PREFIX/v1/heads/REALM       store.Head.String; flags: the oldest revision in the log. That of the realm store.Shared is
//	                            followed by a space and the log entry of the head's revision, if that is not large
//	PREFIX/v1/log/REALM/REV     store.Commit.Encode, REV in 20 digits; flags: when it was written, in seconds since 1970
//	PREFIX/v1/records/REALM/BUCKET/KEY
//	                            the value; flags: the revision of the commit which wrote it. BUCKET is the first byte of the SHA-256
//	                            of KEY, in hex
//
// Realms and keys are written as they are: a realm's name must be a segment of a path, and a key must be UTF-8 without a zero byte. A token
// needs to read and write under PREFIX/v1/, and nothing else; with agent:read, too, Inspect tells the version.
//
// Consul's HTTP API is spoken here, without Consul's own client: docs/decisions/0009 says why.
package consul

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

// Options says where the database is and how to log in.
type Options struct {
	Endpoints  []string      // host:port, of one or more agents of one datacenter; the next one is asked when one does not answer
	Prefix     string        // of all keys; "" is event-gateway
	Token      string        // "" is the anonymous one
	Datacenter string        // "" is that of the agents
	TLS        *tls.Config   // nil is no TLS
	Timeout    time.Duration // of each request to the database, of which a call may make several; 0 is 3 seconds
	Logger     *slog.Logger  // is told of what cannot be read and, for debugging, when the database is lost and found again; nil discards it
}

// maxPrefix leaves room for the largest commit in one transaction.
const maxPrefix = 300

// Store is a store.Store. A request that takes longer than Options.Timeout is an error, and no write is tried again.
type Store struct {
	*backend.Waits // Changes and Heads

	options Options
	layout  layout
	log     *slog.Logger

	ctx       context.Context // ends with Close
	cancel    context.CancelFunc
	transport *http.Transport
	current   atomic.Int32 // of the endpoints, the one that is asked first
}

// Open returns a store without asking the database for anything: a gateway may start before its database does. The first call
// finds out what is wrong with the options.
func Open(o Options) (*Store, error) {
	if len(o.Endpoints) == 0 {
		return nil, errors.New("consul: no endpoints")
	}
	o.Prefix = strings.Trim(o.Prefix, "/")
	if o.Prefix == "" {
		o.Prefix = "event-gateway"
	}
	if o.Prefix != path.Clean(o.Prefix) || strings.HasPrefix(o.Prefix, ".") {
		return nil, fmt.Errorf("consul: the prefix %q is no path", o.Prefix)
	}
	if len(o.Prefix) > maxPrefix {
		return nil, fmt.Errorf("consul: the prefix has %d bytes, and at most %d are allowed: it is part of each key of a transaction", len(o.Prefix), maxPrefix)
	}
	if o.Timeout <= 0 {
		o.Timeout = 3 * time.Second
	}
	s := &Store{options: o, layout: layout{o.Prefix + "/v1/"}, log: o.Logger}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.transport = s.newTransport()
	reads := backend.Reads{Changes: s.changes, Heads: s.readHeads, Watch: s.watch}
	s.Waits = backend.NewWaits(s.ctx, "consul", reads, s.log.With("endpoints", s.where()))
	return s, nil
}

// Close ends all calls under way, and the connections.
func (s *Store) Close() error {
	s.cancel()
	s.Waits.Close()
	s.transport.CloseIdleConnections()
	return nil
}

var _ store.Database = (*Store)(nil)
