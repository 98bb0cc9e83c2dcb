package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sdkType is an event type of all kinds of characters that one may have.
const sdkType = "com.example.Created-1_a"

// sdkFunction is a function behind the gateway that reads events with an SDK.
type sdkFunction struct {
	*peer
	id   string
	mode string // the member of the function: "", structured or binary
}

// register makes a function with subscriptions for events and HTTP requests, sync ones on /sync/ID and /plain/ID, and an async one
// on /async/ID.
func (s *peer) register(t *testing.T, path, mode string) *sdkFunction {
	t.Helper()
	f := &sdkFunction{s, s.name + "-" + path + "-" + mode, mode}
	member := ""
	if mode != "" {
		member = fmt.Sprintf(`"mode":%q,`, mode)
	}
	add := func(what, format string, args ...any) {
		t.Helper()
		s.gateway.in(t).configure(201, "POST", what, fmt.Sprintf(format, args...))
	}
	add("functions", `{"functionId":%q,"type":"http",%s"provider":{"url":"%s/%s"}}`, f.id, member, s.url, path)
	for _, kind := range []string{"sync", "async"} {
		add("subscriptions", `{"type":%q,"eventType":%q,"functionId":%q,"path":"/%[1]s/%[3]s"}`, kind, sdkType, f.id)
	}
	add("subscriptions", `{"event":"http","method":"POST","functionId":%q,"path":"/plain/%[1]s/*rest"}`, f.id)
	return f
}

// TestSDKs: what the CloudEvents SDKs for JavaScript and Go send reaches functions that are made with them, whole and unchanged.
func TestSDKs(t *testing.T) {
	p := start(t, t.TempDir(), "-dev")
	p.configure(201, "POST", "eventtypes", fmt.Sprintf(`{"name":%q}`, sdkType))
	node, golang := startNodePeer(t, p), startGoPeer(t, p)
	for _, mode := range []string{"", "structured", "binary"} {
		for _, f := range []struct {
			*peer
			path string
		}{{node, "function"}, {golang, "function"}, {golang, "client"}} {
			t.Run(strings.Trim(fmt.Sprintf("to %s %s %s", f.name, f.path, mode), " "), func(t *testing.T) {
				to := f.register(t, f.path, mode)
				for _, from := range []*peer{node, golang} {
					t.Run("from "+from.name, func(t *testing.T) { testSDKEvents(t, from, to) })
				}
				t.Run("without an SDK", func(t *testing.T) { testRequests(t, to) })
			})
		}
	}
}

// sdkEvents returns the events that each sender sends in each mode, under their names.
func sdkEvents() map[string]*cloudEvent {
	event := func(form, data string, attributes map[string]any) *cloudEvent {
		all := map[string]any{"specversion": "1.0", "source": "/sdks/test?a=1#b", "type": sdkType, "time": "2024-02-29T12:34:56.789Z"}
		maps.Copy(all, attributes)
		return &cloudEvent{Attributes: all, Data: []byte(data), Form: form}
	}
	const object = `{"name":"Müller","n":1.5,"list":[1,null,true,"\"%"],"b":{"a":""}}`
	allBytes := make([]byte, 256)
	for i := range allBytes {
		allBytes[i] = byte(i)
	}
	return map[string]*cloudEvent{
		"JSON":              event("json", object, map[string]any{"datacontenttype": "application/json"}),
		"JSON with charset": event("json", object, map[string]any{"datacontenttype": "application/json; charset=utf-8"}),
		"JSON of a kind":    event("json", object, map[string]any{"datacontenttype": "application/vnd.example+json"}),
		"JSON as bytes":     event("bytes", object, map[string]any{"datacontenttype": "application/json"}),
		"untyped":           event("json", object, nil),
		"text":              event("text", "Grüße, \"100%\"\r\n\t€ \U0001F600\n", map[string]any{"datacontenttype": "text/plain"}),
		"XML":               event("bytes", "<a b='c'>&amp;</a>", map[string]any{"datacontenttype": "application/xml"}),
		"text like JSON":    event("text", object, map[string]any{"datacontenttype": "text/plain; charset=utf-8"}),
		"bytes":             event("bytes", string(allBytes), map[string]any{"datacontenttype": "application/octet-stream"}),
		"Latin-1":           event("bytes", "Gr\xfc\xdfe", map[string]any{"datacontenttype": "text/plain; charset=iso-8859-1"}),
		"no data":           event("", "", nil),
		"all attributes": event("json", object, map[string]any{
			"datacontenttype": "application/json", "dataschema": "https://example.com/schema/1.json?a=b#c", "subject": "users/1 of 2",
			"text": `100% "sure", a=b; c`, "empty": "", "number": 42.0, "least": -2147483648.0, "most": 2147483647.0, "yes": true, "no": false,
			"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
			"abcdefghijklmnopqrst": "a name of 20 letters",
		}),
		"Unicode": event("text", "", map[string]any{"datacontenttype": "text/plain", "subject": "Größe \U0001F600", "text": `50%25 "€"`}),
	}
}

func testSDKEvents(t *testing.T, from *peer, to *sdkFunction) {
	n := 0
	f := func(mode, kind string, do func(*testing.T, map[string]*cloudEvent)) {
		t.Run(mode+" "+kind, func(t *testing.T) {
			events := sdkEvents()
			if mode == "binary" {
				delete(events, "Unicode") // the SDKs do not encode what headers cannot carry
			}
			if from.name == "go" || to.name == "go" {
				delete(events, "JSON of a kind") // to Go's SDK, only application/json and text/json are JSON
			}
			for _, e := range events {
				n++
				e.Attributes["id"] = fmt.Sprintf("%s-%s-%d", from.name, to.id, n)
			}
			do(t, events)
		})
	}
	for _, mode := range []string{"structured", "binary"} {
		f(mode, "sync", func(t *testing.T, events map[string]*cloudEvent) {
			for name, e := range events {
				t.Run(name, func(t *testing.T) {
					id := e.Attributes["id"].(string)
					if got, want := from.send(t, "/sync/"+to.id, mode, e), (sent{201, to.name, id}); got != want {
						t.Fatalf("the answer is %v, want %v", got, want)
					}
					to.received(t, id).same(t, e.delivered(from, mode, to))
				})
			}
		})
		f(mode, "async", func(t *testing.T, events map[string]*cloudEvent) {
			e := events["all attributes"]
			if got := from.send(t, "/async/"+to.id, mode, e); got != (sent{Status: 202}) {
				t.Fatalf("the answer is %v", got)
			}
			to.received(t, e.Attributes["id"].(string)).same(t, e.delivered(from, mode, to))
		})
	}
	f("batch", "async", func(t *testing.T, events map[string]*cloudEvent) {
		var all []*cloudEvent
		for _, e := range events {
			all = append(all, e)
		}
		if got := from.send(t, "/async/"+to.id, "batch", all...); got != (sent{Status: 202}) {
			t.Fatalf("the answer is %v", got)
		}
		for name, e := range events {
			t.Run(name, func(t *testing.T) {
				to.received(t, e.Attributes["id"].(string)).same(t, e.delivered(from, "batch", to))
			})
		}
	})
}

// delivered returns the event as the function has to get it.
func (e *cloudEvent) delivered(from *peer, mode string, to *sdkFunction) *cloudEvent {
	want := &cloudEvent{Attributes: maps.Clone(e.Attributes), Data: e.Data, Binary: to.mode == "binary"}
	_, typed := e.Attributes["datacontenttype"]
	switch {
	case typed:
	case mode == "binary" && from.name == "node":
		want.Attributes["datacontenttype"] = "application/json; charset=utf-8" // which the SDK adds, also without data
	case len(e.Data) == 0:
	case mode == "binary":
		want.Attributes["datacontenttype"] = "application/octet-stream" // RFC 9110, 8.3: a body without a type
	case want.Binary:
		want.Attributes["datacontenttype"] = "application/json" // CloudEvents JSON format, 3.1: what data without a type is
	}
	for name, value := range want.Attributes {
		switch {
		case name == "datacontenttype":
		case want.Binary:
			want.Attributes[name] = inHeader(asText(value))
		case mode == "binary":
			want.Attributes[name] = asText(value)
		}
	}
	return want
}

// asText returns a value as headers have it, which know no types.
func asText(value any) string {
	if n, ok := value.(float64); ok {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return fmt.Sprint(value)
}

// inHeader returns the value of an attribute as a header has it (CloudEvents HTTP binding, 3.1.3.2). The SDKs do not decode it.
func inHeader(value string) string {
	var b strings.Builder
	for _, c := range []byte(value) {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// testRequests sends what no SDK sends: events of other kinds and odd ones. The functions check what comes as strictly as their SDKs can.
func testRequests(t *testing.T, to *sdkFunction) {
	const version1 = `{"specversion":"1.0","source":"/s","type":"` + sdkType + `",`
	const ofJSON = `"id":"$id","datacontenttype":"application/json","data":`
	structured := []string{"Content-Type: application/cloudevents+json"}
	binary := []string{"Ce-Specversion: 1.0", "Ce-Id: $id", "Ce-Source: /s", "Ce-Type: " + sdkType}
	n := 0
	post := func(t *testing.T, path, body string, headers ...string) *cloudEvent {
		t.Helper()
		id := to.gateway.in(t).send(201, "POST", to.gateway.events+path, body, headers...)
		return to.received(t, id)
	}
	// f sends an event of which the attributes given in pairs and the data have to arrive, the id always.
	f := func(name string, headers []string, body, data string, attributes ...any) {
		t.Run(name, func(t *testing.T) {
			t.Helper()
			n++
			id := fmt.Sprintf("odd-%s-%d", to.id, n)
			put := func(s string) string { return strings.ReplaceAll(s, "$id", id) }
			all := slices.Clone(headers)
			for i := range all {
				all[i] = put(all[i])
			}
			post(t, "/sync/"+to.id, put(body), all...).check(t, to, data, append(attributes, "type", sdkType)...)
		})
	}
	f("quotes, percent signs, other letters", structured,
		version1+`"id":"$id","subject":"\"%41\" ü","x":"\"a\" %41 50% ü€\ud83d\ude00 \\","y":"%"}`, "",
		"subject", `"%41" ü`, "x", "\"a\" %41 50% ü€\U0001F600 \\", "y", "%")
	f("encoded headers", append(binary, `Ce-X: Gr%C3%BC%C3%9Fe%20%22100%25%22`, `Ce-Y: "a \"b\""`), "", "", "x", `Grüße "100%"`, "y", `a "b"`)
	f("spaces around a value", structured, version1+`"id":"$id","x":" a ","y":" "}`, "", "x", " a ", "y", " ")
	f("empty text", structured, version1+`"id":"$id","datacontenttype":"text/plain","data":""}`, "", "datacontenttype", "text/plain")
	f("empty bytes", structured, version1+`"id":"$id","datacontenttype":"image/png","data_base64":""}`, "", "datacontenttype", "image/png")
	f("bytes without a type", structured, version1+`"id":"$id","data_base64":"AAEC/w=="}`, "\x00\x01\x02\xff")
	f("array", structured, version1+ofJSON+`[1,"a"]}`, `[1,"a"]`)
	if to.name == "go" { // to the other one, these are no data or strings; this one reads no time in small letters
		f("null", structured, version1+ofJSON+`null}`, "null")
		f("false", structured, version1+ofJSON+`false}`, "false")
		f("string", structured, version1+ofJSON+`"a"}`, `"a"`)
		f("data as it was written", structured, version1+ofJSON+` {"b" : 1.0,"a":1e3, "a":"\u00fc<"}}`, `{"b" : 1.0,"a":1e3, "a":"\u00fc<"}`)
	} else {
		f("a time in small letters", structured, version1+`"id":"$id","time":"2024-02-29t23:59:59.123z"}`, "", "time", "2024-02-29T23:59:59.123Z")
		for _, data := range []string{"null", "false", "0", `""`} {
			f("data "+data, structured, version1+ofJSON+data+`}`, "*")
		}
	}
	f("attributes that are null", structured,
		version1+`"id":"$id","subject":null,"time":null,"x":null,"dataschema":null,"datacontenttype":null}`, "")
	f("a time in a zone", structured, version1+`"id":"$id","time":"2024-03-01T12:34:56.123+23:59"}`, "", "time", "2024-02-29T12:35:56.123Z")
	f("a schema without a host", structured, version1+`"id":"$id","dataschema":"urn:example:a:b"}`, "", "dataschema", "urn:example:a:b")
	for _, source := range []string{
		"a", "a/b", "//[::1]:80/a", "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66", "?a", "#a", "mailto:a@b", "/a(b)'c'*;=~!$&,%C3%BC",
		"https://u@h:1/p?q#f",
	} {
		f("source "+source, structured, strings.Replace(version1, "/s", source, 1)+`"id":"$id"}`, "", "source", source)
	}
	f("version 0.1", structured, `{"cloudEventsVersion":"0.1","eventType":"`+sdkType+`","eventTypeVersion":"1.5","eventID":"$id",`+
		`"source":"/old","eventTime":"2018-04-05T17:31:00.123Z","schemaURL":"https://example.com/s","contentType":"application/json",`+
		`"extensions":{"comExample":"a"},"data":{"a":1}}`, `{"a":1}`,
		"source", "/old", "time", "2018-04-05T17:31:00.123Z", "eventtypeversion", "1.5", "dataschema", "https://example.com/s",
		"datacontenttype", "application/json", "comexample", "a")
	f("version 0.1 in binary mode", []string{
		"CE-EventType: " + sdkType, "CE-CloudEventsVersion: 0.1", "CE-Source: /old", "CE-EventID: $id", "CE-EventTime: 2018-04-05T17:31:00.123Z",
		"CE-X-Name: a", "Content-Type: application/json",
	}, `{"a":1}`, `{"a":1}`,
		"source", "/old", "time", "2018-04-05T17:31:00.123Z", "datacontenttype", "application/json", "name", "a")

	named := func(contentType, body, data string, attributes ...any) {
		headers := []string{"Event: " + sdkType, "Content-Type: " + contentType}
		f("Event header, "+contentType, headers, body, data, append(attributes, "source", "/sync/"+to.id)...)
	}
	named("application/json", `{"name":"Max"}`, `{"name":"Max"}`, "datacontenttype", "application/json")
	named("text/plain", "a", "a", "datacontenttype", "text/plain")
	named("image/png", "\x89PNG", "\x89PNG", "datacontenttype", "image/png")
	named("application/x-www-form-urlencoded", "a=b", "a=b", "datacontenttype", "application/x-www-form-urlencoded")
	named("nonsense", "a", "a", "datacontenttype", "application/octet-stream")
	named("text/plain", "", "", "datacontenttype", "text/plain")

	for _, path := range []string{"a", "a%2Fb", "%C3%BC", "a:b@c!$&'()*+,;=~", "a%20b%22%25"} {
		t.Run("HTTP request, "+path, func(t *testing.T) {
			e := post(t, "/plain/"+to.id+"/"+path+"?a=%C3%BC", `{"a":1}`, "Content-Type: application/json")
			for _, part := range []string{`"body":{"a":1}`, `"method":"POST"`, `"query":{"a":["ü"]}`} {
				if !strings.Contains(string(e.Data), part) {
					t.Errorf("no %s in %s", part, e.Data)
				}
			}
			e.check(t, to, "*", "type", "http.request", "datacontenttype", "application/json")
		})
	}
}

// check looks at the attributes that are given in pairs, and at the data unless it is "*".
func (e *cloudEvent) check(t *testing.T, to *sdkFunction, data string, attributes ...any) {
	t.Helper()
	want := &cloudEvent{Attributes: maps.Clone(e.Attributes), Data: []byte(data), Binary: to.mode == "binary"}
	delete(want.Attributes, "eventgatewaylineage")
	for i := 0; i < len(attributes); i += 2 {
		name, value := attributes[i].(string), attributes[i+1]
		if want.Binary && name != "datacontenttype" {
			value = inHeader(asText(value))
		}
		want.Attributes[name] = value
	}
	if data == "*" {
		want.Data = e.Data
	}
	e.same(t, want)
}
