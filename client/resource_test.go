package client_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/client"
)

func TestFunctions(t *testing.T) {
	t.Parallel()
	ctx, c := t.Context(), start(t)
	dev := map[string]string{"stage": "dev", "service": "a & b"}
	f := client.HTTPFunction("mail", "http://localhost:8080/mail")
	f.EventFormat, f.Response, f.Metadata = "native", "passthrough", dev
	made := must(c.Functions.Create(ctx, f))(t)
	want := f
	want.Space, want.Revision = "default", made.Revision
	if made.Revision == "" || !reflect.DeepEqual(made, want) {
		t.Errorf("made %+v, want %+v", made, want)
	}
	_, err := c.Functions.Create(ctx, f)
	wantStatus(t, err, 409)
	if got := must(c.Functions.Get(ctx, "mail"))(t); !reflect.DeepEqual(got, made) {
		t.Errorf("got %+v, want %+v", got, made)
	}
	must(c.Functions.Create(ctx, client.HTTPFunction("other", "http://localhost:8080/other")))(t)
	list := func(want string, metadata ...map[string]string) {
		t.Helper()
		got := ""
		for _, f := range must(c.Functions.List(ctx, metadata...))(t) {
			got += f.ID + " "
		}
		if got != want {
			t.Errorf("the list of %v is %q, want %q", metadata, got, want)
		}
	}
	list("mail other ")
	list("mail ", dev)
	list("mail ", map[string]string{"stage": "dev"}, map[string]string{"service": "a & b"})
	list("", map[string]string{"stage": "dev", "service": "c"})

	must(c.Functions.Get(ctx, "other"))(t)
	if err := c.Functions.Delete(ctx, "other"); err != nil {
		t.Error(err)
	}
	_, err = c.Functions.Get(ctx, "other")
	wantStatus(t, err, 404)
}

func TestRevisions(t *testing.T) {
	t.Parallel()
	ctx, c := t.Context(), start(t)
	first := must(c.Functions.Create(ctx, client.HTTPFunction("f", "http://localhost:1/1")))(t)
	change := first
	change.Provider = map[string]any{"url": "http://localhost:1/2"}
	second := must(c.Functions.Update(ctx, change))(t)
	if second.Revision == first.Revision || second.Provider["url"] != "http://localhost:1/2" {
		t.Errorf("the update of %+v gave %+v", first, second)
	}
	_, err := c.Functions.Update(ctx, change)
	wantStatus(t, err, 412)
	wantStatus(t, c.Functions.DeleteRevision(ctx, "f", first.Revision), 412)
	change.Revision = ""
	third := must(c.Functions.Update(ctx, change))(t)
	if err := c.Functions.DeleteRevision(ctx, "f", third.Revision); err != nil {
		t.Error(err)
	}
}

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	ctx, c := t.Context(), start(t)
	must(c.Functions.Create(ctx, client.HTTPFunction("f", "http://localhost:1/")))(t)
	must(c.EventTypes.Create(ctx, client.EventType{Name: "user.created"}))(t)

	http := client.Subscription{Event: "http", Method: "GET", Path: "/users/:id", FunctionID: "f"}
	http.CORS = &client.SubscriptionCORS{Origins: []string{"https://a.example"}}
	made := must(c.Subscriptions.Create(ctx, http))(t)
	if made.ID != "http,GET,%2Fusers%2F:id" || made.Event != "http" || made.Type != "" || len(made.CORS.Methods) != 3 {
		t.Errorf("made %+v", made)
	}
	made.CORS.Origins = []string{"https://b.example"}
	made = must(c.Subscriptions.Update(ctx, made))(t)
	if got := must(c.Subscriptions.Get(ctx, made.ID))(t); !reflect.DeepEqual(got, made) || got.CORS.Origins[0] != "https://b.example" {
		t.Errorf("got %+v, want %+v", got, made)
	}

	typed := client.Subscription{Type: "async", EventType: "user.created", FunctionID: "f", Path: "/users"}
	typed.Metadata = map[string]string{"stage": "dev"}
	made = must(c.Subscriptions.Create(ctx, typed))(t)
	if made.Event != "" || made.Type != "async" || made.EventType != "user.created" || made.Method != "POST" {
		t.Errorf("made %+v", made)
	}
	if list := must(c.Subscriptions.List(ctx, typed.Metadata))(t); len(list) != 1 || list[0].ID != made.ID {
		t.Errorf("the list is %+v", list)
	}
	made.Path = "/other"
	_, err := c.Subscriptions.Update(ctx, made)
	wantStatus(t, err, 400)
	for _, s := range must(c.Subscriptions.List(ctx))(t) {
		if err := c.Subscriptions.Delete(ctx, s.ID); err != nil {
			t.Error(err)
		}
	}
	if err := c.Functions.Delete(ctx, "f"); err != nil {
		t.Error(err)
	}
}

func TestEventTypes(t *testing.T) {
	t.Parallel()
	ctx, c := t.Context(), start(t)
	made := must(c.EventTypes.Create(ctx, client.EventType{Name: "user.created"}))(t)
	made.Metadata = map[string]string{"stage": "dev"}
	made = must(c.EventTypes.Update(ctx, made))(t)
	if got := must(c.EventTypes.Get(ctx, "user.created"))(t); !reflect.DeepEqual(got, made) || got.Metadata["stage"] != "dev" {
		t.Errorf("got %+v, want %+v", got, made)
	}
	if err := c.EventTypes.Delete(ctx, "user.created"); err != nil {
		t.Error(err)
	}
}

// The gateway counts the subscriptions of an event type; an event type that was read can be sent back with the count.
func TestEventTypesInUse(t *testing.T) {
	t.Parallel()
	ctx, c := t.Context(), start(t)
	must(c.Functions.Create(ctx, client.HTTPFunction("f", "http://localhost:1/")))(t)
	must(c.EventTypes.Create(ctx, client.EventType{Name: "user.created", AuthorizerID: "f"}))(t)
	must(c.Subscriptions.Create(ctx, client.Subscription{Type: "async", EventType: "user.created", FunctionID: "f"}))(t)
	got := must(c.EventTypes.Get(ctx, "user.created"))(t)
	if got.AuthorizerID != "f" || got.Subscriptions != 1 {
		t.Errorf("got %+v, want the authorizer f and 1 subscription", got)
	}
	got.AuthorizerID = ""
	if got = must(c.EventTypes.Update(ctx, got))(t); got.AuthorizerID != "" || got.Subscriptions != 1 {
		t.Errorf("the update gave %+v", got)
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	ctx, c := t.Context(), start(t)
	cors := client.CORS{Method: "GET", Path: "/users/:id", AllowedOrigins: []string{"https://a.example"}, AllowCredentials: true}
	cors.Metadata = map[string]string{"stage": "dev"}
	made := must(c.CORS.Create(ctx, cors))(t)
	if made.ID != "GET%2Fusers%2F:id" || made.Space != "default" || len(made.AllowedMethods) != 3 || !made.AllowCredentials {
		t.Errorf("made %+v", made)
	}
	made.AllowedHeaders = []string{"Event"}
	made = must(c.CORS.Update(ctx, made))(t)
	if got := must(c.CORS.Get(ctx, made.ID))(t); !reflect.DeepEqual(got, made) || got.AllowedHeaders[0] != "Event" {
		t.Errorf("got %+v, want %+v", got, made)
	}
	if list := must(c.CORS.List(ctx, cors.Metadata))(t); len(list) != 1 {
		t.Errorf("the list is %+v", list)
	}
	if err := c.CORS.Delete(ctx, made.ID); err != nil {
		t.Error(err)
	}
}

func TestFunctionMode(t *testing.T) {
	t.Parallel()
	c := start(t)
	f := client.HTTPFunction("f", "http://localhost:1/")
	f.Mode = "binary"
	if made := must(c.Functions.Create(t.Context(), f))(t); made.Mode != "binary" {
		t.Errorf("made %+v", made)
	}
}

// Ids are names and not paths, whatever is in them.
func TestIDsAreEscaped(t *testing.T) {
	t.Parallel()
	g := startGateway()
	t.Cleanup(g.stop)
	ctx, c := t.Context(), connect(t, client.Options{ConfigURL: g.config, Space: "..."})
	for _, id := range []string{".", "..", "a.b-c_d"} {
		must(c.Functions.Create(ctx, client.HTTPFunction(id, "http://localhost:1/")))(t)
		if got := must(c.Functions.Get(ctx, id))(t); got.ID != id || got.Space != "..." {
			t.Errorf("got %+v, want %s", got, id)
		}
		if err := c.Functions.Delete(ctx, id); err != nil {
			t.Error(err)
		}
	}
	for _, id := range []string{"a/b", "../functions", "a?b", "a#b", "a%2Fb", "a b", "ü"} {
		_, err := c.Functions.Get(ctx, id)
		wantStatus(t, err, 404)
		if err == nil || !strings.Contains(err.Error(), "Function ") {
			t.Errorf("%q: %v, want that there is no such function", id, err)
		}
	}
	var uri string // as a proxy sees it, which must not take dots for steps in the path
	proxy := connect(t, client.Options{ConfigURL: serve(t, func(_ http.ResponseWriter, r *http.Request) { uri = r.RequestURI })})
	if err := proxy.Functions.Delete(ctx, ".."); err != nil || uri != "/v1/spaces/default/functions/%2E%2E" {
		t.Errorf("got %s, %v", uri, err)
	}
	_, err := c.Functions.Get(ctx, "")
	_, err2 := c.Functions.Update(ctx, client.Function{})
	for _, err := range []error{err, err2, c.Functions.Delete(ctx, "")} {
		if err == nil || !strings.Contains(err.Error(), "has no id") {
			t.Errorf("without an id: %v", err)
		}
	}
}

// What a newer gateway has is not lost when an older client changes something else.
func TestUnknownMembersAreKept(t *testing.T) {
	t.Parallel()
	var sent string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			b, _ := io.ReadAll(r.Body)
			sent = string(b)
		}
		w.Header().Set("ETag", `W/"7"`)
		_, _ = io.WriteString(w, `{"space":"s","name":"n","limit":{"a":[1,2.50]},"subscriptions":3}`)
	})
	c := connect(t, client.Options{ConfigURL: url})
	got := must(c.EventTypes.Get(t.Context(), "n"))(t)
	if got.Revision != `"7"` {
		t.Errorf("the revision is %s, want that of a strong tag", got.Revision)
	}
	got.Metadata = map[string]string{"k": "<v>"}
	must(c.EventTypes.Update(t.Context(), got))(t)
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(sent), &members); err != nil {
		t.Fatal(err)
	}
	if string(members["limit"]) != `{"a":[1,2.50]}` || members["subscriptions"] != nil || len(members) != 4 {
		t.Errorf("sent %s", sent)
	}
	if got.Subscriptions != 3 {
		t.Error("the caller's object was changed")
	}
}

func TestCanceled(t *testing.T) {
	t.Parallel()
	c := connect(t, client.Options{ConfigURL: serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := c.Functions.List(ctx)
	if client.Status(err) != 0 || ctx.Err() == nil || !strings.Contains(err.Error(), context.DeadlineExceeded.Error()) {
		t.Errorf("got %v", err)
	}
}
