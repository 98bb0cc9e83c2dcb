package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"

	"github.com/event-gateway/event-gateway/invoke/lambdatest"
)

// The functions of a region.
const (
	gatewayLambda = "gateway"
	countedLambda = "counted" // the gateway again, which reaches the store through the proxy only
	bare          = "bare"
)

// region is a Lambda host, what is in the zip, and what that needs: a store with subscriptions, and a function of type http.
type region struct {
	host     *lambdatest.Host
	db       interface{ stop() }
	function *process
	proxy    *proxy // nil: there is none
	dir      string
	env      []string // of all functions, besides their own
}

// startRegion starts a region whose store is an etcd with 100 subscriptions.
func startRegion(ctx context.Context) (r *region, err error) {
	r = &region{}
	defer func() {
		if err != nil {
			r.stop()
		}
	}()
	db, err := startEtcd(ctx)
	if err != nil {
		return r, err
	}
	r.db = db
	if r.proxy, err = startProxy(db.endpoint()); err != nil {
		return r, err
	}
	return r, r.open(ctx, db.url(), 100, map[string]string{gatewayLambda: db.url(), countedLambda: "etcd://" + r.proxy.addr(), bare: db.url()})
}

// open fills the store with n subscriptions, and starts the host of functions, each with the URL of its store.
func (r *region) open(ctx context.Context, storeURL string, n int, functions map[string]string) (err error) {
	if r.dir, err = os.MkdirTemp("", "bench"); err != nil {
		return err
	}
	bootstrap, err := unpack(r.dir)
	if err != nil {
		return err
	}
	if r.function, err = start(ctx, "function"); err != nil {
		return err
	}
	if err := configure(ctx, storeURL, r.function.hello, n); err != nil {
		return err
	}
	host := map[string]lambdatest.Function{}
	for name, its := range functions {
		host[name] = lambdaOn(bootstrap, its, r.env)
		if name == bare {
			host[name] = lambdaOn(bareLambda, its, r.env)
		}
	}
	r.host, err = lambdatest.Start(host)
	return err
}

func (r *region) stop() {
	if r.host != nil {
		r.host.Close()
	}
	if r.proxy != nil {
		r.proxy.close()
	}
	if r.function != nil {
		r.function.stop()
	}
	if r.db != nil {
		r.db.stop()
	}
	os.RemoveAll(r.dir)
}

func lambdaOn(program, storeURL string, env []string) lambdatest.Function {
	return lambdatest.Function{
		Command: []string{program}, Timeout: 10 * time.Second,
		Env: append([]string{"EVENT_GATEWAY_STORE=" + storeURL, "EVENT_GATEWAY_ROLE=events"}, env...),
	}
}

// configure has a gateway write the function and n subscriptions of it into the store.
func configure(ctx context.Context, storeURL, function string, n int) error {
	g, err := startGateway(ctx, storeURL)
	if err != nil {
		return err
	}
	defer g.stop()
	if err := g.subscribe(function, http.MethodPost, "/users/:id"); err != nil {
		return err
	}
	for i := range n - 1 {
		if err := g.createSubscription(http.MethodPost, fmt.Sprintf("/shops/%d/orders/:order", i)); err != nil {
			return err
		}
	}
	return nil
}

// userEvent is what an HTTP API of API Gateway sends for the request of a load: a sync event of 1 KB.
var userEvent = marshal(events.APIGatewayV2HTTPRequest{
	Version: "2.0", RouteKey: "$default", RawPath: "/users/42",
	Headers: map[string]string{
		"accept": "*/*", "accept-encoding": "gzip", "authorization": "Bearer 0123456789abcdef", "content-type": "application/json",
		"host": "z9y8x7w6v5.execute-api.eu-west-1.amazonaws.com", "user-agent": "bench", "x-forwarded-for": "192.0.2.1",
		"x-forwarded-port": "443", "x-forwarded-proto": "https",
	},
	RequestContext: events.APIGatewayV2HTTPRequestContext{
		APIID: "z9y8x7w6v5", Stage: "$default", DomainName: "z9y8x7w6v5.execute-api.eu-west-1.amazonaws.com", DomainPrefix: "z9y8x7w6v5",
		HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: http.MethodPost, Path: "/users/42", Protocol: "HTTP/1.1", SourceIP: "192.0.2.1"},
	},
	Body: kilobyte,
})

// invoke has a function answer the event.
func (r *region) invoke(ctx context.Context, name string) error {
	res, err := r.host.Invoke(ctx, name, userEvent)
	if err != nil {
		return err
	}
	var a answerObject
	if err := json.Unmarshal(res.Payload, &a); err != nil || a.StatusCode != http.StatusOK || name != bare && a.Body != kilobyte {
		return fmt.Errorf("the answer of %s is wrong: %s %s\n%s", name, res.FunctionError, res.Payload, r.host.Log(name))
	}
	return nil
}

// cold returns how long a function takes from the start of its process to its first answer.
func (r *region) cold(ctx context.Context, name string) (time.Duration, error) {
	r.host.Kill(name)
	began := time.Now()
	err := r.invoke(ctx, name)
	return time.Since(began), err
}
