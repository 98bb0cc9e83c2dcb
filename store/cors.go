package store

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/event-gateway/event-gateway/store/route"
)

// CORS is a record of its own, of release 0.9: the policy for the requests on a method and path. It is immutable once it is in a snapshot.
type CORS struct {
	Space, ID string
	Method    string
	Path      string
	Policy    CORSPolicy
	Metadata  map[string]string
	Extra     jsontext.Value // what a newer version stored
	Rev       Rev
}

// corsBody is a CORS record as it is sent and stored.
type corsBody struct {
	Space            string            `json:"space"`
	ID               string            `json:"corsId"`
	Method           string            `json:"method"`
	Path             string            `json:"path"`
	AllowedOrigins   []string          `json:"allowedOrigins"`
	AllowedMethods   []string          `json:"allowedMethods"`
	AllowedHeaders   []string          `json:"allowedHeaders"`
	AllowCredentials bool              `json:"allowCredentials"`
	Metadata         map[string]string `json:"metadata,omitempty"`
	Extra            jsontext.Value    `json:",embed"`
}

// DecodeCORS reads what a client sent; the space of the URL wins over the body's. Its id follows from its method and path.
func (r *Rules) DecodeCORS(body []byte, space string) (*CORS, error) {
	c, err := r.decodeCORS(body, space)
	if err != nil {
		return nil, errorf(Invalid, "CORS configuration doesn't validate. Validation error: %s", err)
	}
	return c, nil
}

func (r *Rules) decodeCORS(body []byte, space string) (*CORS, error) {
	var b corsBody
	if err := decode(body, &b, &b.Extra); err != nil {
		return nil, err
	}
	// The names of the type and its fields are part of the messages.
	type CORS struct {
		Space  string `validate:"required,min=3,max=128,space"`
		Method string `validate:"eq=GET|eq=POST|eq=DELETE|eq=PUT|eq=PATCH|eq=HEAD|eq=OPTIONS"`
		Path   string `validate:"path"`
	}
	b.Method = strings.ToUpper(b.Method)
	if err := r.check(CORS{space, b.Method, b.Path}); err != nil {
		return nil, err
	}
	c := b.record(space)
	if r.compat {
		return c, nil
	}
	return c, c.Policy.check(corsNames{"allowedOrigins", "allowedMethods", "allowedHeaders", "allowCredentials"})
}

func (b *corsBody) record(space string) *CORS {
	c := &CORS{Space: space, Method: b.Method, Path: b.Path, Metadata: b.Metadata, ID: b.Method + url.PathEscape(b.Path)}
	c.Policy.Origins, c.Policy.Methods, c.Policy.Headers, c.Policy.AllowCredentials = b.AllowedOrigins, b.AllowedMethods, b.AllowedHeaders, b.AllowCredentials
	c.Policy.setDefaults()
	return c
}

func storedCORS(item Item) (*CORS, error) {
	var b corsBody
	if json.Unmarshal(item.Value, &b) != nil {
		return nil, errUnreadable
	}
	if !slices.Contains([]string{"GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"}, b.Method) {
		return nil, fmt.Errorf("its method is none")
	}
	c := b.record(b.Space)
	c.Extra, c.Rev = b.Extra, item.Rev
	if _, err := c.routing(); err != nil {
		return nil, err
	}
	return c, nil
}

// MarshalJSONTo writes the record as it is sent and stored.
func (c *CORS) MarshalJSONTo(e *jsontext.Encoder) error {
	return json.MarshalEncode(e, corsBody{
		Space: c.Space, ID: c.ID, Method: c.Method, Path: c.Path,
		AllowedOrigins: c.Policy.Origins, AllowedMethods: c.Policy.Methods, AllowedHeaders: c.Policy.Headers,
		AllowCredentials: c.Policy.AllowCredentials, Metadata: c.Metadata, Extra: c.Extra,
	}, json.Deterministic(true))
}

func (c *CORS) record() ([]byte, error) { return json.Marshal(c) }
func (c *CORS) revision() Rev           { return c.Rev }

// routing is how the record stands in the route table: that of its space.
func (c *CORS) routing() (routing, error) {
	p, err := route.ParsePattern(c.Path)
	if err != nil {
		return routing{}, fmt.Errorf("its path: %w", err)
	}
	return routing{event: c.Space, method: c.Method, pattern: p}, nil
}

// checkUpdate says whether an existing record may become c: what its id is made of may not change.
func (c *CORS) checkUpdate(existing *CORS) error {
	changed := ""
	switch {
	case c.Method != existing.Method:
		changed = "Method"
	case c.Path != existing.Path:
		changed = "Path"
	default:
		return nil
	}
	return errorf(Invalid, "Invalid update. '%s' of existing CORS configuration cannot be updated.", changed)
}
