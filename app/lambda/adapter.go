// Package lambda serves an http.Handler on AWS Lambda. It makes requests of the events that API Gateway, function URLs and
// Application Load Balancers send, and gives each of them the answer in its own form.
package lambda

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/awslabs/aws-lambda-go-api-proxy/core"

	"github.com/event-gateway/event-gateway/invoke/queue/sqs"
)

// Options are what an adapter can be told. All may be left out.
type Options struct {
	// BasePath is cut from the front of paths: what a custom domain maps the API to. A path that is not below it stays as it is.
	BasePath string
	// Queue is the name of the queue whose messages Consume takes, which returns the ids of those that have to come again. "": there is none.
	Queue   string
	Consume func(ctx context.Context, records []sqs.Record) (failed []string)
	// Begin is called when an invocation begins, and what it returns when that is over.
	Begin func() (end func())
	// Log is told when the handler panics.
	Log *slog.Logger
}

// Adapter is a handler for the Lambda runtime.
type Adapter struct {
	handler  http.Handler
	options  Options
	basePath string // "" or one that begins with a slash and does not end with one
	log      *slog.Logger
}

// New returns an adapter that serves h.
func New(h http.Handler, o Options) *Adapter {
	// The library would read it for each event, and fail if it is no URL. Nothing of a request may come from there.
	_ = os.Unsetenv(core.CustomHostVariable)
	a := &Adapter{handler: h, options: o, log: o.Log}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if o.Begin == nil {
		a.options.Begin = func() func() { return func() {} }
	}
	if path := strings.Trim(o.BasePath, "/"); path != "" {
		a.basePath = "/" + path
	}
	return a
}

// Invoke answers one event. It fails only if the event is neither one that carries an HTTP request nor messages of the queue: a bad request and a handler that
// panics have an HTTP answer.
func (a *Adapter) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	defer a.options.Begin()()
	e, err := decode(payload)
	if err != nil {
		return nil, err
	}
	if len(e.Records) > 0 {
		return a.consume(ctx, e.Records)
	}
	s := e.source()
	if s == nil {
		return nil, errUnknown
	}
	return a.serve(ctx, e, s)
}

func (a *Adapter) serve(ctx context.Context, e *event, s source) ([]byte, error) {
	ctx, cancel := early(ctx)
	defer cancel()
	l := s.line()
	limit, _ := s.limit()
	w := &writer{head: l.method == http.MethodHead, limit: limit, header: make(http.Header)}
	if r, err := a.request(e, s, l); err != nil {
		w.fail(http.StatusBadRequest, "Bad request: "+err.Error()+".")
	} else {
		a.handle(w, r.WithContext(withCaller(ctx, e, s)))
	}
	return encode(s, w)
}

// handle calls the handler. A panic is an answer: the process has more requests to serve.
func (a *Adapter) handle(w *writer, r *http.Request) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			a.log.Warn("an answer was given up", "method", r.Method, "panic", p)
			w.fail(http.StatusBadGateway, "The answer was given up halfway.")
		default:
			a.log.Error("a panic ended a request", "method", r.Method, "panic", p, "stack", string(debug.Stack()))
			w.fail(http.StatusInternalServerError, "Internal error. Please check logs.")
		}
	}()
	a.handler.ServeHTTP(w, r)
}

// early returns a context that ends before the Lambda does, so that there is time left to answer.
func early(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	margin := min(500*time.Millisecond, time.Until(end)/10)
	return context.WithDeadline(ctx, end.Add(-margin))
}
