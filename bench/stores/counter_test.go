package stores

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// counter forwards TCP connections and counts their bytes.
type counter struct {
	addr  string
	bytes atomic.Int64
}

func newCounter(t *testing.T, to string) *counter {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{addr: l.Addr().String()}
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { l.Close() })
	wg.Go(func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			z, err := net.Dial("tcp", to)
			if err != nil {
				a.Close()
				continue
			}
			t.Cleanup(func() { a.Close(); z.Close() })
			for _, ends := range [][2]net.Conn{{a, z}, {z, a}} {
				wg.Go(func() {
					io.Copy(io.MultiWriter(ends[0], c), ends[1])
					ends[0].Close()
				})
			}
		}
	})
	return c
}

// Write counts.
func (c *counter) Write(p []byte) (int, error) {
	c.bytes.Add(int64(len(p)))
	return len(p), nil
}
