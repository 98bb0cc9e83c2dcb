// A sender of events and functions, all made with the CloudEvents SDK. It says its URL in its first line, and ends when its standard
// input does. It has the paths of the JavaScript program beside it, and /client, which is /function by the SDK's own receiver of events.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	handle := func(pattern string, answer func(*http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			o, err := answer(r)
			if err != nil {
				log.Printf("%s: %v", r.URL.Path, err)
				w.WriteHeader(http.StatusInternalServerError)
				o = map[string]string{"error": err.Error()}
			}
			_ = json.NewEncoder(w).Encode(o)
		})
	}
	received := records{}
	handle("POST /send", send)
	handle("POST /function", received.function)
	handle("GET /received/{id}", received.find)
	fmt.Printf("http://%s\n", listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	log.Fatal(received.serve(listener, mux))
}

// order is what /send is to do.
type order struct {
	URL, Mode string
	Events    []struct {
		Attributes map[string]any
		Data       []byte
		Form       string // json, text or bytes, and empty without data
	}
}

type answer struct {
	Status int    `json:"status"`
	Header string `json:"header"`
	Body   string `json:"body"`
}

func send(r *http.Request) (any, error) {
	var o order
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		return nil, err
	}
	var events []cloudevents.Event
	for _, e := range o.Events {
		made, err := newEvent(e.Attributes, e.Data, e.Form)
		if err != nil {
			return nil, err
		}
		events = append(events, made)
	}
	keep := &keeper{}
	if o.Mode == "batch" {
		req, err := cehttp.NewHTTPRequestFromEvents(r.Context(), o.URL, events)
		if err != nil {
			return nil, err
		}
		_, err = keep.RoundTrip(req)
		return keep.answer, err
	}
	c, err := cloudevents.NewClientHTTP(cloudevents.WithTarget(o.URL), cehttp.WithRoundTripper(keep))
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	if o.Mode == "structured" {
		ctx = binding.WithForceStructured(ctx)
	}
	if result := c.Send(ctx, events[0]); cloudevents.IsUndelivered(result) {
		return nil, result
	}
	return keep.answer, nil
}

// newEvent makes an event as users of the SDK do.
func newEvent(attributes map[string]any, data []byte, form string) (cloudevents.Event, error) {
	e := cloudevents.NewEvent()
	contentType := ""
	for name, value := range attributes {
		text, _ := value.(string)
		switch name {
		case "specversion": // NewEvent's
		case "id":
			e.SetID(text)
		case "source":
			e.SetSource(text)
		case "type":
			e.SetType(text)
		case "subject":
			e.SetSubject(text)
		case "dataschema":
			e.SetDataSchema(text)
		case "datacontenttype":
			contentType = text
		case "time":
			at, err := time.Parse(time.RFC3339, text)
			if err != nil {
				return e, err
			}
			e.SetTime(at)
		default:
			e.SetExtension(name, value)
		}
	}
	switch {
	case form == "":
	case contentType == "":
		e.DataEncoded = data
	case form == "json":
		return e, e.SetData(contentType, json.RawMessage(data))
	case form == "text":
		return e, e.SetData(contentType, string(data))
	case form == "bytes":
		return e, e.SetData(contentType, data)
	}
	return e, e.Validate()
}

// keeper sends a request and keeps the answer, of which the SDK's client shows little.
type keeper struct{ answer answer }

func (k *keeper) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	k.answer = answer{resp.StatusCode, resp.Header.Get("X-Peer"), string(body)}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, err
}

// records holds what came, by the events' ids.
type records struct{ sync.Map }

type record struct {
	Binary     bool           `json:"binary"`
	Attributes map[string]any `json:"attributes"`
	Data       []byte         `json:"data"`
}

func (rs *records) find(r *http.Request) (any, error) {
	if found, ok := rs.Load(r.PathValue("id")); ok {
		return found, nil
	}
	return record{}, nil
}

func (rs *records) function(r *http.Request) (any, error) {
	e, err := cehttp.NewEventFromHTTPRequest(r)
	if err != nil {
		return nil, err
	}
	return rs.take(e, r.Header.Get("Ce-Specversion") != "")
}

// take returns an HTTP response object.
func (rs *records) take(e *cloudevents.Event, binary bool) (any, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	if e.SpecVersion() != cloudevents.VersionV1 {
		return nil, fmt.Errorf("its version is %q", e.SpecVersion())
	}
	attributes := map[string]any{"specversion": e.SpecVersion(), "id": e.ID(), "source": e.Source(), "type": e.Type()}
	for name, value := range map[string]string{"subject": e.Subject(), "dataschema": e.DataSchema(), "datacontenttype": e.DataContentType()} {
		if value != "" {
			attributes[name] = value
		}
	}
	if !e.Time().IsZero() {
		attributes["time"] = e.Time().UTC().Format(time.RFC3339Nano)
	}
	for name, value := range e.Extensions() {
		attributes[name] = value
	}
	rs.Store(e.ID(), record{binary, attributes, e.Data()})
	return map[string]any{"statusCode": 201, "headers": map[string]string{"X-Peer": "go"}, "body": e.ID()}, nil
}

// serve has the SDK's client serve everything: its own receiver of events, which is /client, and the paths of mux. The receiver answers
// with an event, whose data is the HTTP response object. (The SDK's NewHTTPReceiveHandler would be simpler, but stops when two events come
// at once: cloudevents/sdk-go#1224.)
func (rs *records) serve(listener net.Listener, mux *http.ServeMux) error {
	protocol, err := cloudevents.NewHTTP(cehttp.WithListener(listener), cehttp.WithPath("/client"), cehttp.WithRequestDataAtContextMiddleware())
	if err != nil {
		return err
	}
	protocol.Handler = mux
	c, err := cloudevents.NewClient(protocol)
	if err != nil {
		return err
	}
	return c.StartReceiver(context.Background(), func(ctx context.Context, e cloudevents.Event) (*cloudevents.Event, cloudevents.Result) {
		o, err := rs.take(&e, cehttp.RequestDataFromContext(ctx).Header.Get("Ce-Specversion") != "")
		if err != nil {
			log.Printf("/client: %v", err)
			return nil, cehttp.NewResult(http.StatusInternalServerError, "%w", err)
		}
		reply := cloudevents.NewEvent()
		reply.SetID(e.ID() + " taken")
		reply.SetSource("/client")
		reply.SetType("taken")
		return &reply, reply.SetData(cloudevents.ApplicationJSON, o)
	})
}
