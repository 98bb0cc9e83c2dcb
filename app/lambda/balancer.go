package lambda

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"
)

// balancer is an Application Load Balancer. Its target group has headers and parameters either with one value each or with all of them,
// and takes answers in the same way only.
type balancer struct{ *event }

// line leaves the parameters as they are: the balancer does not decode them.
func (s balancer) line() line {
	values := s.query()
	var query strings.Builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			if query.Len() > 0 {
				query.WriteByte('&')
			}
			query.WriteString(name + "=" + value)
		}
	}
	return line{s.HTTPMethod, s.Path, query.String()}
}

func (s balancer) request() (*http.Request, error) {
	r, err := new(core.RequestAccessorALB).EventToRequest(events.ALBTargetGroupRequest{
		HTTPMethod: s.HTTPMethod, Path: "/", Body: s.Body, IsBase64Encoded: s.IsBase64Encoded,
		Headers: s.Headers, MultiValueHeaders: s.MultiValueHeaders,
	})
	if err != nil {
		return nil, err
	}
	// What comes before the last address is what the client says.
	if forwarded := r.Header["X-Forwarded-For"]; len(forwarded) > 0 {
		last := forwarded[len(forwarded)-1]
		r.RemoteAddr = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
	}
	return r, nil
}

func (s balancer) response(w *writer) (any, error) {
	out := core.NewProxyResponseWriterALB()
	w.copyTo(out)
	r, err := out.GetProxyResponse()
	r.Body, r.IsBase64Encoded = w.armor(r.Body, r.IsBase64Encoded)
	r.StatusDescription = strings.TrimSpace(strconv.Itoa(w.status) + " " + http.StatusText(w.status))
	if s.MultiValueHeaders == nil {
		r.Headers, r.MultiValueHeaders = single(r.MultiValueHeaders), nil
	}
	return r, err
}

func (balancer) limit() (int, string) { return balancerLimit, "an Application Load Balancer" }

// single returns headers with one value each. Cookies cannot be joined: each gets a name of its own, of which there are 512.
func single(header http.Header) map[string]string {
	h := make(map[string]string, len(header))
	for name, values := range header {
		if name != "Set-Cookie" {
			h[name] = strings.Join(values, ",")
			continue
		}
		for i, value := range values {
			h[spelling(name, i)] = value
		}
	}
	return h
}

// spelling returns the name with the case of some letters changed: those whose bits are set in i.
func spelling(name string, i int) string {
	b := []byte(name)
	for at, c := range b {
		if c == '-' {
			continue
		}
		if i&1 == 1 {
			b[at] = c ^ 0x20
		}
		i >>= 1
	}
	return string(b)
}
