package lambda

import (
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"
)

// gateway1 is API Gateway with the payload format 1.0: REST APIs, and HTTP APIs that are set to it.
type gateway1 struct{ *event }

// line encodes the parameters again: API Gateway decodes them, but not the path.
func (s gateway1) line() line {
	return line{s.HTTPMethod, s.Path, s.query().Encode()}
}

func (s gateway1) request() (*http.Request, error) {
	e := events.APIGatewayProxyRequest{HTTPMethod: s.HTTPMethod, Path: "/", Body: s.Body, IsBase64Encoded: s.IsBase64Encoded}
	e.RequestContext.Identity.SourceIP = s.Context.Identity.SourceIP
	if e.Headers = s.Headers; len(s.MultiValueHeaders) > 0 {
		e.MultiValueHeaders = s.MultiValueHeaders
	}
	return new(core.RequestAccessor).EventToRequest(e)
}

func (s gateway1) response(w *writer) (any, error) {
	out := core.NewProxyResponseWriter()
	w.copyTo(out)
	r, err := out.GetProxyResponse()
	r.Body, r.IsBase64Encoded = w.armor(r.Body, r.IsBase64Encoded)
	return r, err
}

func (gateway1) limit() (int, string) { return lambdaLimit, "AWS Lambda" }
