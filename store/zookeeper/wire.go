package zookeeper

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/event-gateway/event-gateway/store"
)

// wire is a connection to a server. zk's client believes what it reads: it would make room for a gigabyte if the answer was that of a web
// server. So the first answer is looked at before.
type wire struct {
	net.Conn
	in      *bufio.Reader // zk's client reads in small pieces
	greeted bool
	broken  atomic.Pointer[error] // the first error, which zk's client keeps to itself
}

// dial connects to a server.
func (s *Store) dial(ctx context.Context, addr string) (conn net.Conn, err error) {
	if s.options.TLS != nil {
		return (&tls.Dialer{Config: s.options.TLS}).DialContext(ctx, "tcp", addr)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", addr)
}

func newWire(conn net.Conn) *wire { return &wire{Conn: conn, in: bufio.NewReaderSize(conn, 64<<10)} }

// Read implements io.Reader.
func (w *wire) Read(p []byte) (n int, err error) {
	if !w.greeted {
		err = w.greeting()
		w.greeted = err == nil
	}
	if err == nil {
		n, err = w.in.Read(p)
	}
	return n, w.note(err)
}

// Write implements io.Writer.
func (w *wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	return n, w.note(err)
}

// greeting looks at the first answer of the server: its length, the protocol's version, the session's time-out, and the session.
func (w *wire) greeting() error {
	head, err := w.in.Peek(12)
	if err != nil {
		return err
	}
	length, timeout := binary.BigEndian.Uint32(head), int32(binary.BigEndian.Uint32(head[8:]))
	if length < 36 || length > 128 {
		return fmt.Errorf("%w: what answers there is no ZooKeeper", store.ErrUnusable)
	}
	if timeout <= 0 {
		return errors.New("it refuses")
	}
	return nil
}

func (w *wire) note(err error) error {
	if err != nil {
		w.broken.CompareAndSwap(nil, &err)
	}
	return err
}

// problem returns why the connection broke.
func (w *wire) problem() error {
	if err := w.broken.Load(); err != nil {
		return *err
	}
	return net.ErrClosed
}
