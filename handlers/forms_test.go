package handlers_test

import (
	"fmt"
	"net/http"
	"testing"
)

// TestBinaryMode: a function that asks for it gets the attributes in headers, and the data as it came.
func TestBinaryMode(t *testing.T) {
	t.Parallel()
	const data = `{"a": 1.50, "a":[ 2 ]}`
	for format, names := range map[string][3]string{
		"":                {"Ce-Specversion", "Ce-Type", "Ce-Cost"},
		"cloudevents-0.1": {"Ce-Cloudeventsversion", "Ce-Eventtype", "Ce-X-Cost"},
	} {
		g := start(t)
		headers := make(chan http.Header, 99) // the answers are asked for once more by each front
		f := newFunction(t, func(_ http.ResponseWriter, r *http.Request) { headers <- r.Header })
		g.configure(201, "POST", inDefault+"/functions", fmt.Sprintf(`{"functionId":"f","type":"http","provider":{"url":%q},"mode":"binary","eventFormat":%q}`, f.URL, format))
		g.subscribe("default", `{"event":"user.created","functionId":"f","path":"/"}`)
		event := `{"specversion":"1.0","id":"7","source":"/s","type":"user.created","cost":12,"datacontenttype":"application/vnd.shop+json","data":` + data + `}`
		if a := send(t, "POST", g.events+"/", event, "Content-Type: application/cloudevents+json"); a.status != 202 {
			t.Fatal(a)
		}
		h := <-headers
		if f.events()[0] != data || h.Get("Content-Type") != "application/vnd.shop+json" || h.Get(names[0]) == "" || h.Get(names[1]) != "user.created" || h.Get(names[2]) != "12" {
			t.Errorf("%q: %s %v", format, f.events()[0], h)
		}
	}
}

// TestTrace: the trace context of a request goes on to the function, and into an event that the request makes.
func TestTrace(t *testing.T) {
	t.Parallel()
	const parent, state = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "vendor=1"
	g := start(t)
	headers := make(chan http.Header, 99) // the answers are asked for once more by each front
	f := newFunction(t, func(w http.ResponseWriter, r *http.Request) {
		headers <- r.Header
		fmt.Fprint(w, `{}`)
	})
	g.function("default", "f", f.URL)
	g.subscribe("default", `{"event":"user.created","functionId":"f","path":"/"}`)
	g.subscribe("default", `{"event":"http","method":"POST","functionId":"f","path":"/"}`)
	for i, kind := range []string{"Event: user.created", "X: a plain request"} {
		send(t, "POST", g.events+"/", `{}`, kind, jsonType, "Traceparent: "+parent, "Tracestate: "+state)
		h := <-headers
		if e := object(t, f.events()[i]); h.Get("Traceparent") != parent || h.Get("Tracestate") != state || e["traceparent"] != parent || e["tracestate"] != state {
			t.Error(kind, h, e)
		}
	}
	send(t, "POST", g.events+"/", `{}`, "Event: user.created", jsonType, "Traceparent: 00-nonsense")
	h := <-headers
	if e := object(t, f.events()[2]); h.Get("Traceparent") != "" || e["traceparent"] != nil {
		t.Error("nonsense:", h, e)
	}
	const event = `{"specversion":"1.0","id":"7","source":"/s","type":"user.created","traceparent":"its own"}`
	send(t, "POST", g.events+"/", event, "Content-Type: application/cloudevents+json", "Traceparent: "+parent)
	h = <-headers
	if e := object(t, f.events()[3]); h.Get("Traceparent") != parent || e["traceparent"] != "its own" {
		t.Error("an event's own attribute:", h, e)
	}
}
