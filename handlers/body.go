package handlers

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/semaphore"
)

// The sizes in bytes that bodies may have. AWS Lambda allows as much for an event; a record of the configuration is smaller.
const (
	maxEventBody  = 6 << 20
	maxConfigBody = 256 << 10
)

const (
	// smallBody is the size up to which a body needs no room of its own.
	smallBody = 64 << 10
	// bodyRoom bounds the memory of the bodies that are larger, each with what is written of it for a function: requests wait until there is room.
	bodyRoom = 144 << 20
	// maxBodyWait is for how long.
	maxBodyWait = 10 * time.Second
	// minBodyRate is how many bytes a second have to arrive while others wait for room.
	minBodyRate = 256 << 10
)

// bodies reads the bodies of requests, of which not too many are in memory at once.
type bodies struct {
	room    *semaphore.Weighted
	waiting atomic.Int64
}

func newBodies() *bodies { return &bodies{room: semaphore.NewWeighted(bodyRoom)} }

// body is the body of a request. It has to be ended with the request.
type body struct {
	bytes    []byte
	bodies   *bodies
	reserved int64
}

func (b *body) end() {
	if b.reserved > 0 {
		b.bodies.room.Release(b.reserved)
	}
}

// grow reserves room for n bytes more, if that is worth it. It does not wait, since those that do could wait for each other.
func (b *body) grow(n int) error {
	if n <= smallBody {
		return nil
	}
	if !b.bodies.room.TryAcquire(int64(n)) {
		return errNoRoom
	}
	b.reserved += int64(n)
	return nil
}

var (
	errTooLarge = statusError(http.StatusRequestEntityTooLarge, "The body is larger than allowed.")
	errNoRoom   = statusError(http.StatusServiceUnavailable, "Too many large requests at once. Nothing was accepted; send it again later.")
)

// read reads a body up to the limit. Nothing is reserved until more than a small body has come. Its errors have a status: whatever is wrong with a body is the sender's
// doing.
func (b *bodies) read(c *gin.Context, limit int64) (body, error) {
	got := body{bodies: b}
	n := c.Request.ContentLength
	if n > limit || n >= 0 && n <= smallBody {
		var err error
		got.bytes, err = readBody(c, limit)
		return got, err
	}
	r := http.MaxBytesReader(c.Writer, c.Request.Body, limit)
	first := make([]byte, smallBody)
	switch m, err := io.ReadFull(r, first); {
	case n < 0 && (err == io.EOF || err == io.ErrUnexpectedEOF):
		got.bytes = first[:m]
		return got, nil
	case err != nil:
		return got, bodyError(err)
	}
	if n < 0 {
		n = limit // nobody knows yet
	}
	if err := b.reserve(c.Request.Context(), 2*n); err != nil {
		return got, err
	}
	got.reserved = 2 * n
	var err error
	if got.bytes, err = b.readRest(c, r, first); err != nil {
		got.end()
		return body{}, bodyError(err)
	}
	return got, nil
}

func (b *bodies) reserve(ctx context.Context, n int64) error {
	ctx, cancel := context.WithTimeout(ctx, maxBodyWait)
	defer cancel()
	b.waiting.Add(1)
	defer b.waiting.Add(-1)
	if b.room.Acquire(ctx, n) != nil {
		return errNoRoom
	}
	return nil
}

// readRest reads what comes after the first bytes of a body.
func (b *bodies) readRest(c *gin.Context, r io.Reader, first []byte) ([]byte, error) {
	var arrived atomic.Int64
	defer b.hurry(c, &arrived)()
	n := c.Request.ContentLength
	if n < 0 {
		n = 4 * smallBody
	}
	read := append(make([]byte, 0, n), first...)
	for {
		if len(read) == cap(read) {
			if c.Request.ContentLength >= 0 {
				return read, nil
			}
			read = append(make([]byte, 0, 2*cap(read)), read...)
		}
		n, err := r.Read(read[len(read):cap(read)])
		read = read[:len(read)+n]
		arrived.Add(int64(n))
		switch {
		case err == io.EOF && c.Request.ContentLength < 0, err == io.EOF && len(read) == cap(read):
			return read, nil
		case err == io.EOF:
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		}
	}
}

// hurry ends the reading of a body that comes too slowly while others wait for the room that it takes, until stop is called.
func (b *bodies) hurry(c *gin.Context, arrived *atomic.Int64) (stop func()) {
	var mu sync.Mutex
	var timer *time.Timer
	began, ended := time.Now(), false
	check := func() {
		mu.Lock()
		defer mu.Unlock()
		switch wanted := int64(time.Since(began).Seconds() * minBodyRate); {
		case ended:
		case b.waiting.Load() > 0 && arrived.Load() < wanted:
			_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Now())
		default:
			timer.Reset(time.Second)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	timer = time.AfterFunc(time.Second, check)
	return func() {
		mu.Lock()
		defer mu.Unlock()
		ended = true
		timer.Stop()
	}
}

// readBody reads a body of a known size, or one that has a small limit.
func readBody(c *gin.Context, limit int64) (read []byte, err error) {
	switch n := c.Request.ContentLength; {
	case n > limit:
		return nil, errTooLarge // before anything of it has come
	case n >= 0:
		read = make([]byte, n)
		_, err = io.ReadFull(c.Request.Body, read)
	default:
		read, err = io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, limit))
	}
	if err != nil {
		return nil, bodyError(err)
	}
	return read, nil
}

func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return errTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return statusError(http.StatusRequestTimeout, "The request did not arrive in time.")
	}
	return statusError(http.StatusBadRequest, "The body did not arrive whole.")
}
