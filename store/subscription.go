package store

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/event-gateway/event-gateway/store/route"
)

// Subscription says which event on which method and path goes to which function, and whether the sender waits for the answer. It is
// immutable once it is in a snapshot.
type Subscription struct {
	Space, ID  string
	Shape      Shape
	Sync       bool
	EventType  string // "event" in the seed's shape
	FunctionID string
	Method     string
	Path       string
	CORS       *CORSPolicy       // seed's shape only
	Metadata   map[string]string // 0.9's shape only
	Extra      jsontext.Value    // what a newer version stored
	Rev        Rev

	function string // the item key of its function
}

// Shape is the dialect that a subscription was made in, and is read back in.
type Shape uint8

const (
	Seed Shape = iota // event, path, method
	V09               // type, eventType
)

// Event names that mean more than themselves.
const (
	HTTPEvent    = "http"         // a plain HTTP request, to seed-shaped subscriptions
	HTTPRequest  = "http.request" // the same, to 0.9-shaped ones
	InvokeEvent  = "invoke"       // calls a function by its id
	DefaultSpace = "default"
)

// Both shapes have the members of a subscription in their own order; the tags of both stand in front of them.
type seedBody struct {
	Space      string         `json:"space"`
	ID         string         `json:"subscriptionId"`
	Event      string         `json:"event"`
	FunctionID string         `json:"functionId"`
	Method     string         `json:"method,omitempty"`
	Path       string         `json:"path"`
	CORS       *CORSPolicy    `json:"cors,omitempty"`
	Extra      jsontext.Value `json:",embed"`
}

type v09Body struct {
	Space      string            `json:"space"`
	ID         string            `json:"subscriptionId"`
	Type       string            `json:"type"`
	EventType  string            `json:"eventType"`
	FunctionID string            `json:"functionId"`
	Path       string            `json:"path"`
	Method     string            `json:"method"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	Extra      jsontext.Value    `json:",embed"`
}

// DecodeSubscription reads what a client sent; the space of the URL wins over the body's. Its id follows from its members.
func (r *Rules) DecodeSubscription(body []byte, space string) (*Subscription, error) {
	names := members(body)
	var s *Subscription
	var err error
	switch v09 := names["type"] || names["eventType"]; {
	case v09 && (names["event"] || names["cors"]):
		err = errors.New("event and cors do not go with type and eventType: a subscription has one shape or the other")
	case v09:
		s, err = r.decodeV09(body, space)
	case names["metadata"]:
		err = errors.New("metadata goes with type and eventType only: a subscription with event has none")
	default:
		s, err = r.decodeSeed(body, space)
	}
	if err == nil {
		err = checkPath(s.Path)
	}
	var e *Error
	if err != nil && !errors.As(err, &e) {
		err = errorf(Invalid, "Subscription doesn't validate. Validation error: %s", err)
	}
	return s, err
}

func (r *Rules) decodeSeed(body []byte, space string) (*Subscription, error) {
	var b seedBody
	if err := decode(body, &b, &b.Extra); err != nil {
		return nil, err
	}
	// The names of the type and its fields are part of the messages.
	type Subscription struct {
		Space      string `validate:"required,min=3,max=128,space"`
		Event      string `validate:"required,max=128,eventtype"`
		FunctionID string `validate:"required,max=128"`
		Method     string `validate:"omitempty,eq=GET|eq=POST|eq=DELETE|eq=PUT|eq=PATCH|eq=HEAD|eq=OPTIONS"`
	}
	if b.Event == HTTPEvent {
		b.Method = strings.ToUpper(b.Method)
	}
	if err := r.check(Subscription{space, b.Event, b.FunctionID, b.Method}); err != nil {
		return nil, err
	}
	if b.Event == HTTPEvent && b.Method == "" {
		return nil, errors.New("Missing required fields (method, path) for HTTP event.") //lint:ignore ST1005 clients know it so
	}
	s := b.subscription(space)
	if s.CORS == nil || r.compat {
		return s, nil
	}
	return s, s.CORS.check(corsNames{"cors.origins", "cors.methods", "cors.headers", "cors.allowCredentials"})
}

func (b *seedBody) subscription(space string) *Subscription {
	s := &Subscription{
		Space: space, Shape: Seed, Sync: b.Event == HTTPEvent, EventType: b.Event,
		FunctionID: b.FunctionID, Method: b.Method, Path: withSlash(b.Path), CORS: b.CORS,
	}
	if s.CORS != nil {
		s.CORS.setDefaults()
	}
	s.function = functionKey(space, s.FunctionID)
	id := []string{s.EventType, s.FunctionID, url.PathEscape(s.Path)}
	if s.Sync {
		id[1] = s.Method
	}
	s.ID = strings.Join(id, ",")
	return s
}

func (r *Rules) decodeV09(body []byte, space string) (*Subscription, error) {
	var b v09Body
	if err := decode(body, &b, &b.Extra); err != nil {
		return nil, err
	}
	type Subscription struct {
		Space      string `validate:"required,min=3,max=128,space"`
		Type       string `validate:"required,eq=async|eq=sync"`
		EventType  string `validate:"required,max=128,eventType"`
		FunctionID string `validate:"required,max=128"`
		Method     string `validate:"required,eq=GET|eq=POST|eq=DELETE|eq=PUT|eq=PATCH|eq=HEAD|eq=OPTIONS"`
	}
	b.Method = strings.ToUpper(cmp.Or(b.Method, "POST"))
	if err := r.check(Subscription{space, b.Type, b.EventType, b.FunctionID, b.Method}); err != nil {
		return nil, err
	}
	return b.subscription(space), nil
}

func (b *v09Body) subscription(space string) *Subscription {
	s := &Subscription{
		Space: space, Shape: V09, Sync: b.Type == "sync", EventType: b.EventType,
		FunctionID: b.FunctionID, Method: b.Method, Path: withSlash(b.Path), Metadata: b.Metadata,
	}
	s.function = functionKey(space, s.FunctionID)
	id := b.Type + "," + s.EventType + ","
	if !s.Sync {
		id += s.FunctionID + ","
	}
	s.ID = base64.RawURLEncoding.EncodeToString([]byte(id + url.PathEscape(s.Path) + "," + s.Method))
	return s
}

func withSlash(path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return "/" + path
}

func checkPath(path string) error {
	if strings.Contains(path, "?") {
		return errors.New(`path has a "?": a query is no part of it`)
	}
	_, err := route.ParsePattern(path)
	if errors.Is(err, route.ErrWildcardNotLast) {
		return errorf(Invalid, "Subscription path conflict: %s", err)
	}
	return err
}

// MarshalJSONTo writes the subscription in the shape that it was made in.
func (s *Subscription) MarshalJSONTo(e *jsontext.Encoder) error {
	if s.Shape == Seed {
		return json.MarshalEncode(e, seedBody{
			Space: s.Space, ID: s.ID, Event: s.EventType, FunctionID: s.FunctionID,
			Method: s.Method, Path: s.Path, CORS: s.CORS, Extra: s.Extra,
		})
	}
	b := v09Body{
		Space: s.Space, ID: s.ID, Type: "async", EventType: s.EventType, FunctionID: s.FunctionID,
		Path: s.Path, Method: s.Method, Metadata: s.Metadata, Extra: s.Extra,
	}
	if s.Sync {
		b.Type = "sync"
	}
	return json.MarshalEncode(e, b, json.Deterministic(true))
}

func (s *Subscription) record() ([]byte, error) { return json.Marshal(s) }
func (s *Subscription) revision() Rev           { return s.Rev }

// checkUpdate says whether an existing subscription may become s: only what is not part of its id may change.
func (s *Subscription) checkUpdate(existing *Subscription) error {
	eventType := "EventType"
	if existing.Shape == Seed {
		eventType = "Event"
	}
	fields := []struct {
		name string
		same bool
	}{
		{"Type", s.Shape == existing.Shape && s.Sync == existing.Sync},
		{eventType, s.EventType == existing.EventType},
		{"FunctionID", s.FunctionID == existing.FunctionID},
		{"Path", s.Path == existing.Path},
		{"Method", s.Method == existing.Method},
	}
	if existing.Shape == Seed && s.Shape == Seed {
		fields = fields[1:] // it follows from the event
	}
	for _, f := range fields {
		if !f.same {
			return errorf(Invalid, "Invalid update. '%s' of existing subscription cannot be updated.", f.name)
		}
	}
	return nil
}

// routing is how a subscription stands in the route table.
type routing struct {
	event, method string
	pattern       route.Pattern
}

// plain is the event of plain HTTP requests in the route table. It is no name, so that no event from outside can claim to be one.
const plain = ""

// plain says whether the subscription is one to plain HTTP requests, in either shape.
func (s *Subscription) plain() bool {
	return s.Shape == Seed && s.EventType == HTTPEvent || s.Shape == V09 && s.EventType == HTTPRequest
}

// uses says whether the subscription is one to events of a type, by whatever name it knows them.
func (s *Subscription) uses(eventType string) bool {
	return s.EventType == eventType || eventType == HTTPRequest && s.plain()
}

func (s *Subscription) routing() (routing, error) {
	p, err := route.ParsePattern(s.Path)
	if err != nil {
		return routing{}, fmt.Errorf("its path: %w", err)
	}
	k := routing{event: s.EventType, method: s.Method, pattern: p}
	switch {
	case s.plain():
		k.event = plain
	case s.Shape == Seed && s.EventType == InvokeEvent:
		k.event, k.method = s.function, "POST"
	case s.Shape == Seed:
		k.method = "POST" // the seed's custom events have no other
	}
	return k, nil
}

// SyncRoute returns what no two subscriptions of a realm share if it is not "": which requests a sync subscription gets.
func (s *Subscription) SyncRoute() string {
	k, err := s.routing()
	if err != nil || !s.Sync {
		return ""
	}
	return k.event + "\x00" + k.method + "\x00" + k.pattern.Shape()
}

// conflict returns the error for a second thing of a kind on the shape of one that is there already with the pattern q.
func (k routing) conflict(thing string, q route.Pattern) error {
	ours, theirs := k.pattern.Names(), q.Names()
	for i, name := range theirs {
		if ours[i] == name {
			continue
		}
		kind := "parameter"
		if strings.HasSuffix(q.String(), "/*"+name) {
			kind = "wildcard"
		}
		return errorf(Exists, "%s path conflict: %s with different name (%q) already defined: for route: %s", thing, kind, name, k.pattern)
	}
	return errorf(Exists, "%s path conflict: route %s conflicts with existing route", thing, k.pattern)
}
