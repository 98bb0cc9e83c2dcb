package invoke

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// pools are all pools of connections to functions. Together they keep to a part of the files that this process may have open: net/http
// limits what is idle in one pool, and HTTP/2 connections not at all.
type pools struct {
	limit int64
	open  atomic.Int64 // connections
	over  atomic.Int64 // connections that were opened when there were too many

	mu  sync.Mutex
	all map[*http.Transport]struct{}
}

// ownConnections is how many connections may be idle in the pool of one function.
const ownConnections = 64

// idleConnections returns how many connections may be idle in the pool that functions share. Senders need as many files again, and the
// store and the connections in use some.
func idleConnections(files int) int { return min(max(files/4, 16), 10_000) }

func (p *pools) init(shared *http.Transport, files int) {
	p.limit = int64(max(files/2, 32))
	p.all = map[*http.Transport]struct{}{shared: {}}
}

func (p *pools) add(t *http.Transport) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[t] = struct{}{}
}

// drop is for a pool that nobody uses any more.
func (p *pools) drop(t *http.Transport) {
	p.mu.Lock()
	delete(p.all, t)
	p.mu.Unlock()
	t.CloseIdleConnections()
}

func (p *pools) closeIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for t := range p.all {
		t.CloseIdleConnections()
	}
}

// count counts c until it is closed. When there are too many, those go that nobody uses, once for some that were opened:
// if nearly all are in use, it would be for nothing each time.
func (p *pools) count(c net.Conn) net.Conn {
	if p.open.Add(1) > p.limit && p.over.Add(1)%max(p.limit/16, 1) == 1%max(p.limit/16, 1) {
		p.closeIdle()
	}
	return &connection{Conn: c, open: &p.open}
}

// connection is one that is counted.
type connection struct {
	net.Conn
	open   *atomic.Int64
	closed atomic.Bool
}

// Close implements net.Conn.
func (c *connection) Close() error {
	if !c.closed.Swap(true) {
		c.open.Add(-1)
	}
	return c.Conn.Close()
}
