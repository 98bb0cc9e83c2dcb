package event

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// sameStored stores an event and reads it: it must be written as before, in each form.
func sameStored(t *testing.T, e *Event, p Params) {
	t.Helper()
	kept := e.AppendStored(nil)
	again, err := ParseStored(kept)
	if err != nil {
		t.Fatalf("%v: %s", err, kept)
	}
	if second := again.AppendStored(nil); !bytes.Equal(second, kept) {
		t.Fatalf("stored again it is not the same:\n%s\n%s", kept, second)
	}
	if !again.Received.Equal(e.Received) || again.Kind != e.Kind || again.Lineage != e.Lineage {
		t.Fatalf("%+v, want %+v", again, e)
	}
	for _, form := range formats {
		if want, got := e.Append(nil, form, p), again.Append(nil, form, p); !bytes.Equal(got, want) {
			t.Fatalf("%s:\n%s, want\n%s\nstored:\n%s", form, got, want, kept)
		}
		wantHeader, want := e.Binary(form, p)
		if header, body := again.Binary(form, p); !bytes.Equal(body, want) || len(header) != len(wantHeader) {
			t.Fatalf("%s in binary mode: %v %s, want %v %s", form, header, body, wantHeader, want)
		}
	}
}

// TestStored: what waits in a queue is read by later versions. The files may only get company.
func TestStored(t *testing.T) {
	t.Parallel()
	f := func(file, body string, headers ...string) {
		t.Helper()
		e, err := parse(body, headers...)
		if err != nil {
			t.Fatal(err)
		}
		e.ID = "id" // some are made up
		e.Authorization = []byte(`{"principalId":"anna"}`)
		golden(t, "stored-"+file+".json", e.AppendStored(nil))
		sameStored(t, e, Params{[]string{"id"}, []string{"7"}})
		seed, _ := NewSystem(&System{Name: Invoked, Space: "default", FunctionID: "f", Event: e, Params: Params{[]string{"id"}, []string{"7"}}, Result: []byte(" {} ")}, false, received)
		seed.ID = "id"
		golden(t, "stored-system-"+file+".json", seed.AppendStored(nil))
		sameStored(t, seed, Params{})
	}
	f("http", "a=b", "Content-Type: application/x-www-form-urlencoded", "Cookie: c=d", trace)
	f("named", "{\"a\": 1}\n", "Content-Type: application/json", "Event: order.paid", LineageHeader+": abc")
	f("cloudevent", `{`+required+`,"x":"y","n":7,"data_base64":"/wA="}`, structured10)
	f("cloudevent01", `{`+required01+`,"extensions":{"Cost":{"a":1.5}},"contentType":"text/plain","data":"x"}`, structured10)
	f("malformed", `{`, "Content-Type: application/json", "Event: x")
}

// FuzzParseStored reads anything. What it takes has valid forms.
func FuzzParseStored(f *testing.F) {
	for _, seed := range []string{
		`{"kind":"named","id":"1","source":"/","type":"t","data":{"kind":"json","text":"1"},"extensions":[{"name":"a","value":"{}"}]}`,
		`{"kind":"http","id":"1","source":"/","type":"t","http":{"method":"GET","query":[{"name":"a","values":["b"]}]},"data":{"kind":"binary","base64":"/w=="}}`,
		`{"kind":"system","id":"1","source":"/","type":"t","system":{"name":"function.invoked","result":{"kind":"json","text":"{"},"event":{"kind":"named","id":"1","source":"/","type":"t"}}}`,
		`{"kind":"named","id":"1","source":"/","type":"t","received":"9999-12-31T23:59:59-23:59"}`,
		`{"kind":"cloudevent","id":"1","source":"/","type":"t","contentType":"text/plain","data":{"kind":"json","text":"\"x\""},"authorization":"{}"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseStored(b)
		if err != nil {
			return
		}
		for _, form := range formats {
			if out := e.Append(nil, form, Params{}); !json.Valid(out) || !utf8.Valid(out) {
				t.Fatalf("%s is not valid: %q", form, out)
			}
			e.Binary(form, Params{})
		}
		sameStored(t, e, Params{})
	})
}

// TestParseStoredBad: what makes no sense is refused.
func TestParseStoredBad(t *testing.T) {
	t.Parallel()
	const start = `{"kind":"named","id":"1","source":"/","type":"t"`
	f := func(in, want string) {
		t.Helper()
		if _, err := ParseStored([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
	f(``, "not the JSON")
	f(`[]`, "not the JSON")
	f(`{}`, "unknown kind")
	f(`{"kind":"named","id":"1","source":"/"}`, "lacks its id")
	f(`{"kind":"http","id":"1","source":"/","type":"t"}`, "do not fit")
	f(start+`,"http":{}}`, "do not fit")
	f(start+`,"authorization":"[]"}`, "authorization")
	f(start+`,"authorization":"{}x"}`, "authorization")
	f(start+`,"data":{"kind":"json","text":"{"}}`, "not of its kind")
	f(start+`,"data":{"kind":"json","text":" 1"}}`, "not of its kind")
	f(start+`,"data":{"kind":"text","base64":"/w=="}}`, "not of its kind")
	f(start+`,"data":{"kind":"xml","text":"1"}}`, "unknown kind")
	f(start+`,"data":{"text":"1"}}`, "unknown kind")
	f(start+`,"extensions":[{"name":"a","value":"x"}]}`, "extension")
	f(start+`,"extensions":[{"name":"","value":"1"}]}`, "extension")
	f(start+`,"extensions":[{"name":"id","value":"1"}]}`, "a name that none can have")
	f(start+`,"extensions":[{"name":"a","value":"1"},{"name":"A ","value":"1"}]}`, "a name that none can have")
	f(start+`,"received":"9999-12-31T23:59:59-23:59"}`, "at no time")
	f(start+`,"received":"0000-01-01T00:00:00+01:00"}`, "at no time")
	deep := start + `}`
	for range 4 {
		deep = `{"kind":"system","id":"1","source":"/","type":"t","system":{"name":"event.received","event":` + deep + `}}`
	}
	f(deep, "unknown kind")
}
