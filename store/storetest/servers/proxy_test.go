package servers_test

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

func TestProxy(t *testing.T) {
	t.Parallel()
	p := servers.NewProxy(t, startEcho(t))
	conn := dial(t, p)
	echo(t, conn)

	t.Run("latency", func(t *testing.T) {
		p.Latency(600 * time.Millisecond)
		if took := echo(t, conn); took < 590*time.Millisecond {
			t.Errorf("a round trip took %v", took)
		}
		p.Latency(200 * time.Millisecond)
		if took := fastest(t, conn); took < 190*time.Millisecond || took > 590*time.Millisecond {
			t.Errorf("a round trip took %v", took)
		}
		p.Heal()
		if took := fastest(t, conn); took > 190*time.Millisecond {
			t.Errorf("a healed round trip took %v", took)
		}
	})
	t.Run("hang", func(t *testing.T) {
		p.Hang()
		p.Hang()
		for _, c := range []net.Conn{conn, dial(t, p)} {
			if err := silent(t, c); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got %v, want no answer", err)
			}
		}
		p.Heal()
		if err := silent(t, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("a connection with lost data stays")
		}
		conn = dial(t, p)
		echo(t, conn)
	})
	t.Run("hang under load", func(t *testing.T) {
		for range 5 {
			writers := startWriters(t, p, 5)
			time.Sleep(10 * time.Millisecond) // not to wait for anything, only to have the proxy full
			p.Hang()
			p.Heal()
			writers.Wait()
		}
	})
	t.Run("cut", func(t *testing.T) {
		p.Cut()
		p.Cut()
		if err := silent(t, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("the connection stays")
		}
		if c, err := net.Dial("tcp", p.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("got %v and %v, want a refused connection", c, err)
		}
		p.Heal()
		conn = dial(t, p)
		echo(t, conn)
	})
	t.Run("one after the other", func(t *testing.T) {
		p.Latency(10 * time.Millisecond)
		p.Hang()
		p.Cut()
		p.Latency(10 * time.Millisecond)
		conn = dial(t, p)
		if took := echo(t, conn); took < 9*time.Millisecond {
			t.Errorf("a round trip took %v", took)
		}
		p.Heal()
		echo(t, conn)
	})
}

// startEcho starts a server that answers with what it is sent, and returns its address.
func startEcho(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer c.Close()
				io.Copy(c, c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		conns.Wait()
	})
	return l.Addr().String()
}

func dial(t *testing.T, p *servers.Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// startWriters starts connections that write as much as they can until they are broken.
func startWriters(t *testing.T, p *servers.Proxy, n int) *sync.WaitGroup {
	t.Helper()
	var writers sync.WaitGroup
	for range n {
		c := dial(t, p)
		writers.Go(func() { io.Copy(io.Discard, c) })
		writers.Go(func() {
			for data := make([]byte, 64<<10); ; {
				if _, err := c.Write(data); err != nil {
					return
				}
			}
		})
	}
	return &writers
}

// echo returns how long a round trip takes.
func echo(t *testing.T, c net.Conn) time.Duration {
	t.Helper()
	began := time.Now()
	c.SetDeadline(began.Add(10 * time.Second))
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}

// fastest returns the shortest of some round trips, since a busy machine makes them longer.
func fastest(t *testing.T, c net.Conn) time.Duration {
	t.Helper()
	took := echo(t, c)
	for range 5 {
		took = min(took, echo(t, c))
	}
	return took
}

// silent returns the error of a round trip that must not succeed.
func silent(t *testing.T, c net.Conn) error {
	t.Helper()
	c.SetDeadline(time.Now().Add(300 * time.Millisecond))
	if _, err := c.Write([]byte("x")); err != nil {
		return err
	}
	_, err := c.Read(make([]byte, 1))
	if err == nil {
		t.Error("it answers")
	}
	return err
}
