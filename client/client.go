// Package client talks to an Event Gateway: it keeps its configuration, sends events, and receives them in functions.
//
//	gateway, err := client.New(client.Options{EventsURL: "http://localhost:4000", ConfigURL: "http://localhost:4001"})
//	...
//	_, err = gateway.Functions.Create(ctx, client.HTTPFunction("sendEmail", "http://localhost:8080/sendEmail"))
//	_, err = gateway.Subscriptions.Create(ctx, client.Subscription{Event: "user.created", FunctionID: "sendEmail", Path: "/users"})
//
//	event, err := client.NewEvent("user.created", user)
//	_, err = gateway.Send(ctx, "/users", event)
//
// A function is a web server that gets the event. [Handler] makes what it sends on count as a consequence of what it got, so that the gateway
// can stop events that go round in circles:
//
//	http.Handle("/sendEmail", client.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
//		event, err := client.Receive(r)
//		...
//		_, err = gateway.Send(r.Context(), "/mails", mail)
//	})))
//
// # Errors
//
// What the gateway refuses is an [*Error] with the status and the message; [Status] returns the status of any error. Nothing is sent
// twice: to try again, and when, is for the caller to say (RetryAfter helps). No error holds the token.
//
// # Limits
//
// Answers and received events may have 10 MiB. Redirects are never followed: they could lead a token or an event to another host.
package client

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options say where the gateway is. At least one of the URLs must be set.
type Options struct {
	// EventsURL is where the Events API is, such as "http://localhost:4000".
	EventsURL string
	// ConfigURL is where the Config API is, such as "http://localhost:4001".
	ConfigURL string
	// Token is the operator's token, if the Config API has one. It is sent to ConfigURL and nowhere else.
	Token string
	// Space is where the objects are, and whose functions Invoke calls. Empty: "default" or, in hosted mode, for Invoke the space of the host.
	Space string
	// HTTPClient makes the requests, but never follows redirects. Nil: one that gives up after 70 seconds, which is longer than a gateway takes.
	HTTPClient *http.Client
}

// Client talks to one gateway about one space. It may be used by many goroutines at once, and has nothing to close.
type Client struct {
	Functions     *Resource[Function]
	Subscriptions *Resource[Subscription]
	EventTypes    *Resource[EventType]
	CORS          *Resource[CORS]

	events *endpoint
	space  string // as it was given
}

// New returns a client. It connects to nothing yet.
func New(o Options) (*Client, error) {
	if o.EventsURL == "" && o.ConfigURL == "" {
		return nil, errors.New("event gateway: neither EventsURL nor ConfigURL is set")
	}
	if strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, errors.New("event gateway: Token has a character that no token has: is there a line end?")
	}
	hc := &http.Client{Timeout: 70 * time.Second}
	if o.HTTPClient != nil {
		*hc = *o.HTTPClient
	}
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	events, err := newEndpoint("EventsURL", o.EventsURL, "", hc)
	if err != nil {
		return nil, err
	}
	config, err := newEndpoint("ConfigURL", o.ConfigURL, o.Token, hc)
	if err != nil {
		return nil, err
	}
	space := cmp.Or(o.Space, "default")
	return &Client{
		Functions:     newResource(config, space, "function", "functions", (*Function).parts),
		Subscriptions: newResource(config, space, "subscription", "subscriptions", (*Subscription).parts),
		EventTypes:    newResource(config, space, "event type", "eventTypes", (*EventType).parts),
		CORS:          newResource(config, space, "CORS configuration", "cors", (*CORS).parts),
		events:        events,
		space:         o.Space,
	}, nil
}

// newEndpoint checks a URL of the options. One that is not set is an error only when it is used.
func newEndpoint(option, base, token string, hc *http.Client) (*endpoint, error) {
	e := &endpoint{option: option, http: hc, token: func() string { return token }}
	if base == "" {
		return e, nil
	}
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("event gateway: %s must be a URL that begins with http:// or https://", option)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fmt.Errorf("event gateway: %s must have no user, password, query or fragment; the token goes into Token", option)
	}
	e.base = strings.TrimRight(base, "/")
	return e, nil
}
