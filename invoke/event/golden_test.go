package event

import (
	"bytes"
	"encoding/json"
	"flag"
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
)

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
		file := filepath.Join("testdata", "golden", name+".jsonl")
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
	post("named-cloudevent", `{"specversion":"1.0","id":"00000000-0000-4000-8000-000000000000","source":"/s","type":"user.created","data":{}}`,
		"Event: user.created", "Content-Type: application/json")
	post("named-other-cloudevent", `{"specversion":"1.0","id":"1","source":"/s","type":"user.deleted","data":{}}`,
		"Event: user.created", "Content-Type: application/json")

	f("plain-get", request("GET", "/users", ""), "", Params{})
	f("plain-json", request("PUT", "/users/1%2F2?b=&a=1&a=2%20x&%zz=1&c;d=%ff", `[1, 2]`, "Content-Type: application/json; charset=utf-8",
		"X-Custom-Header: one", "x-custom-header: two", "Accept: a\xff<b>"), `[1, 2]`, Params{[]string{"id"}, []string{"1%2F2"}})
	f("plain-form", request("POST", "/f", "a=1", "Content-Type: application/x-www-form-urlencoded"), "a=1", Params{})
	f("plain-text", request("POST", "/t", "hi", "Content-Type: text/plain"), "hi", Params{})
	f("plain-bytes", request("POST", "/b", "\xff", "Content-Type: image/png"), "\xff", Params{})
}
