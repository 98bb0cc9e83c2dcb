package event

import (
	"net/http"
	"strings"
	"testing"
)

// inputs are requests of each form, with a member or a header for an extension.
func inputs(name, value string) map[string]*http.Request {
	r := map[string]*http.Request{
		"structured":   request("POST", "/", `{`+required+`,"`+name+`":"`+value+`"}`, structured10),
		"structured01": request("POST", "/", `{`+required01+`,"extensions":{"`+name+`":"`+value+`"}}`, structured10),
		"binary":       request("POST", "/", "", "Ce-Specversion: 1.0", "Ce-Id: 1", "Ce-Source: /s", "Ce-Type: t", "Ce-"+name+": "+value),
		"binary01":     request("POST", "/", "", "Ce-X-"+name+": "+value),
		"named":        request("POST", "/", `{`+required+`,"`+name+`":"`+value+`"}`, "Content-Type: application/json", "Event: t"),
		"named01":      request("POST", "/", `{`+required01+`,"extensions":{"`+name+`":"`+value+`"}}`, "Content-Type: application/json", "Event: t"),
	}
	for header, value := range binary01 {
		r["binary01"].Header.Set(header, value)
	}
	return r
}

// read makes an event of a request with a body.
func read(t *testing.T, r *http.Request) *Event {
	t.Helper()
	var body []byte
	if r.Body != nil {
		b := make([]byte, r.ContentLength)
		n, _ := r.Body.Read(b)
		body = b[:n]
	}
	e, err := FromRequest(r, "/", body, received)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestOwnExtension: no sender can say what the gateway says.
func TestOwnExtension(t *testing.T) {
	t.Parallel()
	for form, r := range inputs("eventgateway", "forged") {
		e := read(t, r)
		if e.ID != "1" || len(e.Extensions) != 0 || e.Authorization != nil {
			t.Errorf("%s: got %+v", form, e)
		}
		for _, f := range formats {
			if out := string(e.Append(nil, f, Params{})); strings.Contains(out, "forged") {
				t.Errorf("%s: got %s", form, out)
			}
		}
	}
}

func TestLineage(t *testing.T) {
	t.Parallel()
	for form, r := range inputs("eventgatewaylineage", "v1.ext") {
		if e := read(t, r); e.Lineage != "v1.ext" || len(e.Extensions) != 0 {
			t.Errorf("%s: got %q, extensions %s", form, e.Lineage, e.Extensions)
		}
	}
	f := func(want string, values ...string) {
		t.Helper()
		for form, r := range inputs("eventgatewaylineage", "v1.ext") {
			r.Header["Eventgateway-Lineage"] = values
			if e := read(t, r); e.Lineage != want || len(e.Extensions) != 0 {
				t.Errorf("%s %q: got %q, want %q", form, values, e.Lineage, want)
			}
		}
		if want == "v1.ext" {
			want = ""
		}
		r := request("GET", "/", "")
		r.Header["Eventgateway-Lineage"] = values
		if e := read(t, r); e.Lineage != want {
			t.Errorf("plain %q: got %q, want %q", values, e.Lineage, want)
		}
	}
	long := strings.Repeat("x", 128)
	f("v1.header", "v1.header")
	f(long, long)
	f("v1.ext", long+"x")
	f("v1.ext", "a", "a")
	f("v1.ext", "")
	f("v1.ext", "a b")
	f("v1.ext", "a\xff")

	for form, r := range inputs("eventgatewaylineage", long+"x") {
		if e := read(t, r); e.Lineage != "" || len(e.Extensions) != 0 {
			t.Errorf("%s: got %q", form, e.Lineage)
		}
	}
	e, err := parse(`{`+required+`,"eventgatewaylineage":12,"x":1}`, structured10)
	if err != nil || e.Lineage != "" || len(e.Extensions) != 1 {
		t.Errorf("got %+v, %v", e, err)
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	_, parent, _ := strings.Cut(trace, ": ")
	f := func(wantParent, wantState string, parents []string, states ...string) {
		t.Helper()
		all := inputs("traceparent", "theirs")
		all["plain"] = request("POST", "/", "")
		for form, r := range all {
			r.Header["Traceparent"], r.Header["Tracestate"] = parents, states
			e := read(t, r)
			if e.TraceParent != wantParent || e.TraceState != wantState {
				t.Errorf("%s %q: got %q, %q", form, parents, e.TraceParent, e.TraceState)
			}
			out := string(e.Append(nil, CloudEvents, Params{})) + string(e.Append(nil, CloudEvents01, Params{}))
			want := `"traceparent":"theirs"`
			if form == "plain" {
				want = `"traceparent":"` + wantParent + `"`
			}
			if got := strings.Count(out, want); (got == 2) != (form != "plain" || wantParent != "") {
				t.Errorf("%s %q: got %s", form, parents, out)
			}
		}
	}
	f(parent, "", []string{parent})
	f(parent, "a=1,b=2", []string{parent}, "a=1", "b=2")
	f(parent, "", []string{parent}, strings.Repeat("x", 513))
	f(parent, "", []string{parent}, "a=\xff")
	f(parent, strings.Repeat("x", 512), []string{parent}, strings.Repeat("x", 512))
	f("", "", nil, "a=1")
	f("", "", []string{parent, parent}, "a=1")

	bad := func(s string) {
		t.Helper()
		if isTraceParent(s) {
			t.Errorf("%q is taken", s)
		}
	}
	bad("")
	bad(parent + "-x")
	bad(parent[1:])
	bad("01" + parent[2:])
	bad("ff" + parent[2:])
	bad(strings.ToUpper(parent))
	bad(strings.Replace(parent, "-", "0", 1))
	bad("00-" + strings.Repeat("0", 32) + parent[35:])
	bad(parent[:36] + strings.Repeat("0", 16) + parent[52:])
	bad(parent[:53] + "0g")
	bad(parent[:53] + "0-")
}

func TestContentEncoding(t *testing.T) {
	t.Parallel()
	f := func(refuse bool, values ...string) {
		t.Helper()
		for form, r := range inputs("x", "1") {
			r.Header["Content-Encoding"] = values
			_, err := FromRequest(r, "/", []byte(`{`+required+`}`), received)
			if refuse {
				refused(t, form, err, UnsupportedFormat, "content-encoding", "compression")
			} else if err != nil && form != "structured01" && form != "named01" {
				t.Errorf("%s: %v", form, err)
			}
		}
		r := request("POST", "/", "", "Content-Type: application/json")
		r.Header["Content-Encoding"] = values
		e, err := FromRequest(r, "/", []byte("{"), received)
		if err != nil || e.Malformed == refuse || e.Data.Kind != Binary || string(e.Data.Raw) != "{" {
			t.Errorf("plain %q: got %+v, %v", values, e, err)
		}
		if e, err := FromRequest(r, "/", nil, received); err != nil || e.Data.Kind != NoData {
			t.Errorf("plain %q without a body: got %+v, %v", values, e, err)
		}
	}
	f(true, "gzip")
	f(true, "x")
	f(true, "identity, gzip")
	f(true, "identity", "br")
	f(false)
	f(false, "")
	f(false, "Identity")
	f(false, " identity ,")
}
