// Package dynamodb is a small faithful DynamoDB for tests: an HTTP server in this process that speaks the JSON protocol of AWS's API for
// the calls of package store/dynamodb, so that races and faults can be tried with AWS's own client.
//
// It is built to catch what is wrong but seldom seen on the real one. Transactions take a while, and lock their items meanwhile. Their
// writes are seen one by one by all reads but TransactGetItems. Reads that are not strongly consistent see an older state. What it does
// not know, it refuses with a ValidationException.
package dynamodb

import (
	"errors"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store/storetest"
)

// Server is one DynamoDB, of one account, with the same tables in all regions.
type Server struct {
	t    testing.TB
	addr string
	ops  map[string]operation
	db   *database

	mu     sync.Mutex
	http   *http.Server   // nil while it is killed
	served chan struct{}  // closed when http is done
	down   chan struct{}  // closed when http is killed
	calls  sync.WaitGroup // under way
	frozen chan struct{}  // nil, or closed by Thaw
	counts Counts
	faults *faults
}

// Counts says what was asked of the server.
type Counts struct {
	Calls  map[string]int // that arrived, by operation
	Faults map[Kind]int   // that befell calls
	Read   float64        // capacity units
	Write  float64
}

// Start starts a server without tables. It ends with t.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, db: newDatabase()}
	s.counts = Counts{Calls: make(map[string]int), Faults: make(map[Kind]int)}
	s.ops = s.operations()
	s.Set(Faults{})
	err := errors.New("not tried")
	for range 10 { // somebody else may be quicker to use a port that is free
		s.addr = storetest.FreeAddr(t)
		if err = s.listen(); err == nil {
			t.Cleanup(s.Kill)
			return s
		}
	}
	t.Fatalf("dynamodb: %v", err)
	return nil
}

// URL returns the endpoint for clients. It stays the same when the server is killed and started again.
func (s *Server) URL() string { return "http://" + s.addr }

// Start starts the server again, with its state, after a Kill.
func (s *Server) Start() {
	s.t.Helper()
	err := s.listen()
	for tries := 0; err != nil && tries < 100; tries++ {
		time.Sleep(50 * time.Millisecond)
		err = s.listen()
	}
	if err != nil {
		s.t.Fatalf("dynamodb: %v", err)
	}
}

// listen starts serving, if nobody does.
func (s *Server) listen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http != nil {
		return nil
	}
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		return err
	}
	srv, served := &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)}, make(chan struct{})
	s.http, s.served, s.down = srv, served, make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(l) // says that it was closed
	}()
	return nil
}

// Kill closes the port and all connections. Calls under way are not answered; each of their writes is applied as a whole or not at all.
func (s *Server) Kill() {
	s.mu.Lock()
	if s.http == nil {
		s.mu.Unlock()
		return
	}
	close(s.down)
	srv, served := s.http, s.served
	s.http = nil
	s.mu.Unlock()
	_ = srv.Close()
	<-served
	s.calls.Wait()
}

// Freeze lets all calls hang, those under way too, until Thaw. They are carried out then, even if nobody waits for them any more.
func (s *Server) Freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frozen == nil {
		s.frozen = make(chan struct{})
	}
}

// Thaw ends a Freeze.
func (s *Server) Thaw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frozen != nil {
		close(s.frozen)
		s.frozen = nil
	}
}

// CreateTable makes a table with the partition key "realm" and the sort key "key", ready for use.
func (s *Server) CreateTable(name string) {
	s.t.Helper()
	s.db.mu.Lock()
	defer s.db.mu.Unlock()
	if s.db.tables[name] != nil {
		s.t.Fatalf("dynamodb: table %s exists", name)
	}
	s.db.tables[name] = newTable(name, "realm", "key", s.db.now())
}

// Forward moves the server's clock, which transactions' tokens and items grow old by.
func (s *Server) Forward(d time.Duration) {
	s.db.mu.Lock()
	defer s.db.mu.Unlock()
	s.db.ahead += d
}

// Expire deletes the items whose time to live is over, which DynamoDB does some hours or days later, and returns how many there were.
func (s *Server) Expire() int {
	s.db.mu.Lock()
	defer s.db.mu.Unlock()
	n := 0
	for _, t := range s.db.tables {
		n += t.expire(s.db.now(), s.db.lag)
	}
	return n
}

// Counts returns what was counted so far.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts
	c.Calls, c.Faults = maps.Clone(c.Calls), maps.Clone(c.Faults)
	return c
}

// Calls returns how many calls of the operation arrived.
func (s *Server) Calls(operation string) int { return s.Counts().Calls[operation] }
