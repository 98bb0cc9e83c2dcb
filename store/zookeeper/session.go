package zookeeper

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"
)

// session is a session with one server. It ends with its connection. zk's client would go on with another one, send what waited, and watch
// what was watched; but here all is read anew then. So no commit is sent late, and watches do not pile up.
type session struct {
	addr    string
	conn    *zk.Conn
	events  <-chan zk.Event // closed when zk's goroutines have ended
	wire    *wire
	timeout time.Duration // for an answer
	slots   chan struct{} // held by each request under way

	opened, lost    chan struct{} // closed when the server has opened the session, and when the connection is lost
	onOpen, onLost  sync.Once
	dialed, closing chan struct{} // closed when zk's client has got the connection, and when it is to end

	memory memory

	mu      sync.Mutex
	fired   []string      // nodes whose watches have fired
	changed chan struct{} // has room for one: there are fired nodes
}

const maxAnswer = 256 << 20 // bytes

// open opens a session with a server, and logs in. ctx bounds how long it takes.
func (s *Store) open(ctx context.Context, addr string) (*session, error) {
	conn, err := s.dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	c := &session{
		addr: addr, wire: newWire(conn), timeout: s.options.Timeout, slots: make(chan struct{}, maxRequests),
		opened: make(chan struct{}), lost: make(chan struct{}), dialed: make(chan struct{}), closing: make(chan struct{}),
		changed: make(chan struct{}, 1),
	}
	c.conn, c.events, err = zk.Connect([]string{addr}, s.options.Session, zk.WithDialer(c.dial), zk.WithHostProvider(&host{addr: addr}),
		zk.WithEventCallback(c.note), zk.WithLogger(silent{}), zk.WithLogInfo(false), zk.WithMaxBufferSize(maxAnswer))
	if err != nil {
		conn.Close()
		return nil, err
	}
	select {
	case <-c.opened:
		if s.options.Username != "" {
			err = c.do(ctx, func() error { return c.conn.AddAuth("digest", []byte(s.options.Username+":"+s.options.Password)) })
		}
	case <-c.lost:
		err = fmt.Errorf("%s opens no session: %w", addr, c.wire.problem())
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		s.link.running.Go(c.close) // which may take a second
		return nil, err
	}
	return c, nil
}

// dial gives the connection to zk's client. When that one is lost, the client has to wait here for its end.
func (c *session) dial(string, string, time.Duration) (net.Conn, error) {
	select {
	case <-c.dialed:
		<-c.closing
		return nil, errors.New("the session has ended")
	default:
		close(c.dialed)
		return c.wire, nil
	}
}

// note is called by zk's goroutines, and must not block them.
func (c *session) note(e zk.Event) {
	switch e.Type {
	case zk.EventSession:
		switch e.State {
		case zk.StateHasSession:
			c.onOpen.Do(func() { close(c.opened) })
		case zk.StateDisconnected:
			c.onLost.Do(func() { close(c.lost) })
		}
	case zk.EventNodeCreated, zk.EventNodeDeleted, zk.EventNodeDataChanged:
		c.mu.Lock()
		c.fired = append(c.fired, e.Path)
		c.mu.Unlock()
		select {
		case c.changed <- struct{}{}:
		default:
		}
	}
}

// takeFired returns the nodes whose watches have fired since the last call.
func (c *session) takeFired() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	fired := c.fired
	c.fired = nil
	return fired
}

func (c *session) isLost() bool {
	select {
	case <-c.lost:
		return true
	default:
		return false
	}
}

// patience is how long a server may take to close a session.
const patience = 200 * time.Millisecond

// close ends the session, and returns when its goroutines have ended. It is called once.
func (c *session) close() {
	close(c.closing)
	late := time.AfterFunc(patience, func() { c.wire.Close() })
	c.conn.Close()
	for range c.events {
	}
	late.Stop()
	c.wire.Close() // zk's client does not always
	for range maxRequests {
		c.slots <- struct{}{}
	}
}

// host is the only server that zk's client of a session knows. At its second try to connect it is told that all were tried, so that it
// fails what waits to be sent.
type host struct {
	addr  string
	tried bool
}

func (h *host) Init([]string) error { return nil }
func (h *host) Len() int            { return 1 }
func (h *host) Connected()          {}
func (h *host) Next() (addr string, tried bool) {
	tried, h.tried = h.tried, true
	return h.addr, tried
}

// silent is the log of zk's client. What it says, errors say too.
type silent struct{}

func (silent) Printf(string, ...any) {}
