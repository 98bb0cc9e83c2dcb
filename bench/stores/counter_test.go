package stores

import (
	"io"
	"sync/atomic"
	"testing"

	"github.com/event-gateway/event-gateway/store/storetest"
)

// counter forwards TCP connections and counts their bytes.
type counter struct {
	addr  string
	bytes atomic.Int64
}

func newCounter(t *testing.T, to string) *counter {
	c := &counter{}
	c.addr = storetest.Forward(t, to, c.copy, c.copy)
	return c
}

func (c *counter) copy(to io.Writer, from io.Reader) (int64, error) {
	return io.Copy(io.MultiWriter(to, c), from)
}

// Write counts.
func (c *counter) Write(p []byte) (int, error) {
	c.bytes.Add(int64(len(p)))
	return len(p), nil
}
