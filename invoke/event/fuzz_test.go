package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
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
		if !bytes.Equal(body, sent) {
			t.Fatalf("the body was changed: %q, was %q", body, sent)
		}
		sameAgain(t, e, e.Append(nil, CloudEvents, params))
	})
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
	if len(got.Extensions) != len(e.Extensions) {
		t.Fatalf("got %d extensions, want %d in %s", len(got.Extensions), len(e.Extensions), out)
	}
	for i, x := range e.Extensions {
		f("extension", got.Extensions[i].Name, x.Name)
		f(x.Name, string(got.Extensions[i].Value), string(x.Value))
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
