package zookeeper

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
)

// wire is a connection to a server. zk's client believes what it reads: there are answers that end the process, by a panic or for want of memory.
// So it gets whole frames only, each looked at before. See answer.
type wire struct {
	net.Conn
	in      *bufio.Reader
	frame   []byte // the one that is read, with its length; the next one overwrites it
	unread  []byte // what is left of it
	greeted bool
	broken  atomic.Pointer[error] // the first error, which zk's client keeps to itself

	mu    sync.Mutex
	asked map[int32]int32 // the types of the requests under way, by their numbers
}

var errForeign = errors.New("what answers there is no ZooKeeper")

// dial connects to a server.
func (s *Store) dial(ctx context.Context, addr string) (conn net.Conn, err error) {
	if s.options.TLS == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", addr)
	}
	conn, err = (&tls.Dialer{Config: s.options.TLS}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("TLS with %s: %w", addr, err)
	}
	return conn, nil
}

func newWire(conn net.Conn) *wire {
	return &wire{Conn: conn, in: bufio.NewReaderSize(conn, 64<<10), asked: make(map[int32]int32)}
}

// Read implements io.Reader.
func (w *wire) Read(p []byte) (int, error) {
	if len(w.unread) == 0 {
		if err := w.next(); err != nil {
			return 0, w.note(err)
		}
	}
	n := copy(p, w.unread)
	w.unread = w.unread[n:]
	return n, nil
}

// Write implements io.Writer. zk's client writes each request at once: its length, its number and its type. The one that opens the session,
// which has neither, counts as 0 and 0.
func (w *wire) Write(p []byte) (int, error) {
	if len(p) >= 12 {
		w.mu.Lock()
		w.asked[int32(binary.BigEndian.Uint32(p[4:]))] = int32(binary.BigEndian.Uint32(p[8:]))
		w.mu.Unlock()
	}
	n, err := w.Conn.Write(p)
	return n, w.note(err)
}

// next reads a frame.
func (w *wire) next() error {
	w.frame = slices.Grow(w.frame[:0], 4)[:4]
	if _, err := io.ReadFull(w.in, w.frame); err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint32(w.frame))
	switch {
	case !w.greeted && (n < 36 || n > 128): // a web server's would be a gigabyte
		return errForeign
	case n < headerBytes || n > maxAnswer:
		return fmt.Errorf("it breaks ZooKeeper's protocol: an answer of %d bytes", n)
	}
	w.frame = slices.Grow(w.frame, n)[:4+n]
	if _, err := io.ReadFull(w.in, w.frame[4:]); err != nil {
		return err
	}
	if err := w.check(w.frame[4:]); err != nil {
		return err
	}
	w.unread, w.greeted = w.frame, true
	return nil
}

// check looks at a frame, without its length.
func (w *wire) check(frame []byte) error {
	switch timeout := int32(binary.BigEndian.Uint32(frame[4:])); {
	case !w.greeted && timeout <= 0:
		return errors.New("it refuses")
	case !w.greeted && !safeGreeting(frame), w.greeted && !w.safe(frame):
		return fmt.Errorf("it breaks ZooKeeper's protocol: an answer of %d bytes announces more", len(frame))
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
