package invoke

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/go-json-experiment/json"
)

// awsTimeout is for calls of AWS that run nothing there.
const awsTimeout = 10 * time.Second

// awsFunction is what a function on AWS of any type is called with.
type awsFunction struct {
	service   awsService
	source    aws.CredentialsProvider
	own       *aws.Credentials // those of the settings, if there are any
	role      *role            // nil: it names none
	transport *http.Transport
}

// awsCall is what the SDK signs and sends one call with.
type awsCall struct {
	*awsFunction
	credentials aws.Credentials
	sent        bool // or tried to
	answered    bool
	broken      error // why the answer could not be read to its end
}

// streamKey is where the context of a request has what the SDK reads its body from.
type streamKey struct{}

// keepStream is for the SDK's requests.
func keepStream(stack *middleware.Stack) error {
	keep := func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		if r, ok := in.Request.(*smithyhttp.Request); ok {
			ctx = context.WithValue(ctx, streamKey{}, r.GetStream())
		}
		return next.HandleFinalize(ctx, in)
	}
	return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("keepStream", keep), middleware.After)
}

// begin finds the credentials of a call. Its errors are *Error.
func (f *awsFunction) begin(ctx context.Context) (*awsCall, error) {
	call := &awsCall{awsFunction: f}
	var err error
	if call.credentials, err = f.source.Retrieve(ctx); err != nil {
		return nil, call.noCredentials(ctx, err)
	}
	return call, nil
}

// Retrieve implements aws.CredentialsProvider.
func (c *awsCall) Retrieve(context.Context) (aws.Credentials, error) { return c.credentials, nil }

// Do sends r once, as send does, and bounds the answer, which the SDK reads whatever its size. Bytes take the place of the
// SDK's reader of them: net/http would send that in a packet of its own, and close the connection if an answer came before it saw the end.
func (c *awsCall) Do(r *http.Request) (*http.Response, error) {
	if stream, ok := r.Context().Value(streamKey{}).(*bytes.Reader); ok {
		r.GetBody = func() (io.ReadCloser, error) {
			body := *stream // the SDK's stays as it is
			_, err := body.Seek(0, io.SeekStart)
			return io.NopCloser(&body), err
		}
		r.Body, _ = r.GetBody()
	}
	c.sent = true
	resp, err := c.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 200 {
		resp.Body.Close()
		return nil, errors.New("the answer was a change of protocol")
	}
	c.answered = true
	resp.Body = &awsBody{http.MaxBytesReader(nil, resp.Body, MaxAnswer), c}
	return resp, nil
}

// awsBody tells its call of what went wrong while it was read: the SDK's errors look the same where the text makes no sense.
type awsBody struct {
	io.ReadCloser
	call *awsCall
}

func (b *awsBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.call.broken = err
	}
	return n, err
}

// taken is the answer of a service that took an event. One without an id makes no sense.
func (c *awsCall) taken(id *string, answer any) (*Answer, error) {
	body, err := json.Marshal(answer)
	if err != nil || id == nil || *id == "" {
		return nil, c.nonsense(err)
	}
	return &Answer{Status: http.StatusOK, Header: headerOf("application/json"), Body: body, Plain: true}, nil
}
