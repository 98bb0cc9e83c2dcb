package lambda

import (
	"errors"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// event has the members of all kinds of events that are served, so that a payload is decoded once. Which of them are there tells the
// kind.
type event struct {
	Version           string              `json:"version"`
	Type              string              `json:"type"`
	HTTPMethod        string              `json:"httpMethod"`
	Path              string              `json:"path"`
	RawPath           string              `json:"rawPath"`
	RawQueryString    string              `json:"rawQueryString"`
	Cookies           []string            `json:"cookies"`
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Query             map[string]string   `json:"queryStringParameters"`
	MultiValueQuery   map[string][]string `json:"multiValueQueryStringParameters"`
	Context           *eventContext       `json:"requestContext"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
	Records           []record            `json:"Records"`
}

type eventContext struct {
	APIID        string `json:"apiId"`
	Stage        string `json:"stage"`
	DomainName   string `json:"domainName"`
	DomainPrefix string `json:"domainPrefix"`
	Identity     struct {
		SourceIP string          `json:"sourceIp"`
		UserARN  *jsontext.Value `json:"userArn"`
	} `json:"identity"`
	Authorizer *jsontext.Value `json:"authorizer"` // anything that an authorizer made up; it is read when somebody asks who the caller is
	HTTP       *struct {
		Method   string `json:"method"`
		Path     string `json:"path"`
		SourceIP string `json:"sourceIp"`
	} `json:"http"`
	ELB *struct{} `json:"elb"`
}

// errUnknown does not say what came instead: payloads have secrets.
var errUnknown = errors.New("the event is neither an HTTP request nor a message of the queue: expected one of an API Gateway REST or HTTP API, " +
	"of a function URL, of an Application Load Balancer, or of SQS")

// decode reads a payload. It takes what encoding/json would take: names that come twice and bad UTF-8 are the client's, and would be a
// failure of the function.
func decode(payload []byte) (*event, error) {
	e := &event{}
	if err := unmarshal(payload, e); err != nil {
		return nil, errUnknown
	}
	return e, nil
}

func unmarshal(b []byte, to any) error {
	return json.Unmarshal(b, to, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// source tells where the event is from. It is nil if that is not known.
func (e *event) source() source {
	switch c := e.Context; {
	case c == nil || e.Type != "": // only events for authorizers have a type, and they look like requests otherwise
		return nil
	case c.ELB != nil:
		return balancer{e}
	case c.HTTP != nil && e.Version == "2.0":
		return gateway2{e}
	case e.HTTPMethod != "" && c.HTTP == nil && (e.Version == "" || e.Version == "1.0"):
		return gateway1{e}
	}
	return nil
}

// takeHosts removes the Host headers, and returns their values.
func (e *event) takeHosts() (hosts []string) {
	for name, value := range e.Headers {
		if strings.EqualFold(name, "Host") {
			hosts = append(hosts, value)
			delete(e.Headers, name)
		}
	}
	if len(e.MultiValueHeaders) > 0 { // they have all that the others have
		hosts = nil
	}
	for name, values := range e.MultiValueHeaders {
		if strings.EqualFold(name, "Host") {
			hosts = append(hosts, values...)
			delete(e.MultiValueHeaders, name)
		}
	}
	return hosts
}

// query returns the parameters, in the form that has all values if it is there.
func (e *event) query() url.Values {
	if len(e.MultiValueQuery) > 0 {
		return e.MultiValueQuery
	}
	values := make(url.Values, len(e.Query))
	for name, value := range e.Query {
		values[name] = []string{value}
	}
	return values
}
