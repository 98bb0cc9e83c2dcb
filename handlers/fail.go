package handlers

import (
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/invoke/queue"
	"github.com/event-gateway/event-gateway/store"
)

// requestError is a failure that has a status by itself. Its message is meant for the sender.
type requestError struct {
	status  int
	message string
	cause   error // for the log, may be nil
}

func (e *requestError) Error() string {
	if e.cause != nil {
		return e.message + ": " + e.cause.Error()
	}
	return e.message
}

func statusError(status int, message string) error {
	return &requestError{status: status, message: message}
}

var errNotFound = statusError(http.StatusNotFound, "resource not found")

// fail answers with err. It is the only place that makes statuses of errors.
func (g *Gateway) fail(c *gin.Context, err error) {
	status, message := g.status(err)
	switch {
	case status == http.StatusInternalServerError && message == internalMessage:
		g.Log.Error("a request failed", "method", c.Request.Method, "error", err)
	case errors.Is(err, queue.ErrAway):
		g.Log.Error("an event was not accepted", "error", err)
		c.Header("Retry-After", retryAfter(err))
	case status == http.StatusServiceUnavailable:
		g.Log.Debug("a request was refused", "method", c.Request.Method, "path", c.Request.URL.Path, "error", err)
		c.Header("Retry-After", retryAfter(err))
	}
	if status == http.StatusRequestTimeout || status == http.StatusRequestEntityTooLarge {
		c.Header("Connection", "close") // what is left of the body is not read
	}
	c.Abort()
	respondJSON(c, status, errorBody{[]errorMessage{{message}}})
}

type errorBody struct {
	Errors []errorMessage `json:"errors"`
}

type errorMessage struct {
	Message string `json:"message"`
}

const internalMessage = "Internal error. Please check logs."

func (g *Gateway) status(err error) (int, string) {
	var (
		request *requestError
		config  *store.Error
		input   *event.Error
		call    *invoke.Error
		loop    *invoke.LoopError
	)
	switch {
	case errors.As(err, &request):
		return request.status, request.message
	case errors.As(err, &config):
		return configStatus(config.Code), config.Message
	case errors.As(err, &call):
		return g.callStatus(call)
	case errors.As(err, &loop):
		return http.StatusLoopDetected, loop.Error()
	case errors.As(err, &input):
		return inputStatus(input.Code), input.Message
	case errors.Is(err, queue.ErrFull):
		return http.StatusServiceUnavailable, "Too many events wait for this event's functions. Nothing was accepted; send it again later."
	case errors.Is(err, queue.ErrAway):
		return http.StatusServiceUnavailable, "The queue for events cannot be reached. Send the event again later: some of its functions may get it now, too."
	case errors.Is(err, queue.ErrTooLarge):
		return http.StatusRequestEntityTooLarge, "The event is too large for the queue that async events go through. Nothing was accepted."
	case errors.Is(err, queue.ErrClosed):
		return http.StatusServiceUnavailable, unavailableMessage
	}
	return http.StatusInternalServerError, internalMessage
}

// retryAfter returns after how many seconds whoever was refused should try again.
func retryAfter(err error) string {
	var call *invoke.Error
	if errors.As(err, &call) && call.RetryAfter > 0 {
		return strconv.Itoa(int(math.Ceil(call.RetryAfter.Seconds())))
	}
	return "1"
}

const unavailableMessage = "Service Unavailable"

func configStatus(c store.Code) int {
	switch c {
	case store.Invalid:
		return http.StatusBadRequest
	case store.NotFound:
		return http.StatusNotFound
	case store.Exists:
		return http.StatusConflict
	case store.Changed:
		return http.StatusPreconditionFailed
	}
	return http.StatusServiceUnavailable
}

func inputStatus(c event.Code) int {
	if c == event.UnsupportedFormat {
		return http.StatusUnsupportedMediaType
	}
	return http.StatusBadRequest
}

// callStatus says what a sync caller gets for a function that failed.
func (g *Gateway) callStatus(e *invoke.Error) (int, string) {
	switch {
	case e.NotCalled: // an overload is told by its status, -compat or not
		return http.StatusServiceUnavailable, callMessage(e)
	case g.Compat && accessError(e.Code):
		return http.StatusInternalServerError, "Function call failed with " + e.Code + ". Please check logs."
	case g.Compat && e.Class == invoke.Invalid && e.Code == "":
		return http.StatusInternalServerError, "HTTP response object malformed"
	case g.Compat:
		return http.StatusInternalServerError, "Function call failed. Please check logs."
	case e.Class == invoke.Timeout:
		return http.StatusGatewayTimeout, callMessage(e)
	case e.Class == invoke.Throttled, e.RetryAfter > 0:
		return http.StatusServiceUnavailable, callMessage(e)
	}
	return http.StatusBadGateway, callMessage(e)
}

// accessError tells the errors of AWS Lambda that callers were told of in 2018.
func accessError(code string) bool {
	return code == "AccessDeniedException" || code == "UnrecognizedClientException" || code == "ExpiredTokenException"
}

func callMessage(e *invoke.Error) string {
	return `Function "` + e.Function + `" failed: ` + e.Message + "."
}

// respondJSON answers with v and a newline, as clients have always seen it.
func respondJSON(c *gin.Context, status int, v any) {
	c.Header("Content-Type", "application/json")
	c.Status(status)
	if status == http.StatusNoContent {
		c.Writer.WriteHeaderNow()
		return
	}
	if err := json.MarshalWrite(c.Writer, v, json.Deterministic(true)); err == nil {
		_, _ = c.Writer.WriteString("\n")
	}
}
