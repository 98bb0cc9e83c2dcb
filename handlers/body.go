package handlers

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
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
	// smallBody is the size up to which a body needs no reservation.
	smallBody = 64 << 10
	// bodiesAtOnce bounds the memory of the bodies that are larger: requests wait until there is room for theirs.
	bodiesAtOnce = 96 << 20
	// maxBodyWait is for how long.
	maxBodyWait = 10 * time.Second
)

// bodies reads the bodies of requests, of which not too many are in memory at once.
type bodies struct{ room *semaphore.Weighted }

func newBodies() bodies { return bodies{semaphore.NewWeighted(bodiesAtOnce)} }

// body is the body of a request. It has to be ended with the request.
type body struct {
	bytes    []byte
	room     *semaphore.Weighted
	reserved int64
}

func (b *body) end() {
	if b.reserved > 0 {
		b.room.Release(b.reserved)
	}
}

// read reads a body up to the limit. Its errors have a status: whatever is wrong with a body is the sender's doing.
func (b bodies) read(c *gin.Context, limit int64) (body, error) {
	got := body{room: b.room}
	n := c.Request.ContentLength
	switch {
	case n < 0:
		got.reserved = limit // nobody knows yet
	case n > smallBody && n <= limit:
		got.reserved = n
	}
	if got.reserved > 0 {
		ctx, cancel := context.WithTimeout(c.Request.Context(), maxBodyWait)
		defer cancel()
		if err := b.room.Acquire(ctx, got.reserved); err != nil {
			return body{}, statusError(http.StatusServiceUnavailable, "Too many large requests at once. Nothing was accepted; send it again later.")
		}
	}
	var err error
	if got.bytes, err = readBody(c, limit); err != nil {
		got.end()
	}
	return got, err
}

var errTooLarge = statusError(http.StatusRequestEntityTooLarge, "The body is larger than allowed.")

func readBody(c *gin.Context, limit int64) ([]byte, error) {
	var read []byte
	var err error
	switch n := c.Request.ContentLength; {
	case n > limit:
		return nil, errTooLarge // before anything of it has come
	case n >= 0:
		read = make([]byte, n)
		_, err = io.ReadFull(c.Request.Body, read)
	default:
		read, err = readAll(http.MaxBytesReader(c.Writer, c.Request.Body, limit))
	}
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return read, nil
	case errors.As(err, &tooLarge):
		return nil, errTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, statusError(http.StatusRequestTimeout, "The request did not arrive in time.")
	}
	return nil, statusError(http.StatusBadRequest, "The body did not arrive whole.")
}

// readAll is io.ReadAll with room that doubles: that leaves less behind.
func readAll(r io.Reader) ([]byte, error) {
	read := make([]byte, 0, smallBody)
	for {
		n, err := r.Read(read[len(read):cap(read)])
		read = read[:len(read)+n]
		switch {
		case err == io.EOF:
			return read, nil
		case err != nil:
			return nil, err
		case len(read) == cap(read):
			read = append(make([]byte, 0, 2*cap(read)), read...)
		}
	}
}
