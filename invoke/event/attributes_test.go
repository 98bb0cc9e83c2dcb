package event_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/invoke/event"
)

// TestAttributes: by name, and all in order.
func TestAttributes(t *testing.T) {
	t.Parallel()
	f := func(contentType, body string, want ...string) {
		t.Helper()
		r := &http.Request{Method: "POST", URL: &url.URL{Path: "/a"}, Header: http.Header{"Content-Type": {contentType}}}
		e, err := event.FromRequest(r, "/a", []byte(body), time.Unix(1, 0))
		if err != nil {
			t.Fatal(err)
		}
		e.Authorization = []byte(`{"principalId":"max"}`)
		var got []string
		for name, value := range e.Attributes() {
			got = append(got, name+"="+value)
			if v, ok := e.Attribute(name); !ok || v != value {
				t.Errorf("Attribute(%q) is %q, %t; want %q", name, v, ok, value)
			}
		}
		if a, b := fmt.Sprint(got), fmt.Sprint(want); a != b {
			t.Errorf("%s\ngot  %s\nwant %s", body, a, b)
		}
		for _, name := range []string{"", "data", "eventgateway", "missing", "ID"} {
			if v, ok := e.Attribute(name); ok {
				t.Errorf("Attribute(%q) is %q", name, v)
			}
		}
		for range e.Attributes() { // it may be ended at any time
			break
		}
	}
	const structured = "application/cloudevents+json"
	f(structured, `{"specversion":"1.0","id":"1","source":"/s","type":"t"}`, "specversion=1.0", "id=1", "source=/s", "type=t")
	f(structured, `{"specversion":"1.0","zone":"z","eventtypeversion":"2","id":"1","source":"/s","type":"t","cost":12,"big":true,"note":"a\"ü",`+
		`"time":"2026-03-04T05:06:07Z","subject":"s","datacontenttype":"text/plain","dataschema":"x:y","eventgatewaylineage":"`+strings.Repeat("a", 46)+`","data":"d"}`,
		"specversion=1.0", "id=1", "source=/s", "type=t", "time=2026-03-04T05:06:07Z", "subject=s", "datacontenttype=text/plain", "dataschema=x:y",
		"big=true", "cost=12", "eventgatewaylineage="+strings.Repeat("a", 46), "eventtypeversion=2", `note=a"ü`, "zone=z")
	f(structured, `{"cloudEventsVersion":"0.1","eventID":"1","source":"/s","eventType":"t","extensions":{"x-A":{"b":1}}}`,
		"specversion=1.0", "id=1", "source=/s", "type=t", `xa={"b":1}`)
}
