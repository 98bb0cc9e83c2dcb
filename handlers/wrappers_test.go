package handlers_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/event-gateway/event-gateway/app"
	"github.com/event-gateway/event-gateway/app/lambda"
	"github.com/event-gateway/event-gateway/handlers"
)

// The tests of this package send their requests to a gateway that runs as a server. Each request that goes through send is sent once more, in
// the same order, to gateways that run as a Lambda behind each kind of front: the answers have to be the same in status, headers and body.

// front is what stands before a Lambda: it makes an event of a request, and an answer of what comes back.
type front struct {
	name   string
	event  func(x exchange, path string) any
	answer func(t *testing.T, payload []byte) answer
}

func fronts() []front {
	return []front{
		{"API Gateway v1", gateway1, oneAnswer},
		{"API Gateway v2", gateway2, oneAnswer},
		{"ALB", balancer(false), oneAnswer},
		{"ALB with multi-value headers", balancer(true), oneAnswer},
	}
}

// exchange is a request, as a server saw it, and its answer.
type exchange struct {
	config bool
	method string
	url    *url.URL
	host   string
	header http.Header
	body   string
	answer answer
}

// mirror sends exchanges to Lambdas.
type mirror struct {
	mu      sync.Mutex
	pending []exchange
	lambdas []*lambda.Adapter
}

// compared counts the answers that were compared.
var compared atomic.Int64

// mirrors are those of the gateways that run, by the host and port of their APIs.
var mirrors sync.Map

func newMirror(t *testing.T, o *app.Options, events, config string) {
	t.Helper()
	m := &mirror{}
	for range fronts() {
		twin := *o
		twin.Role, twin.MaxStaleness = "all", 30*time.Second
		l, err := app.NewLambda(&twin, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		m.lambdas = append(m.lambdas, l)
	}
	for u, isConfig := range map[string]bool{events: false, config: true} {
		_, host, _ := strings.Cut(u, "://")
		mirrors.Store(host, surface{m, isConfig})
		t.Cleanup(func() { mirrors.Delete(host) })
	}
}

// surface is one of the APIs of a gateway that is mirrored.
type surface struct {
	*mirror
	config bool
}

// mirrored keeps an exchange for later: the functions that it needs are there until the clean-up of the test.
func mirrored(t *testing.T, req *http.Request, body string, a answer) {
	s, ok := mirrors.Load(req.URL.Host)
	if !ok || unmirrored.MatchString(t.Name()) || a.status == http.StatusRequestHeaderFieldsTooLarge { // which is the front's to answer
		return
	}
	m := s.(surface)
	header := req.Header.Clone()
	if header.Get("User-Agent") == "" { // what Go's client adds
		header.Set("User-Agent", "Go-http-client/1.1")
	}
	if body != "" || slices.Contains([]string{"POST", "PUT", "PATCH"}, req.Method) {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	m.mu.Lock()
	m.pending = append(m.pending, exchange{m.config, req.Method, req.URL, cmp.Or(req.Host, req.URL.Host), header, body, a})
	m.mu.Unlock()
	if atOnce.MatchString(t.Name()) {
		m.replay(t)
		return
	}
	t.Cleanup(func() { m.replay(t) })
}

var (
	// unmirrored are tests that send so many requests at once that the order in which they came is not known.
	// Or that pass on the lineage of events, which each gateway signs with a key of its own, or fill the queue, which a Lambda has not.
	unmirrored = regexp.MustCompile(`^Test(F|F_Memory|W|FiftyWriters|P|P_.*|BatchRoom|SlowSenders|SilentSenders)$`)
	// atOnce are tests that change how their functions answer from request to request.
	atOnce = regexp.MustCompile(`^TestI$`)
)

func (m *mirror) replay(t *testing.T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var wg sync.WaitGroup
	for i, f := range fronts() {
		wg.Go(func() {
			for _, x := range m.pending {
				compare(t, f, m.lambdas[i], x)
			}
		})
	}
	wg.Wait()
	m.pending = nil
}

// compare sends x to a Lambda and compares the answers.
func compare(t *testing.T, f front, l *lambda.Adapter, x exchange) {
	path := x.url.EscapedPath()
	if x.config {
		path = app.ConfigPath + path
	}
	event, err := json.Marshal(f.event(x, path))
	if err != nil {
		t.Error(err)
		return
	}
	payload, err := l.Invoke(context.Background(), event) // that of the test has ended
	if err != nil {
		t.Errorf("%s: %s %s: %v", f.name, x.method, x.url, err)
		return
	}
	compared.Add(1)
	got, want := plain(f.answer(t, payload)), plain(x.answer)
	if strings.HasSuffix(x.url.Path, "/metrics") {
		got.body, want.body = "", ""
	}
	if got.status != want.status || got.body != want.body || !maps.EqualFunc(got.header, want.header, slices.Equal) {
		t.Errorf("%s: %s %s %v %q:\n    %d %v %q\nthe server answered\n    %d %v %q",
			f.name, x.method, x.url, x.header, x.body, got.status, got.header, got.body, want.status, want.header, want.body)
	}
}

// plain returns an answer without what differs from request to request, and without what frames a message.
func plain(a answer) answer {
	header := http.Header{}
	for name, values := range a.header {
		switch name {
		case "Date", "Connection", "Content-Length":
		case "Set-Cookie":
			header[name] = slices.Sorted(slices.Values(values))
		default: // some fronts join repeated headers, with or without a space
			header.Set(name, strings.ReplaceAll(strings.Join(values, ","), ", ", ","))
		}
	}
	for pattern, name := range map[string]string{
		`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`: "UUID",
		`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`:                      "TIME",
		`"receivedAt":\d+`: "RECEIVED",
	} {
		a.body = regexp.MustCompile(pattern).ReplaceAllString(a.body, name)
	}
	return answer{a.status, header, a.body}
}

// wireBody returns a body as events carry it.
func wireBody(body string) (string, bool) {
	if utf8.ValidString(body) {
		return body, false
	}
	return base64.StdEncoding.EncodeToString([]byte(body)), true
}

func joined(h http.Header, separator string) map[string]string {
	one := map[string]string{}
	for name, values := range h {
		one[strings.ToLower(name)] = strings.Join(values, separator)
	}
	return one
}

func gateway1(x exchange, path string) any {
	body, encoded := wireBody(x.body)
	header := x.header.Clone()
	header.Set("Host", x.host)
	return map[string]any{
		"resource": "/{proxy+}", "path": path, "httpMethod": x.method,
		"headers": joined(header, ","), "multiValueHeaders": header,
		"multiValueQueryStringParameters": x.url.Query(),
		"requestContext":                  map[string]any{"stage": "prod", "domainName": x.host, "identity": map[string]any{"sourceIp": "192.0.2.1"}, "path": "/prod" + path},
		"body":                            body, "isBase64Encoded": encoded,
	}
}

func gateway2(x exchange, path string) any {
	body, encoded := wireBody(x.body)
	header := x.header.Clone()
	var cookies []string
	for _, c := range header["Cookie"] {
		cookies = append(cookies, strings.Split(c, "; ")...)
	}
	header.Del("Cookie")
	header.Set("Host", x.host)
	return map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": x.url.RawQuery,
		"cookies": cookies, "headers": joined(header, ","),
		"requestContext": map[string]any{"stage": "$default", "domainName": x.host, "http": map[string]any{"method": x.method, "path": path, "sourceIp": "192.0.2.1"}},
		"body":           body, "isBase64Encoded": encoded,
	}
}

func balancer(multi bool) func(x exchange, path string) any {
	return func(x exchange, path string) any {
		body, encoded := wireBody(x.body)
		header := x.header.Clone()
		header.Set("Host", x.host)
		query := url.Values{}
		for pair := range strings.SplitSeq(x.url.RawQuery, "&") {
			if name, value, _ := strings.Cut(pair, "="); pair != "" {
				query.Add(name, value)
			}
		}
		event := map[string]any{
			"requestContext": map[string]any{"elb": map[string]any{"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/g/1"}},
			"httpMethod":     x.method, "path": path, "body": body, "isBase64Encoded": encoded,
		}
		if multi {
			lower := map[string][]string{}
			for name, values := range header {
				lower[strings.ToLower(name)] = values
			}
			event["multiValueHeaders"], event["multiValueQueryStringParameters"] = lower, query
			return event
		}
		last := map[string]string{} // of repeated parameters the last one
		for name, values := range query {
			last[name] = values[len(values)-1]
		}
		event["headers"], event["queryStringParameters"] = joined(header, ", "), last
		return event
	}
}

func oneAnswer(t *testing.T, payload []byte) answer {
	var r struct {
		StatusCode        int                 `json:"statusCode"`
		Headers           map[string]string   `json:"headers"`
		MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
		Cookies           []string            `json:"cookies"`
		Body              string              `json:"body"`
		IsBase64Encoded   bool                `json:"isBase64Encoded"`
	}
	if err := json.Unmarshal(payload, &r); err != nil {
		t.Errorf("%s: %v", payload, err)
	}
	a := answer{status: r.StatusCode, header: http.Header{}, body: r.Body}
	for name, values := range r.MultiValueHeaders {
		a.header[http.CanonicalHeaderKey(name)] = values
	}
	if len(r.MultiValueHeaders) == 0 {
		for name, value := range r.Headers {
			a.header.Add(name, value)
		}
	}
	for _, c := range r.Cookies {
		a.header.Add("Set-Cookie", c)
	}
	if r.IsBase64Encoded {
		b, err := base64.StdEncoding.DecodeString(r.Body)
		if err != nil {
			t.Error(err)
		}
		a.body = string(b)
	}
	return a
}

// TestClientIP: gin sees the client's address, whatever the client says of it.
func TestClientIP(t *testing.T) {
	t.Parallel()
	g := &handlers.Gateway{Registry: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)}
	engine := g.Router(handlers.Config).(*gin.Engine)
	engine.GET("/ip", func(c *gin.Context) { c.String(http.StatusOK, c.ClientIP()) })
	l := lambda.New(engine, lambda.Options{})
	x := exchange{method: "GET", url: &url.URL{Path: "/ip"}, host: "gateway.test", header: http.Header{"X-Forwarded-For": {"198.51.100.7, 192.0.2.1"}, "X-Real-Ip": {"198.51.100.7"}}}
	for _, f := range fronts() {
		event, err := json.Marshal(f.event(x, "/ip"))
		if err != nil {
			t.Fatal(err)
		}
		payload, err := l.Invoke(t.Context(), event)
		if err != nil {
			t.Fatal(err)
		}
		if a := f.answer(t, payload); a.body != "192.0.2.1" {
			t.Errorf("%s: %q", f.name, a.body)
		}
	}
}
