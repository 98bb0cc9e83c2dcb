package client

// Function says how the gateway calls something.
type Function struct {
	Stored
	Space string `json:"space,omitempty"` // follows from the client's
	ID    string `json:"functionId"`
	// Type is http, awslambda or another one of docs/functions.md. In the shape of release 0.6 it is empty, and stands in Provider.
	Type string `json:"type,omitempty"`
	// Provider is the settings of the type: "url" for http, "arn" and "region" for awslambda, and so on. Secrets are read as "****";
	// written so, they stay what they are.
	Provider map[string]any    `json:"provider"`
	Metadata map[string]string `json:"metadata,omitempty"`
	// EventFormat is the form that the function gets events in: cloudevents (default), cloudevents-0.1 or native.
	EventFormat string `json:"eventFormat,omitempty"`
	// Mode is where the attributes of a CloudEvent 1.0 are: structured (default: in the body) or binary (in headers).
	Mode string `json:"mode,omitempty"`
	// Response is empty, or passthrough: the function answers sync events as a plain web server.
	Response string `json:"response,omitempty"`
}

// HTTPFunction returns a function that is called at a URL.
func HTTPFunction(id, url string) Function {
	return Function{ID: id, Type: "http", Provider: map[string]any{"url": url}}
}

// LambdaFunction returns a function on AWS Lambda, which the gateway calls with its own credentials. arn is an ARN or a name.
func LambdaFunction(id, arn, region string) Function {
	return Function{ID: id, Type: "awslambda", Provider: map[string]any{"arn": arn, "region": region}}
}

// Subscription says which events go to a function. It has one of two shapes, and is read back in the one it was made in: either Event is
// set, or Type and EventType are. Once made, only CORS (first shape) or Metadata (second shape) can change.
type Subscription struct {
	Stored
	Space string `json:"space,omitempty"`          // follows from the client's
	ID    string `json:"subscriptionId,omitempty"` // follows from the other fields

	// Event is the first shape: "http" for plain HTTP requests (sync), "invoke" for calls by the function's id, else an event (async).
	Event string `json:"event,omitempty"`
	// Type is sync or async, and EventType a registered event type, or "http.request": the second shape.
	Type      string `json:"type,omitempty"`
	EventType string `json:"eventType,omitempty"`

	FunctionID string            `json:"functionId"`
	Method     string            `json:"method,omitempty"` // needed for the event "http"; default POST
	Path       string            `json:"path,omitempty"`   // may have :name for one segment and, at the end, *name for all others; default /
	CORS       *SubscriptionCORS `json:"cors,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
}

// SubscriptionCORS says which web pages may read the answers of a subscription with Event. Empty fields have defaults.
type SubscriptionCORS struct {
	Origins          []string `json:"origins,omitempty"`
	Methods          []string `json:"methods,omitempty"`
	Headers          []string `json:"headers,omitempty"`
	AllowCredentials bool     `json:"allowCredentials,omitempty"`
}

// EventType registers a name that subscriptions with EventType may use.
type EventType struct {
	Stored
	Space string `json:"space,omitempty"` // follows from the client's
	Name  string `json:"name"`
	// AuthorizerID is a function that is asked about each event of the type.
	AuthorizerID string            `json:"authorizerId,omitempty"`
	Metadata     map[string]string `json:"metadata,omitempty"`
	// Subscriptions is how many subscriptions use it. It is read only.
	Subscriptions int `json:"subscriptions,omitempty"`
}

// CORS says which web pages may send requests to a method and path, and read the answers. Empty fields have defaults.
type CORS struct {
	Stored
	Space            string            `json:"space,omitempty"`  // follows from the client's
	ID               string            `json:"corsId,omitempty"` // follows from Method and Path, which cannot change
	Method           string            `json:"method"`
	Path             string            `json:"path"`
	AllowedOrigins   []string          `json:"allowedOrigins,omitempty"`
	AllowedMethods   []string          `json:"allowedMethods,omitempty"`
	AllowedHeaders   []string          `json:"allowedHeaders,omitempty"`
	AllowCredentials bool              `json:"allowCredentials,omitempty"`
	Metadata         map[string]string `json:"metadata,omitempty"`
}

func (f *Function) parts() parts     { return parts{id: f.ID, stored: &f.Stored} }
func (s *Subscription) parts() parts { return parts{id: s.ID, stored: &s.Stored} }
func (c *CORS) parts() parts         { return parts{id: c.ID, stored: &c.Stored} }

func (t *EventType) parts() parts {
	return parts{id: t.Name, stored: &t.Stored, drop: func() { t.Subscriptions = 0 }}
}
