package invoke

import (
	"context"
	"encoding/base64"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/event-gateway/event-gateway/store"
)

// lambdaTimeout has to leave room for the answer in the time that the server has for it.
const lambdaTimeout = 50 * time.Second

func awsLambdaType(c Credentials) store.FunctionType {
	own := []store.Field{{Name: "arn", Required: true}, {Name: "async", Kind: store.Flag}}
	return awsType("awslambda", "AWS Lambda function", own, c, unchecked)
}

// lambdaFunction is a Lambda function and the client that calls it.
type lambdaFunction struct {
	*awsFunction
	client *lambda.Client
	name   string // or its ARN
	async  bool   // AWS Lambda takes the event and calls the function later
}

func openLambda(s store.Settings, e *Egress) (Invoker, error) {
	c, f, err := e.awsFunction(s, awsService{
		name: "AWS Lambda", denied: "the call was denied", busy: "takes no more calls of it for now",
		needs: "lambda:InvokeFunction on it", noSuch: "function, version or alias", failed: "could not call it",
	})
	if err != nil {
		return nil, err
	}
	l := &lambdaFunction{awsFunction: f, client: lambda.NewFromConfig(c), name: s.Text("arn"), async: s.Flag("async")}
	return l.invoke, nil
}

func (l *lambdaFunction) invoke(ctx context.Context, p Payload) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, lambdaTimeout)
	defer cancel()
	call, err := l.begin(ctx)
	if err != nil {
		return nil, err
	}
	input := &lambda.InvokeInput{FunctionName: &l.name, InvocationType: types.InvocationTypeRequestResponse, Payload: p.Body}
	if l.async {
		input.InvocationType = types.InvocationTypeEvent
	} else { // AWS Lambda passes it to no function that it calls later
		input.ClientContext = clientContext(p)
	}
	out, err := l.client.Invoke(ctx, input, func(o *lambda.Options) { o.HTTPClient, o.Credentials = call, call })
	switch {
	case err != nil:
		return nil, call.failure(ctx, err)
	case out.FunctionError != nil:
		return nil, call.functionFailure(out.Payload)
	case l.async:
		return &Answer{Status: http.StatusAccepted, Plain: true}, nil
	}
	return &Answer{Status: http.StatusOK, Header: headerOf("application/json"), Body: out.Payload}, nil
}

// clientContext is where a Lambda function finds what others get in headers (docs.aws.amazon.com/lambda, "Invoke", ClientContext).
func clientContext(p Payload) *string {
	if p.Event == nil || p.Event.Lineage == "" {
		return nil
	}
	text := base64.StdEncoding.EncodeToString([]byte(`{"custom":{"eventgatewaylineage":"` + p.Event.Lineage + `"}}`))
	return &text
}
