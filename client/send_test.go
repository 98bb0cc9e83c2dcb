package client_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/event-gateway/event-gateway/client"
)

// subscribe makes the function f, and subscriptions of it.
func subscribe(t *testing.T, c *client.Client, answer string, subscriptions ...client.Subscription) *received {
	t.Helper()
	got := &received{}
	got.register(t, c, client.Function{ID: "f"}, answer)
	for _, s := range subscriptions {
		if s.EventType != "" {
			must(c.EventTypes.Create(t.Context(), client.EventType{Name: s.EventType}))(t)
		}
		s.FunctionID = "f"
		must(c.Subscriptions.Create(t.Context(), s))(t)
	}
	return got
}

func TestSendFillsIn(t *testing.T) {
	t.Parallel()
	c := start(t)
	got := subscribe(t, c, "", client.Subscription{Event: "user.created", Path: "/my team/:id"})
	before := time.Now().Add(-time.Millisecond)
	resp, err := c.Send(t.Context(), "my team/7", client.Event{Type: "user.created"})
	if err != nil || !resp.Accepted() {
		t.Fatalf("got %+v, %v", resp, err)
	}
	e := got.wait(t, 1)[0]
	_, err = uuid.Parse(e.ID)
	if err != nil || e.Source != "/my%20team/7" || e.Time.Before(before) || e.Time.After(time.Now()) || e.Data != nil {
		t.Errorf("got %+v", e)
	}
}

// All that an event says arrives as it was sent.
func TestSend(t *testing.T) {
	t.Parallel()
	c := start(t)
	got := subscribe(t, c, "", client.Subscription{Event: "user.created", Path: "/"})
	n := 0
	f := func(contentType, data string) {
		t.Helper()
		want := client.Event{
			ID: "1", Source: "/me?a=b", Type: "user.created", Time: time.Date(2018, 4, 5, 6, 7, 8, 9, time.UTC),
			Subject:    `a "subject" ü <`,
			DataSchema: "https://a.example/schema", ContentType: contentType, Data: []byte(data), Extensions: map[string]string{"traceparent": "00-1"},
		}
		must(c.Send(t.Context(), "/", want))(t)
		n++
		e := got.wait(t, n)[n-1]
		delete(e.Extensions, client.LineageExtension)
		if !reflect.DeepEqual(e, want) {
			t.Errorf("got  %+v\nwant %+v", e, want)
		}
	}
	f("application/json", `{"b":1.0,"a":"<\u00e9>", "b":12345678901234567890}`)
	f("application/vnd.a+json; charset=utf-8", `[null]`)
	f("", `null`)
	f("text/plain", "\"a\"\n\t\x01 ü <")
	f("application/octet-stream", "\xff\x00")
	f("application/octet-stream", "123")
}

func TestSendRefuses(t *testing.T) {
	t.Parallel()
	c := connect(t, client.Options{EventsURL: "http://127.0.0.1:1"})
	f := func(path string, e client.Event, want string) {
		t.Helper()
		_, err := c.Send(t.Context(), path, e)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q %+v: got %v, want %q", path, e, err, want)
		}
	}
	f("/", client.Event{Data: []byte("text")}, "is not JSON: set ContentType")
	f("/", client.Event{ContentType: "application/json", Data: []byte("\"\xff\"")}, "is not JSON: set ContentType")
	for _, name := range []string{"id", "specversion", "time", "data", "data_base64", "datacontenttype", "Upper", "", "a-b"} {
		f("/", client.Event{Extensions: map[string]string{name: "x"}}, "cannot be the name of an extension")
	}
	for _, path := range []string{"/a?b", "/a?", "/a#", "/%zz", "/a\n"} {
		f(path, client.Event{}, "is no path of a URL")
	}
	_, emit := c.Emit(t.Context(), "/", "", "", nil)
	_, invoke := c.Invoke(t.Context(), "", "", nil)
	if emit == nil || !strings.Contains(emit.Error(), "no name") || invoke == nil || !strings.Contains(invoke.Error(), "no function id") {
		t.Errorf("got %v and %v", emit, invoke)
	}
}

func TestSyncAnswer(t *testing.T) {
	t.Parallel()
	c := start(t)
	s := client.Subscription{Type: "sync", EventType: "user.checked", Path: "/check"}
	subscribe(t, c, `{"statusCode":409,"headers":{"X-A":"b"},"body":"taken"}`, s)
	f := func(resp *client.Response, err error) {
		t.Helper()
		wantStatus(t, err, 409) // of the function
		if resp == nil || resp.Accepted() || resp.Status != 409 || resp.Header.Get("X-A") != "b" || string(resp.Body) != "taken" {
			t.Errorf("got %+v, %v", resp, err)
		}
	}
	f(c.Send(t.Context(), "/check", client.Event{Type: "user.checked"}))
	f(c.Emit(t.Context(), "/check", "user.checked", "text/plain", []byte("hi")))
}

func TestFunctionFails(t *testing.T) {
	t.Parallel()
	c := start(t)
	subscribe(t, c, "no response object", client.Subscription{Type: "sync", EventType: "user.checked", Path: "/check"})
	resp, err := c.Send(t.Context(), "/check", client.Event{Type: "user.checked"})
	wantStatus(t, err, 502)
	if resp == nil || resp.Status != 502 || !strings.Contains(err.Error(), `502 Bad Gateway: Function "f" failed: `) {
		t.Errorf("got %+v, %v", resp, err)
	}
}

func TestEmit(t *testing.T) {
	t.Parallel()
	c := start(t)
	got := subscribe(t, c, "", client.Subscription{Event: "user.created", Path: "/p"})
	resp := must(c.Emit(t.Context(), "p", "user.created", "text/plain", []byte("hi")))(t)
	e := got.wait(t, 1)[0]
	if !resp.Accepted() || e.Type != "user.created" || e.Source != "/p" || e.ContentType != "text/plain" || string(e.Data) != "hi" {
		t.Errorf("got %+v", e)
	}
	must(c.Emit(t.Context(), "p", "user.created", "", []byte("hi")))(t)
	if e := got.wait(t, 2)[1]; e.ContentType != "application/octet-stream" {
		t.Errorf("got %+v", e)
	}
}

func TestInvoke(t *testing.T) {
	t.Parallel()
	g := startGateway()
	t.Cleanup(g.stop)
	for _, space := range []string{"", "team"} {
		c := connect(t, client.Options{EventsURL: g.events, ConfigURL: g.config, Space: space})
		answer := `{"space":"` + space + `"}`
		got := subscribe(t, c, answer, client.Subscription{Event: "invoke", Path: "/"})
		resp := must(c.Invoke(t.Context(), "f", "application/json", []byte(`[1]`)))(t)
		if resp.Status != http.StatusOK || string(resp.Body) != answer {
			t.Errorf("%q: got %+v", space, resp)
		}
		if e := got.wait(t, 1)[0]; e.Type != "invoke" || string(e.Data) != "[1]" {
			t.Errorf("%q: got %+v", space, e)
		}
		_, err := c.Invoke(t.Context(), "nobody", "", nil)
		wantStatus(t, err, 404)
	}
}

func TestSendBatch(t *testing.T) {
	t.Parallel()
	c := start(t)
	got := subscribe(t, c, "", client.Subscription{Event: "user.created", Path: "/p"})
	var events []client.Event
	for _, data := range []string{`{"a": 1}`, `2`, ``} {
		events = append(events, client.Event{Type: "user.created", Data: []byte(data)})
	}
	if err := c.SendBatch(t.Context(), "/p", events); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{} // they may come in any order
	for _, e := range got.wait(t, 3) {
		all[string(e.Data)] = e.ID
	}
	if len(all) != 3 || all[`{"a": 1}`] == "" || all["2"] == all[""] {
		t.Errorf("got %v", all)
	}
	wantStatus(t, c.SendBatch(t.Context(), "/p", []client.Event{{Type: "user created"}}), 400)
	if err := connect(t, client.Options{EventsURL: "http://127.0.0.1:1"}).SendBatch(t.Context(), "/p", nil); err != nil {
		t.Errorf("no events: %v", err)
	}
}
