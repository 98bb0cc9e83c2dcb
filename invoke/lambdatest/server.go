package lambdatest

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// server is an HTTP server on a free port of this machine.
type server struct {
	http.Server
	listener net.Listener
	closing  atomic.Bool
	wg       sync.WaitGroup // of its goroutines: the one that accepts, and one for each connection
}

func serve(handler http.Handler) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{listener: listener}
	s.Handler = handler
	s.ReadHeaderTimeout = time.Minute
	s.MaxHeaderBytes = 2 << 20 // runtimes send a stack trace in a header
	s.ConnState = s.count
	s.wg.Go(func() { _ = s.Serve(listener) }) // it ends when the server is closed
	return s, nil
}

func (s *server) count(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.wg.Add(1)
		if s.closing.Load() { // accepted just before the end: Close may not know it
			_ = c.Close()
		}
	case http.StateClosed:
		s.wg.Done()
	}
}

func (s *server) addr() string { return s.listener.Addr().String() }

// close ends all connections, and returns when their handlers have returned.
func (s *server) close() {
	s.closing.Store(true)
	_ = s.Close()
	_ = s.listener.Close() // if Serve has not begun yet
	s.wg.Wait()
}
