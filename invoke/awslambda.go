package invoke

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/event-gateway/event-gateway/store"
)

// lambdaTimeout has to leave room for the answer in the time that the server has for it.
const lambdaTimeout = 50 * time.Second

func awsLambdaType(hosted bool) store.FunctionType {
	return awsType("awslambda", "AWS Lambda function", "arn", hosted)
}

// lambdaFunction is a Lambda function and the client that calls it.
type lambdaFunction struct {
	name        string // or its ARN
	client      *lambda.Client
	credentials aws.CredentialsProvider
	transport   *http.Transport
}

func openLambda(s store.Settings, e *Egress) (Invoker, error) {
	c, transport, err := e.awsConfig(s.Provider)
	if err != nil {
		return nil, err
	}
	l := &lambdaFunction{name: s.Text("arn"), client: lambda.NewFromConfig(c), credentials: c.Credentials, transport: transport}
	return l.invoke, nil
}

func (l *lambdaFunction) invoke(ctx context.Context, p Payload) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, lambdaTimeout)
	defer cancel()
	call := &lambdaCall{transport: l.transport, payload: p.Body}
	var err error
	if call.credentials, err = l.credentials.Retrieve(ctx); err != nil {
		return nil, call.noCredentials(ctx, err)
	}
	input := &lambda.InvokeInput{FunctionName: &l.name, InvocationType: types.InvocationTypeRequestResponse, Payload: p.Body, ClientContext: clientContext(p)}
	out, err := l.client.Invoke(ctx, input, call.use)
	switch {
	case err != nil:
		return nil, call.failure(ctx, err)
	case out.FunctionError != nil:
		return nil, call.functionFailure(out.Payload)
	}
	return &Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: out.Payload}, nil
}

// clientContext is where a Lambda function finds what others get in headers (docs.aws.amazon.com/lambda, "Invoke", ClientContext).
func clientContext(p Payload) *string {
	if p.Event == nil || p.Event.Lineage == "" {
		return nil
	}
	text := base64.StdEncoding.EncodeToString([]byte(`{"custom":{"eventgatewaylineage":"` + p.Event.Lineage + `"}}`))
	return &text
}

// lambdaCall is what the SDK signs and sends one call with.
type lambdaCall struct {
	transport   *http.Transport
	payload     []byte
	credentials aws.Credentials
}

func (c *lambdaCall) use(o *lambda.Options) { o.HTTPClient, o.Credentials = c, c }

// Retrieve implements aws.CredentialsProvider.
func (c *lambdaCall) Retrieve(context.Context) (aws.Credentials, error) { return c.credentials, nil }

// Do sends r once, as send does, and bounds the answer, which the SDK reads whatever its size. The payload takes the place of the
// SDK's reader of it: net/http would send that in a packet of its own, and close the connection if an answer came before it saw the end.
func (c *lambdaCall) Do(r *http.Request) (*http.Response, error) {
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(c.payload)), nil }
	r.Body, _ = r.GetBody()
	resp, err := c.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 200 {
		resp.Body.Close()
		return nil, errors.New("the answer was a change of protocol")
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, MaxAnswer)
	return resp, nil
}
