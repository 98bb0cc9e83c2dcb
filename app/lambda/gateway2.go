package lambda

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"
)

// gateway2 is the payload format 2.0: HTTP APIs of API Gateway, and function URLs.
type gateway2 struct{ *event }

func (s gateway2) line() line {
	path := cmp.Or(s.RawPath, s.Context.HTTP.Path)
	// Only the domain that AWS gave the API has the stage in its paths. Another domain maps to one stage.
	if c := s.Context; c.Stage != "" && c.Stage != "$default" && c.DomainPrefix == c.APIID {
		path = cut(path, "/"+c.Stage)
	}
	return line{s.Context.HTTP.Method, path, s.RawQueryString}
}

// request keeps the headers from the library: it would split each at its commas, which are part of a value as often as not.
func (s gateway2) request() (*http.Request, error) {
	e := events.APIGatewayV2HTTPRequest{RawPath: "/", Body: s.Body, IsBase64Encoded: s.IsBase64Encoded}
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.SourceIP = s.Context.HTTP.Method, s.Context.HTTP.SourceIP
	r, err := new(core.RequestAccessorV2).EventToRequest(e)
	if err != nil {
		return nil, err
	}
	for name, value := range s.Headers {
		r.Header.Add(name, value)
	}
	if len(s.Cookies) > 0 {
		r.Header.Set("Cookie", strings.Join(s.Cookies, "; "))
	}
	return r, nil
}

func (s gateway2) response(w *writer) (any, error) {
	out := core.NewProxyResponseWriterV2()
	w.copyTo(out)
	r, err := out.GetProxyResponse()
	r.Body, r.IsBase64Encoded = w.armor(r.Body, r.IsBase64Encoded)
	return r, err
}

func (gateway2) limit() (int, string) { return lambdaLimit, "AWS Lambda" }
