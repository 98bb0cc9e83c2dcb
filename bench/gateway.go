package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// gateway is a process that runs the gateway.
type gateway struct {
	*process
	events, config string // URLs
}

func startGateway(ctx context.Context, storeURL string) (*gateway, error) {
	p, err := start(ctx, "gateway", storeURL)
	if err != nil {
		return nil, err
	}
	events, config, _ := strings.Cut(p.hello, " ")
	return &gateway{p, events, config}, nil
}

// subscribe registers the function at url and subscribes it, as a sync one, to requests on a path.
func (g *gateway) subscribe(url, method, path string) error {
	if err := g.create("functions", fmt.Sprintf(`{"functionId":"f","type":"http","provider":{"url":%q}}`, url)); err != nil {
		return err
	}
	return g.createSubscription(method, path)
}

func (g *gateway) createSubscription(method, path string) error {
	return g.create("subscriptions", fmt.Sprintf(`{"functionId":"f","event":"http","method":%q,"path":%q}`, method, path))
}

// create posts to the Config API and returns when the 201 is there.
func (g *gateway) create(resource, body string) error {
	resp, err := http.Post(g.config+"/v1/spaces/default/"+resource, "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusCreated {
		err = fmt.Errorf("creating one of the %s: %s: %s", resource, resp.Status, text)
	}
	return err
}
