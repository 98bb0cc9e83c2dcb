package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// FuzzFromRequest makes an event of any request. Each form of it must be valid JSON, and the 1.0 form must be an
// event again, with the same attributes and the same bytes of data. The seeds are in testdata/fuzz.
func FuzzFromRequest(f *testing.F) {
	f.Fuzz(func(t *testing.T, method, path, query, headers string, body []byte) {
		if len(path) > 1000 {
			t.Skip("paths are limited before") // a source has at most 4096 bytes, and one of a path may be three
		}
		r := &http.Request{Method: method, Host: "h\xff", URL: &url.URL{RawQuery: query}, Header: http.Header{}}
		for line := range strings.SplitSeq(headers, "\n") {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Add(name, value)
		}
		sent := bytes.Clone(body)
		e, err := FromRequest(r, path, body, received)
		if err != nil {
			var refusal *Error
			if e != nil || !errors.As(err, &refusal) || refusal.Message == "" || !utf8.ValidString(refusal.Message) {
				t.Fatalf("event %v, error %#v", e, err)
			}
			return
		}
		params := Params{[]string{"p"}, []string{path}}
		for _, form := range formats {
			out := e.Append(nil, form, params)
			if !json.Valid(out) || !utf8.Valid(out) {
				t.Fatalf("%s is not valid: %q", form, out)
			}
			if again := e.Append(make([]byte, 0, len(out)), form, params); !bytes.Equal(out, again) {
				t.Fatalf("%s is not the same again:\n%s\n%s", form, out, again)
			}
		}
		_, system := NewSystem(&System{Name: Invoked, Event: e, Params: params, Result: body}, false, received)
		for _, form := range formats {
			out := system.Append(nil, form, Params{})
			asked, err := e.AppendAuthorization(nil, form, r, path, params)
			if !json.Valid(out) || !utf8.Valid(out) || err == nil && !json.Valid(asked) || err != nil && e.Kind == Plain {
				t.Fatalf("%s is not valid: %q or %q, %v", form, out, asked, err)
			}
		}
		if !bytes.Equal(body, sent) {
			t.Fatalf("the body was changed: %q, was %q", body, sent)
		}
		sameStored(t, e, params)
		sameStored(t, system, params)
		sameAgain(t, e, e.Append(nil, CloudEvents, params))
		sameMessage(t, e, CloudEvents, params)
		sameMessage(t, e, CloudEvents01, params)
	})
}

// FuzzFromBatch makes events of any body. The 1.0 forms of them must be a batch again.
func FuzzFromBatch(f *testing.F) {
	f.Fuzz(func(t *testing.T, body []byte) {
		r := request("POST", "/", "", batched)
		events, err := FromBatch(r, "/", body, received)
		if err != nil {
			var refusal *Error
			if events != nil || !errors.As(err, &refusal) || refusal.Message == "" || !utf8.ValidString(refusal.Message) {
				t.Fatalf("events %v, error %#v", events, err)
			}
			return
		}
		out := []byte("[")
		for i, e := range events {
			if i > 0 {
				out = append(out, ',')
			}
			out = e.Append(out, CloudEvents, Params{})
			sameAgain(t, e, e.Append(nil, CloudEvents, Params{}))
			if one := e.Append(nil, CloudEvents01, Params{}); !json.Valid(one) {
				t.Fatalf("not valid: %s", one)
			}
		}
		again, err := FromBatch(r, "/", append(out, ']'), received)
		if err != nil || len(again) != len(events) {
			t.Fatalf("got %d events, %v; want %d of %s", len(again), err, len(events), out)
		}
	})
}

// FuzzAuthorization has what an authorizer may say, which is as hostile as a request.
func FuzzAuthorization(f *testing.F) {
	f.Fuzz(func(t *testing.T, authorization []byte) {
		if !json.Valid(authorization) || !utf8.Valid(authorization) {
			t.Skip("the caller has checked it")
		}
		e := &Event{Kind: CloudEvent, ID: "1", Source: "/", Type: "t", Authorization: authorization}
		for _, form := range formats {
			if out := e.Append(nil, form, Params{}); !json.Valid(out) {
				t.Fatalf("%s is not valid: %s", form, out)
			}
		}
		var out struct {
			Text string `json:"eventgateway"`
		}
		if err := json.Unmarshal(e.Append(nil, CloudEvents, Params{}), &out); err != nil {
			t.Fatal(err)
		}
		var want bytes.Buffer
		if err := json.Compact(&want, authorization); err != nil {
			t.Fatal(err)
		}
		if want := `{"authorization":` + want.String() + `}`; out.Text != want {
			t.Fatalf("got %s, want %s", out.Text, want)
		}
	})
}

// sameMessage reads an event in binary mode and compares.
func sameMessage(t *testing.T, e *Event, form Format, p Params) {
	t.Helper()
	h, body := e.Binary(form, p)
	got, err := FromRequest(&http.Request{Method: "POST", URL: &url.URL{}, Header: h}, "/", body, received)
	if err != nil {
		if isBinary01(h) && len(h["Ce-Specversion"]) > 0 {
			return // 1.0 with extensions that are called as the attributes of 0.1 are
		}
		t.Fatalf("%v: %q", err, h)
	}
	f := func(name, got, want string) {
		t.Helper()
		if got != want {
			t.Fatalf("%s: got %q, want %q in %q", name, got, want, h)
		}
	}
	f("id", got.ID, e.ID)
	f("source", got.Source, e.Source)
	f("type", got.Type, e.Type)
	f("time", got.Time, e.Time)
	f("dataschema", got.Schema, e.Schema)
	f("subject", got.Subject, e.Subject)
	f("lineage", got.Lineage, e.Lineage)
	f("content type", got.ContentType, e.bodyType())
	want := map[string]string{"eventtypeversion": e.TypeVersion}
	for _, x := range wantExtensions(e) {
		want[legalName(x.Name)] = x.text()
	}
	f("eventtypeversion", got.TypeVersion, want["eventtypeversion"])
	delete(want, "eventtypeversion")
	for _, x := range got.Extensions {
		if x.Name != "eventtypeversion" { // the empty one
			f("extension "+x.Name, x.text(), want[x.Name])
			delete(want, x.Name)
		}
	}
	if len(want) > 0 {
		t.Fatalf("%v is missing in %q", want, h)
	}
	if e.isObject() {
		f("data", string(got.Data.Raw), string(e.appendObject(nil, form, p)))
		return
	}
	f("data", string(got.Data.Raw), content(t, e))
}

// wantExtensions are the extensions that are written.
func wantExtensions(e *Event) []Extension {
	want := slices.Clone(e.Extensions)
	if e.made && e.TraceParent != "" {
		want = append(want, Extension{"traceparent", appendString(nil, e.TraceParent)})
	}
	if e.made && e.TraceState != "" {
		want = append(want, Extension{"tracestate", appendString(nil, e.TraceState)})
	}
	return want
}

// sameAgain reads what was made of an event and compares.
func sameAgain(t *testing.T, e *Event, out []byte) {
	t.Helper()
	got, err := parse(string(out), structured10)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f := func(name, got, want string) {
		t.Helper()
		if got != want {
			t.Fatalf("%s: got %q, want %q in %s", name, got, want, out)
		}
	}
	f("id", got.ID, e.ID)
	f("source", got.Source, e.Source)
	f("type", got.Type, e.Type)
	f("time", got.Time, e.Time)
	f("datacontenttype", got.ContentType, e.contentType10())
	f("dataschema", got.Schema, e.Schema)
	f("subject", got.Subject, e.Subject)
	f("eventtypeversion", got.TypeVersion, e.TypeVersion)
	f("lineage", got.Lineage, e.Lineage)
	want := wantExtensions(e)
	if len(got.Extensions) != len(want) {
		t.Fatalf("got %d extensions, want %d in %s", len(got.Extensions), len(want), out)
	}
	for i, x := range want {
		f("extension", got.Extensions[i].Name, legalName(x.Name))
		f(x.Name, string(got.Extensions[i].Value), string(x.appendValue10(nil)))
	}
	if e.Kind == Plain {
		var data struct {
			Body   json.RawMessage `json:"body"`
			Base64 bool            `json:"isBase64Encoded"`
		}
		if err := json.Unmarshal(got.Data.Raw, &data); err != nil {
			t.Fatal(err)
		}
		body := &Event{ContentType: "application/json", Data: Data{JSON, data.Body}}
		switch {
		case data.Base64:
			var raw []byte
			if err := json.Unmarshal(data.Body, &raw); err != nil {
				t.Fatal(err)
			}
			body.Data = Data{Binary, raw}
		case e.Data.Kind != JSON:
			body.ContentType = "text/plain"
		}
		got = body
	}
	f("data", content(t, got), content(t, e))
}

// content is the payload of an event, however it came.
func content(t *testing.T, e *Event) string {
	t.Helper()
	if e.Data.Kind != JSON || !e.isQuotedText() {
		return string(e.Data.Raw)
	}
	text, err := jsontext.AppendUnquote(nil, e.Data.Raw)
	if err != nil && !strings.Contains(err.Error(), "surrogate") {
		t.Fatal(err)
	}
	return string(text)
}
