package handlers_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

var systemEvents = []string{"event.received", "function.invoking", "function.invoked", "function.invocationFailed"}

// watch subscribes a function to all system events of a space, in both shapes.
func (g *gateway) watch(space, id string, shapes ...string) {
	g.t.Helper()
	for _, name := range systemEvents {
		for _, shape := range shapes {
			if shape == "seed" {
				g.subscribe(space, fmt.Sprintf(`{"event":"gateway.%s","functionId":%q,"path":"/"}`, name, id))
				continue
			}
			g.configure(201, "POST", "/v1/spaces/"+space+"/eventtypes", fmt.Sprintf(`{"name":"eventgateway.%s"}`, name))
			g.subscribe(space, fmt.Sprintf(`{"type":"async","eventType":"eventgateway.%s","functionId":%q,"path":"/"}`, name, id))
		}
	}
}

// byType returns the system events that a function got, by their type.
func byType(t *testing.T, f *function) map[string][]map[string]any {
	types := map[string][]map[string]any{}
	for _, got := range f.events() {
		o := object(t, got)
		name := fmt.Sprint(o["type"])
		if o["event"] != nil { // the native form
			name = fmt.Sprint(o["event"])
		} else if o["eventType"] != nil {
			name = fmt.Sprint(o["eventType"])
		}
		types[name] = append(types[name], o)
	}
	return types
}

func TestSystemEvents(t *testing.T) {
	t.Parallel()
	g := start(t)
	watch := answers(t, `{"echo":true}`)
	f := answers(t, `{"body":"ok","n":[1.50]}`)
	broken := newFunction(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	g.function("default", "watch", watch.URL)
	g.function("default", "f", f.URL)
	g.function("default", "broken", broken.URL)
	g.watch("default", "watch", "seed", "0.9")
	g.subscribe("default", `{"event":"user.created","functionId":"f","path":"/team"}`)
	g.subscribe("default", `{"event":"http","method":"POST","functionId":"broken","path":"/broken/:id"}`)

	send(t, "POST", g.events+"/team", `{"name":"Max"}`, "Event: user.created", jsonType, "Authorization: Bearer secret", "Cookie: a=b", "X-Kept: yes")
	eventually(t, "all are told", func() bool { return len(watch.events()) == 6 })
	types := byType(t, watch)
	for _, prefix := range []string{"gateway.", "eventgateway."} {
		received, invoking, invoked := types[prefix+"event.received"], types[prefix+"function.invoking"], types[prefix+"function.invoked"]
		if len(received) != 1 || len(invoking) != 1 || len(invoked) != 1 {
			t.Fatal(watch.events())
		}
		data, _ := received[0]["data"].(map[string]any)
		headers, _ := data["headers"].(map[string]any)
		event, _ := data["event"].(map[string]any)
		if len(data) != 3 || data["path"] != "/team" || headers["X-Kept"] != "yes" || headers["Authorization"] != nil || headers["Cookie"] != nil ||
			event["type"] != "user.created" || fmt.Sprint(event["data"]) != "map[name:Max]" || received[0]["source"] != "/" {
			t.Error(received[0])
		}
		data, _ = invoking[0]["data"].(map[string]any)
		if len(data) != 3 || data["space"] != "default" || data["functionId"] != "f" || data["event"].(map[string]any)["id"] != event["id"] {
			t.Error(data)
		}
		data, _ = invoked[0]["data"].(map[string]any)
		if len(data) != 4 || fmt.Sprint(data["result"]) != "map[body:ok n:[1.5]]" {
			t.Error(data)
		}
	}
	// One plain request, whose function fails. Its own headers are part of the event that is told of, too.
	send(t, "POST", g.events+"/broken/7", "hi", "Authorization: Bearer secret")
	eventually(t, "all are told of a failure", func() bool { return len(watch.events()) == 12 })
	failed := byType(t, watch)["eventgateway.function.invocationFailed"]
	if len(failed) != 1 {
		t.Fatal(watch.events())
	}
	data, _ := failed[0]["data"].(map[string]any)
	if data["error"] != "it answered with status 500" || data["functionId"] != "broken" || data["result"] != nil ||
		!strings.Contains(fmt.Sprint(data["event"]), "params:map[id:7]") {
		t.Error(data)
	}
	for _, got := range watch.events() {
		if strings.Contains(got, "secret") {
			t.Error("credentials:", got)
		}
	}
	time.Sleep(50 * time.Millisecond)
	if n := len(watch.events()); n != 12 {
		t.Errorf("deliveries of system events were told of, too: %d", n)
	}
}

// TestSystemEventsCompat: the forms of 2018. The result is in base64, as it was then; but it is the function's answer.
func TestSystemEventsCompat(t *testing.T) {
	t.Parallel()
	g := start(t, "-compat")
	watch, f := answers(t, ``), answers(t, `{"body":"ok"}`)
	g.function("one", "watch", watch.URL)
	g.function("default", "f", f.URL)
	g.watch("one", "watch", "seed", "0.9") // of another space than the function: in 2018 all were told
	g.subscribe("default", `{"event":"user.created","functionId":"f","path":"/team"}`)
	send(t, "POST", g.events+"/team", `{"name":"Max"}`, "Event: user.created", jsonType)
	eventually(t, "all are told", func() bool { return len(watch.events()) == 6 })
	types := byType(t, watch)
	for _, name := range []string{"gateway.function.invoked", "eventgateway.function.invoked"} {
		if len(types[name]) != 1 {
			t.Fatal(watch.events())
		}
		data, _ := types[name][0]["data"].(map[string]any)
		if data["result"] != base64.StdEncoding.EncodeToString([]byte(`{"body":"ok"}`)) {
			t.Error(data)
		}
		event, _ := data["event"].(map[string]any)
		if name == "gateway.function.invoked" && (event["event"] != "user.created" || types[name][0]["dataType"] != "application/json") ||
			name == "eventgateway.function.invoked" && (event["eventType"] != "user.created" || types[name][0]["cloudEventsVersion"] != "0.1") {
			t.Error(name, types[name][0])
		}
	}
}

// TestD: who subscribes to system events is told of its own space's targets only.
func TestD(t *testing.T) {
	t.Parallel()
	g := start(t)
	own, foreign, f := answers(t, ``), answers(t, ``), answers(t, `{"body":"ok"}`)
	g.function("ours", "watch", own.URL)
	g.function("ours", "f", f.URL)
	g.function("other", "watch", foreign.URL)
	g.watch("ours", "watch", "seed")
	g.watch("other", "watch", "seed", "0.9")
	g.subscribe("ours", `{"event":"user.created","functionId":"f","path":"/"}`)
	g.subscribe("ours", `{"event":"http","method":"POST","functionId":"f","path":"/pay"}`)
	send(t, "POST", g.events+"/", "{}", "Event: user.created", jsonType, "Authorization: Bearer secret")
	send(t, "POST", g.events+"/pay", "{}", jsonType, "Authorization: Bearer secret")
	send(t, "POST", g.events+"/nobody", "{}", "Event: nobody", jsonType) // belongs to the space default
	eventually(t, "the space is told", func() bool { return len(own.events()) == 6 })
	time.Sleep(50 * time.Millisecond)
	if len(foreign.events()) != 0 {
		t.Error("another space was told:", foreign.events())
	}
	for _, got := range own.events() {
		if strings.Contains(got, "secret") {
			t.Error("credentials:", got)
		}
	}
	for _, name := range []string{"gateway.event.received", "eventgateway.event.received", "GateWay.event.received"} {
		for form, headers := range map[string][]string{
			"":         {"Event: " + name, jsonType},
			"binary":   {"Ce-Specversion: 1.0", "Ce-Id: 1", "Ce-Source: /s", "Ce-Type: " + name},
			"binary01": {"CE-CloudEventsVersion: 0.1", "CE-EventID: 1", "CE-Source: /s", "CE-EventType: " + name},
			`{"specversion":"1.0","id":"1","source":"/s","type":%q}`:                  {"Content-Type: application/cloudevents+json"},
			`{"cloudEventsVersion":"0.1","eventID":"1","source":"/s","eventType":%q}`: {"Content-Type: application/cloudevents+json"},
			`[{"specversion":"1.0","id":"1","source":"/s","type":%q}]`:                {"Content-Type: application/cloudevents-batch+json"},
		} {
			body := "{}"
			if strings.Contains(form, "%q") {
				body = fmt.Sprintf(form, name)
			}
			if a := send(t, "POST", g.events+"/", body, headers...); a.status != 400 || !strings.Contains(a.message(), "reserved") {
				t.Errorf("%s from outside as %q: %v", name, form, a)
			}
		}
	}
	if len(foreign.events()) != 0 {
		t.Error("a system event from outside was delivered:", foreign.events())
	}
}

// TestD_Hosted: in hosted mode an event belongs to the host's space, whether it matches anything or not.
func TestD_Hosted(t *testing.T) {
	t.Parallel()
	g := startHosted(t)
	ours, other := answers(t, ``), answers(t, ``)
	g.function("ours", "watch", ours.URL)
	g.function("other", "watch", other.URL)
	g.watch("ours", "watch", "seed")
	g.watch("other", "watch", "0.9")
	send(t, "POST", g.events+"/", "{}", "Event: user.created", jsonType, "Host: ours.events.example.com", "Authorization: Bearer secret")
	eventually(t, "the host's space is told", func() bool { return len(ours.events()) == 1 })
	time.Sleep(50 * time.Millisecond)
	if len(other.events()) != 0 || strings.Contains(ours.events()[0], "secret") {
		t.Error(other.events(), ours.events())
	}
}

// TestSystemEventParams: system events have the path parameters of their own request, however many come at once.
func TestSystemEventParams(t *testing.T) {
	t.Parallel()
	g := start(t)
	f := answers(t, `{"body":"ok"}`)
	slow := newFunction(t, func(http.ResponseWriter, *http.Request) { time.Sleep(time.Millisecond) })
	g.function("default", "f", f.URL)
	g.function("default", "w", slow.URL)
	g.subscribe("default", `{"event":"http","method":"GET","functionId":"f","path":"/users/:id"}`)
	g.subscribe("default", `{"functionId":"w","event":"gateway.function.invoking","path":"/"}`)
	done := make(chan bool)
	for w := range 8 {
		go func() {
			for i := range 60 {
				req, _ := http.NewRequest("GET", fmt.Sprintf("%s/users/u-%d-%d", g.events, w, i), nil)
				if resp, err := transport.RoundTrip(req); err == nil {
					resp.Body.Close()
				}
			}
			done <- true
		}()
	}
	for range 8 {
		<-done
	}
	eventually(t, "all", func() bool { return len(slow.events()) == 480 })
	for _, ev := range slow.events() {
		d := object(t, ev)["data"].(map[string]any)["event"].(map[string]any)["data"].(map[string]any)
		if id := fmt.Sprint(d["params"].(map[string]any)["id"]); d["path"] != "/users/"+id {
			t.Error(d["path"], id)
		}
	}
}

// TestSystemEventsWhileDraining: what is delivered at the end is told of, too.
func TestSystemEventsWhileDraining(t *testing.T) {
	t.Parallel()
	g := start(t)
	f := newFunction(t, func(http.ResponseWriter, *http.Request) { time.Sleep(300 * time.Millisecond) })
	w := answers(t, ``)
	g.function("default", "f", f.URL)
	g.function("default", "w", w.URL)
	g.subscribe("default", `{"functionId":"w","event":"gateway.function.invoked","path":"/"}`)
	g.subscribe("default", `{"functionId":"f","event":"e","path":"/"}`)
	for range 20 {
		send(t, "POST", g.events+"/", "{}", "Event: e")
	}
	if err := g.stop(); err != nil || len(f.events()) != len(w.events()) {
		t.Error(err, len(f.events()), "delivered,", len(w.events()), "told")
	}
}
