package client_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/client"
)

// request returns a request as a function gets it. headers are "Name: value" lines.
func request(body string, headers ...string) *http.Request {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return r
}

const structured = "Content-Type: application/cloudevents+json; charset=utf-8"

// An event is the same in both modes.
func TestReceive(t *testing.T) {
	t.Parallel()
	want := client.Event{
		ID: "1", Source: "/s", Type: "t", Time: time.Date(2018, 4, 5, 6, 7, 8, 0, time.UTC), Subject: "ü%", DataSchema: "urn:a",
		ContentType: "text/plain", Data: []byte("hi"), Extensions: map[string]string{"a1": "true", "n": "-5"},
	}
	f := func(r *http.Request) {
		t.Helper()
		if got := must(client.Receive(r))(t); !reflect.DeepEqual(*got, want) {
			t.Errorf("got  %+v\nwant %+v", *got, want)
		}
	}
	f(request(`{"specversion":"1.0","id":"1","source":"/s","type":"t","time":"2018-04-05t06:07:08z","subject":"ü%","dataschema":"urn:a",
		"datacontenttype":"text/plain","data":"hi","a1":true,"n":-5,"null":null}`, structured))
	f(request(`{"specversion":"1.0","id":"1","source":"/s","type":"t","time":"2018-04-05T06:07:08Z","subject":"ü%","dataschema":"urn:a",
		"datacontenttype":"text/plain","data_base64":"aGk=","a1":"true","n":"-5"}`, structured))
	f(request("hi", "Ce-Specversion: 1.0", "Ce-Id: 1", "Ce-Source: /s", "Ce-Type: t", "Ce-Time: 2018-04-05T06:07:08Z", "Ce-Subject: %C3%BC%25",
		"Ce-Dataschema: urn:a", "Content-Type: text/plain", "Ce-A1: true", "Ce-N: -5"))
}

func TestReceiveData(t *testing.T) {
	t.Parallel()
	f := func(want, contentType string, r *http.Request) {
		t.Helper()
		e := must(client.Receive(r))(t)
		if string(e.Data) != want || e.ContentType != contentType {
			t.Errorf("got %q of %q, want %q of %q", e.Data, e.ContentType, want, contentType)
		}
	}
	const event = `{"specversion":"1.0","id":"1","source":"/s","type":"t"`
	f("", "", request(event+`}`, structured))
	f("null", "", request(event+`,"data":null}`, structured))
	f(`"a"`, "", request(event+`,"data":"a"}`, structured))
	f(`"a"`, "application/json", request(event+`,"datacontenttype":"application/json","data":"a"}`, structured))
	f("a", "text/plain", request(event+`,"datacontenttype":"text/plain","data":"a","data_base64":null}`, structured))
	f("1", "text/plain", request(event+`,"datacontenttype":"text/plain","data":1}`, structured))
	f("\xff", "application/octet-stream", request(event+`,"data_base64":"/w=="}`, structured))
	binary := []string{"Ce-Specversion: 1.0", "Ce-Id: 1", "Ce-Source: /s", "Ce-Type: t"}
	f("", "", request("", binary...))
	f("x", "application/octet-stream", request("x", binary...))
	f("[1]", "application/json", request("[1]", append(binary, "Content-Type: application/json")...))
}

func TestReceiveRefuses(t *testing.T) {
	t.Parallel()
	f := func(want string, r *http.Request) {
		t.Helper()
		if e, err := client.Receive(r); e != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %+v, %v, want %q", e, err, want)
		}
	}
	f("must be cloudevents", request("hi"))
	f("must be cloudevents", request("[]", "Content-Type: application/cloudevents-batch+json"))
	f("must be cloudevents", request(`{"cloudEventsVersion":"0.1","eventID":"1"}`, structured))
	f("must be cloudevents", request("null", structured))
	f("must be cloudevents", request(`{"specversion":null}`, structured))
	f("must be cloudevents", request("", "Ce-Specversion: 0.2", "Ce-X-Y: 1"))
	f("unexpected end", request("{", structured))
	f(`"id" is missing`, request(`{"specversion":"1.0","source":"/s","type":"t"}`, structured))
	f(`"type" is missing`, request("", "Ce-Specversion: 1.0", "Ce-Id: 1", "Ce-Source: /s"))
	f(`"time" is not a time`, request("", "Ce-Specversion: 1.0", "Ce-Time: now"))
	f(`"id" is there 2 times`, request("", "Ce-Specversion: 1.0", "Ce-Id: 1", "Ce-Id: 2"))
	f(`"datacontenttype" cannot be a header`, request("", "Ce-Specversion: 1.0", "Ce-Datacontenttype: text/plain"))
	f(`"id" is not UTF-8`, request("", "Ce-Specversion: 1.0", "Ce-Id: %ff"))
	f(`"x-y" has a name`, request("", "Ce-Specversion: 1.0", "Ce-X-Y: 1"))
	f(`"x" is neither`, request(`{"specversion":"1.0","id":"1","source":"/s","type":"t","x":{}}`, structured))
	f("beside data", request(`{"specversion":"1.0","id":"1","source":"/s","type":"t","data":1,"data_base64":"/w=="}`, structured))
	f("is not base64", request(`{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"?"}`, structured))
	f("larger than 10 MiB", request(strings.Repeat(" ", 10<<20+1), structured))
}

func TestDecode(t *testing.T) {
	t.Parallel()
	type user struct{ Name string }
	e := must(client.NewEvent("user.created", user{"<Max>"}))(t)
	if string(e.Data) != `{"Name":"<Max>"}` {
		t.Errorf("the data is %s", e.Data)
	}
	var got user
	if err := e.Decode(&got); err != nil || got.Name != "<Max>" {
		t.Errorf("got %+v, %v", got, err)
	}
	e = must(client.NewEvent("user.created", nil))(t)
	if err := e.Decode(&got); e.Data != nil || err == nil {
		t.Errorf("no data: %v", err)
	}
	e = client.Event{ContentType: "text/plain", Data: []byte("1")}
	if err := e.Decode(new(int)); err == nil || !strings.Contains(err.Error(), "not JSON") {
		t.Errorf("text: %v", err)
	}
	if _, err := client.NewEvent("e", func() {}); err == nil {
		t.Error("a function is no data")
	}
}

// FuzzEvent reads any JSON as an event. What is one is written and read again without a difference.
func FuzzEvent(f *testing.F) {
	f.Add(`{"specversion":"1.0","id":"1","source":"/s","type":"t","time":"2018-04-05T06:07:08.1+01:00","a":1,"data":{"b": [1]}}`)
	f.Add(`{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"text/plain","data":"a\u0000"}`)
	f.Add(`{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"a/b","data_base64":"/w=="}`)
	f.Fuzz(func(t *testing.T, text string) {
		var first, second client.Event
		if first.UnmarshalJSON([]byte(text)) != nil {
			return
		}
		b, err := first.MarshalJSON()
		if err != nil {
			if strings.Contains(err.Error(), "is not JSON") {
				return // bytes that came as base64, or are not UTF-8, under a type that says JSON
			}
			t.Fatalf("%+v: %v", first, err)
		}
		if err := json.Unmarshal(b, &second); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if len(first.Data) == 0 {
			first.Data = nil
		}
		if !first.Time.Equal(second.Time) {
			t.Errorf("the time %s became %s", first.Time, second.Time)
		}
		first.Time = second.Time // they may differ in how they name their zone
		if !reflect.DeepEqual(first, second) {
			t.Errorf("got %+v, want %+v", second, first)
		}
	})
}
