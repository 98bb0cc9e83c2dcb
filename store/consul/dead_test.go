package consul_test

import (
	"io"
	"sync"
	"testing"

	"github.com/event-gateway/event-gateway/store/consul"
	"github.com/event-gateway/event-gateway/store/storetest"
)

// TestDeadConnections: those that were idle meanwhile are lost, and neither side is told. Only one request has to find out.
func TestDeadConnections(t *testing.T) {
	t.Parallel()
	w := newWay(t, server(t))
	s := openWith(t, consul.Options{Endpoints: []string{w.addr}, Timeout: timeout})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, _, err := s.Load(t.Context(), "r"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := w.lose(); n < 2 {
		t.Fatalf("the test is wrong: there were only %d connections", n)
	}
	if _, _, err := s.Load(t.Context(), "r"); err == nil {
		t.Error("the test is wrong: the connection is alive")
	}
	if _, _, err := s.Load(t.Context(), "r"); err != nil {
		t.Errorf("the second request: %v", err)
	}
}

// way forwards connections to a server.
type way struct {
	addr string

	mu   sync.Mutex
	n    int
	lost chan struct{} // once it is closed, nothing goes over the connections made so far
}

func newWay(t *testing.T, to string) *way {
	t.Helper()
	w := &way{lost: make(chan struct{})}
	w.addr = storetest.Forward(t, to, func(server io.Writer, client io.Reader) (int64, error) {
		w.mu.Lock()
		w.n++
		lost := w.lost
		w.mu.Unlock()
		return io.Copy(unlessLost{server, lost}, client)
	}, io.Copy)
	return w
}

// lose loses all connections, and returns how many there were.
func (w *way) lose() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.lost)
	w.lost = make(chan struct{})
	return w.n
}

type unlessLost struct {
	io.Writer
	lost <-chan struct{}
}

func (u unlessLost) Write(p []byte) (int, error) {
	select {
	case <-u.lost:
		return len(p), nil
	default:
		return u.Writer.Write(p)
	}
}
