// Package etcd keeps the configuration in etcd 3.4 or later.
//
// It writes these keys, with REV as a decimal number:
//
//	PREFIX/v1/heads/REALM       store.Head.String
//	PREFIX/v1/log/REALM/REV     store.Commit.Encode, REV in 20 digits; kept by a lease for one to two times store.LogAge
//	PREFIX/v1/records/REALM/KEY "REV VALUE", REV being that of the commit which wrote it
//
// Realms and keys are written as they are: a realm's name must not contain a slash, nor a key a zero byte. The user that
// the store logs in as needs to read and write under PREFIX/v1/, and nothing else.
package etcd

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

// Options says where the database is and how to log in.
type Options struct {
	Endpoints []string      // host:port, of one or more members of one cluster
	Prefix    string        // of all keys; "" is /event-gateway
	Username  string        // "" does not log in
	Password  string        //
	TLS       *tls.Config   // nil is no TLS
	Timeout   time.Duration // of each request to the database, of which a call may make several; 0 is 3 seconds
	Logger    *slog.Logger  // is told of what cannot be read and, for debugging, when the database is lost and found again; nil discards it
}

// Store is a store.Store. A request that takes longer than Options.Timeout is an error, and no write is tried again.
type Store struct {
	*backend.Waits // Changes and Heads

	options Options
	layout  layout
	log     *slog.Logger

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	dialing gate
	client  atomic.Pointer[clientv3.Client] // nil before the first call
	problem atomic.Pointer[string]          // why there is no connection, if so

	leasing gate
	lease   lease // guarded by leasing
}

// Open returns a store without asking the database for anything: a gateway may start before its database does. The first call
// finds out what is wrong with the options.
func Open(o Options) (*Store, error) {
	if len(o.Endpoints) == 0 {
		return nil, errors.New("etcd: no endpoints")
	}
	if o.Prefix == "" {
		o.Prefix = "/event-gateway"
	}
	if o.Timeout <= 0 {
		o.Timeout = 3 * time.Second
	}
	s := &Store{
		options: o,
		layout:  layout{strings.TrimRight(o.Prefix, "/") + "/v1/"},
		log:     o.Logger,
		dialing: make(gate, 1),
		leasing: make(gate, 1),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	reads := backend.Reads{Changes: s.changes, Heads: s.readHeads, Watch: s.watch}
	s.Waits = backend.NewWaits(s.ctx, "etcd", reads, s.log.With("endpoints", s.where()))
	return s, nil
}

// Close ends all calls under way, and the connection.
func (s *Store) Close() error {
	s.cancel()
	s.dialing <- struct{}{} // wait for a dial under way, and let none begin
	defer s.dialing.leave()
	s.Waits.Close()
	if c := s.client.Swap(nil); c != nil {
		c.Close() // says no more than that its context has ended
	}
	return nil
}

var _ store.Database = (*Store)(nil)
