package handlers

import (
	"errors"
	"io"
	"net/http"
	"os"

	"github.com/gin-gonic/gin"
)

// The sizes in bytes that bodies may have. AWS Lambda allows as much for an event; a record of the configuration is smaller.
const (
	maxEventBody  = 6 << 20
	maxConfigBody = 256 << 10
)

// readBody reads a body up to the limit. Room is made for what has come, not for what was announced, unless that is little. Its errors
// have a status: whatever is wrong with a body is the sender's doing.
func readBody(c *gin.Context, limit int64) ([]byte, error) {
	const small = 64 << 10
	var body []byte
	var err error
	if n := c.Request.ContentLength; n >= 0 && n <= small {
		body = make([]byte, n)
		_, err = io.ReadFull(c.Request.Body, body)
	} else {
		body, err = io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, limit))
	}
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return body, nil
	case errors.As(err, &tooLarge):
		return nil, statusError(http.StatusRequestEntityTooLarge, "The body is larger than allowed.")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, statusError(http.StatusRequestTimeout, "The request did not arrive in time.")
	}
	return nil, statusError(http.StatusBadRequest, "The body did not arrive whole.")
}
