package event

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write the golden files")

// received is the time of receipt in all tests, not in UTC on purpose.
var received = time.Date(2026, 3, 4, 7, 6, 7, 890_123_456, time.FixedZone("", 2*60*60))

var formats = []Format{CloudEvents, CloudEvents01, Native}

// request makes a request with the given headers, each "Name: value".
func request(method, target, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, "http://api.example.com"+target, strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// parse makes an event of a POST on /a/b.
func parse(body string, headers ...string) (*Event, error) {
	return FromRequest(request("POST", "/a/b", body, headers...), "/a/b", []byte(body), received)
}

const (
	structured10 = "Content-Type: application/cloudevents+json"
	required     = `"specversion":"1.0","id":"1","source":"/s","type":"t"`
	required01   = `"eventType":"t","cloudEventsVersion":"0.1","source":"/s","eventID":"1"`
	trace        = "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
)

// golden compares what was written with a file.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", name, got, want)
	}
}

// TestGolden holds every kind of input in every form. Look at the difference after -update: each file has the
// events that functions get, the forms in the order of formats.
func TestGolden(t *testing.T) {
	binary := []string{"Ce-Specversion: 1.0", "Ce-Id: A-1", "Ce-Source: /shop", "Ce-Type: order.created",
		"Ce-Time: 2026-01-02T03:04:05Z", "Ce-Subject: Euro%20%E2%82%AC", "Ce-Cost: 12", "Ce-Eventtypeversion: v2"}
	f := func(name string, r *http.Request, body string, p Params) {
		t.Helper()
		e, err := FromRequest(r, r.URL.EscapedPath(), []byte(body), received)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if e.Kind != CloudEvent {
			if len(e.ID) != 36 || e.ID[14] != '4' {
				t.Errorf("%s: id %q is no UUID v4", name, e.ID)
			}
			e.ID = "00000000-0000-4000-8000-000000000000"
		}
		var got []byte
		for _, form := range formats {
			one := e.Append(nil, form, p)
			if !json.Valid(one) || !utf8.Valid(one) {
				t.Errorf("%s: %s is not valid: %s", name, form, one)
			}
			got = append(append(got, one...), '\n')
		}
		golden(t, name+".jsonl", got)
	}
	structured := func(name, body string) {
		t.Helper()
		f(name, request("POST", "/", body, structured10), body, Params{})
	}
	post := func(name, body string, headers ...string) {
		t.Helper()
		f(name, request("POST", "/my%2Fteam/x", body, headers...), body, Params{})
	}

	structured("structured-minimal", `{"specversion":"1.0","id":"1","source":"s","type":"t"}`)
	structured("structured-json", `{"data": {"b" :1, "a":[1.50,"<é\u00e9>"], "a":2},"subject":"o/42","time":"2026-01-02T03:04:05.6+01:00",`+
		`"datacontenttype":"application/json; charset=utf-8","dataschema":"https://example.com/schema#1","type":"order.created",`+
		`"cost":12,"paid":true,"note":"caf\u00e9 <b>","eventtypeversion":"v2","unset":null,"source":"https://example.com/shop","id":"A-1","specversion":"1.0"}`)
	structured("structured-json-string", `{`+required+`,"data":"a string"}`)
	structured("structured-null", `{`+required+`,"data":null}`)
	structured("structured-text", `{`+required+`,"datacontenttype":"text/plain","data":"caf\u00e9"}`)
	structured("structured-form", `{`+required+`,"datacontenttype":"application/x-www-form-urlencoded","data":"a=1\u0026b=2"}`)
	structured("structured-bytes", `{`+required+`,"datacontenttype":"image/png","data_base64":"/wD+"}`)
	structured("structured-bytes-json", `{`+required+`,"datacontenttype":"application/json","data_base64":"eyJhIjoxfQ=="}`)
	structured("structured-bytes-untyped", `{`+required+`,"data_base64":"aGk="}`)

	structured("structured01-minimal", `{"eventType":"t","cloudEventsVersion":"0.1","source":"s","eventID":"1"}`)
	structured("structured01-json", `{"data": {"b" :1} ,"extensions":{"subject":"o/42","myExt":"x","cost-center":1.50,`+
		`"obj": { "a" : [1, "b c"] } ,"n":12,"ok":true,"none":null},`+
		`"eventTypeVersion":"v2","cloudEventsVersion":"0.1","source":"https://example.com/shop","eventType":"order.created","eventID":"A-1",`+
		`"eventTime":"2026-01-02T03:04:05.6+01:00","schemaURL":"https://example.com/schema#1","contentType":"application/json; charset=utf-8","other":1}`)
	structured("structured01-connector", `{"eventType":"t","eventTypeVersion":"","cloudEventsVersion":"0.1","source":"/eventgateway/connector","eventID":"unique",`+
		`"eventTime":"2026-01-02T03:04:05Z","schemaURL":"","contentType":"text/plain","data":"test"}`)
	structured("structured01-form", `{`+required01+`,"contentType":"application/x-www-form-urlencoded","data":"a=1\u0026b=2"}`)
	structured("structured01-bytes", `{`+required01+`,"contentType":"image/png","data":"/wD+"}`)
	structured("structured01-no-base64", `{`+required01+`,"contentType":"image/png","data":"caf\u00e9"}`)
	structured("structured01-json-string", `{`+required01+`,"data":"aGk="}`)
	structured("structured01-own", `{`+required01+`,`+
		`"extensions":{"eventgateway":{"authorization":{"principalId":"forged"}},"event-gateway":1,"EventGatewayLineage":"v1.abc","a":1}}`)
	structured("structured-own", `{`+required+`,"eventgateway":"{\"authorization\":{}}","eventgatewaylineage":"v1.abc","traceparent":"theirs","a":1}`)

	binary01 := []string{"CE-CloudEventsVersion: 0.1", "CE-EventID: A-1", "CE-Source: https://example.com/a%20b", "CE-EventType: order.created",
		"CE-EventTypeVersion: 0.1beta", "CE-EventTime: \"2026-01-02T03:04:05Z\"", "CE-SchemaURL: https://example.com/schema",
		"CE-X-Cost: 12", "CE-X-Subject: Euro%20%E2%82%AC", "CE-X-EventGateway: {}", "CE-Other: x"}
	post("binary01-json", ` {"a": 1} `, append(binary01, "Content-Type: application/json", "Event: other")...)
	post("binary01-text", "hey there", append(binary01, "Content-Type: text/plain")...)
	post("binary01-bytes", "\xff\x00", binary01...)
	post("binary01-empty", "", binary01...)

	post("binary-json", ` {"a": 1} `, append(binary, "Content-Type: application/vnd.shop+json")...)
	post("binary-text", "héllo \"you\"\n", append(binary, "Content-Type: text/plain; charset=utf-8")...)
	post("binary-bytes", "\xff\x00", append(binary, "Content-Type: image/png")...)
	post("binary-empty", "", binary...)
	post("binary-untyped", "text", binary...)

	post("named-json", `{"name":"x"}`, "Event: user.created", "Content-Type: application/json")
	post("named-malformed", `{"name":`, "Event: user.created", "Content-Type: application/json")
	post("named-form", "a=1&b=2", "Event: user.created", "Content-Type: application/x-www-form-urlencoded")
	post("named-text", "text", "Event: user.created", "Content-Type: text/plain")
	post("named-bytes", "\xff", "Event: user.created")
	post("named-empty", "", "Event: user.created")
	post("named-bad-type", "text", "Event: user.created", "Content-Type: text")
	post("named-bad-parameter", "text", "Event: user.created", "Content-Type: text/plain;c")
	post("named-cloudevent", `{"specversion":"1.0","id":"00000000-0000-4000-8000-000000000000","source":"/s","type":"user.created","data":{}}`,
		"Event: user.created", "Content-Type: application/json")
	post("named-cloudevent01", `{"eventType":"user.created","cloudEventsVersion":"0.1","source":"/s",`+
		`"eventID":"00000000-0000-4000-8000-000000000000","contentType":"text/plain","data":"test"}`,
		"Event: user.created", "Content-Type: application/json; charset=utf-8")
	post("named-context", `{}`, "Event: user.created", "Content-Type: application/json", "Eventgateway-Lineage: v1.abc", trace, "Tracestate: a=1", "Tracestate: b=2")
	post("named-other-cloudevent", `{"specversion":"1.0","id":"1","source":"/s","type":"user.deleted","data":{}}`,
		"Event: user.created", "Content-Type: application/json")

	f("plain-get", request("GET", "/users", ""), "", Params{})
	f("plain-json", request("PUT", "/users/1%2F2?b=&a=1&a=2%20x&%zz=1&c;d=%ff", `[1, 2]`, "Content-Type: application/json; charset=utf-8",
		"X-Custom-Header: one", "x-custom-header: two", "Accept: a\xff<b>"), `[1, 2]`, Params{[]string{"id"}, []string{"1%2F2"}})
	f("plain-form", request("POST", "/f", "a=1", "Content-Type: application/x-www-form-urlencoded"), "a=1", Params{})
	f("plain-text", request("POST", "/t", "hi", "Content-Type: text/plain"), "hi", Params{})
	f("plain-context", request("GET", "/users", "", "Eventgateway-Lineage: v1.abc", trace), "", Params{})
	f("plain-compressed", request("POST", "/c", "{}", "Content-Type: application/json", "Content-Encoding: gzip"), "{}", Params{})
	f("plain-bytes", request("POST", "/b", "\xff", "Content-Type: image/png"), "\xff", Params{})
}

// TestGoldenOwn is what the gateway says of an event, in each form.
func TestGoldenOwn(t *testing.T) {
	e, err := parse(`{`+required+`,"subject":"s","data":1}`, structured10)
	if err != nil {
		t.Fatal(err)
	}
	own := *e
	own.Lineage = "v1.abc"
	own.Authorization = []byte("{\"principalId\": \"a \\\" b\",\n \"context\": {\"n\":1}}")
	var got []byte
	for _, form := range formats {
		got = append(own.Append(got, form, Params{}), '\n')
	}
	golden(t, "own.jsonl", got)
	golden(t, "own-message.txt", append(message(own.Binary(CloudEvents, Params{})), message(own.Binary(CloudEvents01, Params{}))...))
}

// TestGoldenAuthorizer is what an authorizer gets.
func TestGoldenAuthorizer(t *testing.T) {
	body := `{` + required + `,"data":{"a":1}}`
	r := request("POST", "/pay?x=1&x=2", body, structured10, "Authorization: Bearer abc", "Cookie: a=b")
	e, err := FromRequest(r, "/pay", []byte(body), received)
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for _, form := range formats {
		if got, err = e.AppendAuthorization(got, form, r, "/pay", Params{[]string{"id"}, []string{"42"}}); err != nil {
			t.Fatal(err)
		}
		got = append(got, '\n')
	}
	golden(t, "authorizer.jsonl", got)

	r.URL.RawQuery = strings.Repeat("a&", 1000)
	_, err = e.AppendAuthorization(nil, Native, r, "/pay", Params{})
	refused(t, "a&a&…", err, InvalidEvent, "query", "1000")
}

// message writes an event in binary mode as text.
func message(h http.Header, body []byte) []byte {
	var b bytes.Buffer
	if err := h.Write(&b); err != nil { // sorts
		panic(err)
	}
	fmt.Fprintf(&b, "\n%q\n\n", body)
	return bytes.ReplaceAll(b.Bytes(), []byte("\r\n"), []byte("\n"))
}

// TestGoldenMessages are events in binary mode, 1.0 before 0.1.
func TestGoldenMessages(t *testing.T) {
	f := func(name, body string, headers ...string) {
		t.Helper()
		e, err := parse(body, headers...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if e.Kind != CloudEvent {
			e.ID = "00000000-0000-4000-8000-000000000000"
		}
		p := Params{[]string{"id"}, []string{"42"}}
		golden(t, "message-"+name+".txt", append(message(e.Binary(CloudEvents, p)), message(e.Binary(CloudEvents01, p))...))
	}
	f("json", `{`+required+`,"time":"2026-01-02T03:04:05Z","dataschema":"https://example.com/a%20b","subject":"100% \"Euro\" €","eventtypeversion":"v2",`+
		`"cost":12,"paid":true,"data": {"a": 1} }`, structured10)
	f("text", `{`+required+`,"datacontenttype":"text/plain","data":"caf\u00e9 \"x\""}`, structured10)
	f("bytes", `{`+required+`,"datacontenttype":"image/png","data_base64":"/wD+"}`, structured10)
	f("untyped", `{`+required+`,"data_base64":"/wD+"}`, structured10)
	f("empty", `{`+required+`}`, structured10)
	f("01", `{`+required01+`,"extensions":{"cost-center":1.5,"o":{ "a" : "é" }},"contentType":"text/plain","data":"test"}`, structured10)
	f("named", `[1]`, "Event: user.created", "Content-Type: application/json", trace)
	f("named-bad-type", `x`, "Event: user.created", "Content-Type: text")
	f("plain", "\xff", "Content-Type: image/png", "X-A: b")
}

// TestGoldenSystem are the five system events.
func TestGoldenSystem(t *testing.T) {
	r := request("POST", "/users/42?a=1", "hi", "Content-Type: text/plain", "Authorization: Bearer abc",
		"X-Api-Key: k", "X-A: b", "Eventgateway-Lineage: v1.abc", trace)
	e, err := FromRequest(r, "/users/42", []byte("hi"), received)
	if err != nil {
		t.Fatal(err)
	}
	e.ID = "00000000-0000-4000-8000-000000000000"
	e.Authorization = []byte(`{"principalId":"p"}`)
	for _, name := range []string{Received, Invoking, Invoked, InvocationFailed, Dropped} {
		var got []byte
		for _, compat := range []bool{false, true} {
			seed, v09 := NewSystem(&System{Name: name, Event: e, Params: Params{[]string{"id"}, []string{"42"}},
				Path: "/users/42", Headers: CopyHeaders(r.Header), Reason: "no room", Space: "default", FunctionID: "f", Result: []byte(` {"a": 1} `), Error: "it failed"}, compat, received)
			for _, one := range []*Event{seed, v09} {
				one.ID = "00000000-0000-4000-8000-000000000001"
			}
			got = append(seed.Append(got, Native, Params{}), '\n')
			got = append(v09.Append(got, CloudEvents01, Params{}), '\n')
			got = append(v09.Append(got, CloudEvents, Params{}), '\n')
		}
		for _, secret := range []string{"Bearer", "v1.abc", "principalId", "Api-Key"} {
			if strings.Contains(string(got), secret) {
				t.Errorf("%s tells credentials: %s", name, got)
			}
		}
		golden(t, "system-"+name+".jsonl", got)
	}
}
