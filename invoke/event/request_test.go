package event

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
)

func TestKind(t *testing.T) {
	t.Parallel()
	binary := []string{"Ce-Specversion: 1.0", "Ce-Id: 1", "Ce-Source: /s", "Ce-Type: t"}
	f := func(body string, want Kind, wantType string, headers ...string) {
		t.Helper()
		e, err := parse(body, headers...)
		if err != nil {
			t.Errorf("%v: %v", headers, err)
			return
		}
		if e.Kind != want || e.Type != wantType {
			t.Errorf("%v: got kind %d, type %q; want %d, %q", headers, e.Kind, e.Type, want, wantType)
		}
		if !e.Received.Equal(received) || (e.HTTP != nil) != (want == Plain) {
			t.Errorf("%v: Received %v, HTTP %v", headers, e.Received, e.HTTP)
		}
	}
	event := `{` + required + `}`
	f(event, CloudEvent, "t", "Content-Type: application/cloudevents+json")
	f(event, CloudEvent, "t", "Content-Type: Application/CloudEvents+JSON ; charset=utf-8", "Event: x", "Ce-Specversion: 9")
	f(event, CloudEvent, "t", append(binary, "Content-Type: application/json", "Event: x")...)
	f(event, Named, "x", "Content-Type: application/json", "Event: x")
	f(event, Named, "t", "Content-Type: application/json", "Event: t")
	f("", Named, "x", "Event: \tx ")
	f("", Named, "invoke", "Event: invoke")
	f("", Named, strings.Repeat("t", 128), "Event: "+strings.Repeat("t", 128))
	f("", Plain, "http.request", "Event:  ")
	f("", Plain, "http.request", "Ce-Id: 1", "Ce-Type: t", "Ce-Source: /s")
	f(event, Plain, "http.request", "Content-Type: application/json")
	f(event, Plain, "http.request", "Content-Type: text/plain; a=application/cloudevents+json")
}

func TestRefused(t *testing.T) {
	t.Parallel()
	f := func(code Code, attribute, words string, headers ...string) {
		t.Helper()
		_, err := parse("[]", headers...)
		refused(t, fmt.Sprint(headers), err, code, attribute, words)
	}
	f(UnsupportedFormat, "content-type", "accepted as", "Content-Type: application/cloudevents-batch+json; charset=utf-8")
	f(UnsupportedFormat, "content-type", "accepted as", "Content-Type: application/CloudEvents+avro")
	f(InvalidEvent, "content-type", "repeated", "Content-Type: text/plain", "Content-Type: application/cloudevents+json")
	f(InvalidEvent, "event", "repeated", "Event: a", "Event: a")
	f(InvalidEvent, "event", "letters", "Event: a, b")
	f(InvalidEvent, "event", "letters", "Event: pay/anything")
	f(InvalidEvent, "event", "letters", "Event: a\xff")
	f(InvalidEvent, "event", "128", "Event: "+strings.Repeat("t", 129))
}

// TestO_EventTypes: a type with a slash in it once went past the authorizer of the type before the slash.
func TestO_EventTypes(t *testing.T) {
	t.Parallel()
	f := func(name string) {
		t.Helper()
		_, err := parse("", "Event: "+name)
		refused(t, name, err, InvalidEvent, "event", "letters")
		_, err = parse("", "Ce-Specversion: 1.0", "Ce-Id: 1", "Ce-Source: /", "Ce-Type: "+name)
		refused(t, name, err, InvalidEvent, "type", "letters")
		_, err = parse(`{"specversion":"1.0","id":"1","source":"/s","type":"`+name+`"}`, structured10)
		refused(t, name, err, InvalidEvent, "type", "letters")
	}
	f("pay/anything")
	f("pay,x")
	f("pay x")
	f("pay*")
	f(":pay")
	f("päy")
}

// TestJ_BinaryRefused has the header CE-X-: of defect J, which was a panic.
func TestJ_BinaryRefused(t *testing.T) {
	t.Parallel()
	f := func(attribute, words string, headers ...string) {
		t.Helper()
		all := map[string]string{"Ce-Specversion": "1.0", "Ce-Id": "1", "Ce-Source": "/s", "Ce-Type": "t"}
		r := request("POST", "/", "")
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			delete(all, name)
			if value != "-" {
				r.Header[name] = append(r.Header[name], value)
			}
		}
		for name, value := range all {
			r.Header.Set(name, value)
		}
		_, err := FromRequest(r, "/", nil, received)
		refused(t, fmt.Sprint(headers), err, InvalidEvent, attribute, words)
	}
	f("id", "missing", "Ce-Id: -")
	f("source", "missing", "Ce-Source: -")
	f("type", "missing", "Ce-Type: -")
	f("specversion", `must be "1.0"`, "Ce-Specversion: 0.3")
	f("specversion", `must be "1.0"`, "Ce-Specversion: ")
	f("specversion", "repeated", "Ce-Specversion: 1.0", "Ce-Specversion: 1.0")
	f("id", "repeated", "Ce-Id: 1", "Ce-Id: 1")
	f("id", "repeated", "Ce-Id: 1", "CE-ID: 1")
	f("x", "repeated", "Ce-X: 1", "Ce-X: 1")
	f("id", "empty", "Ce-Id: ")
	f("id", "control", "Ce-Id: a%00")
	f("id", "UTF-8", "Ce-Id: %C0%A0")
	f("id", "UTF-8", "Ce-Id: \xff")
	f("source", "URI-reference", "Ce-Source: a%20b")
	f("type", "letters", "Ce-Type: a%2Fb")
	f("time", "3339", "Ce-Time: now")
	f("", "not a name", "Ce-: x")
	f("x-", "not a name", "CE-X-: x")
	f("x-:", "not a name", "CE-X-:: x")
	f("x-y", "not a name", "Ce-X-Y: x")
	f("\u212a", "not a name", "Ce-\u212a: x")
	f("x", "longer", "Ce-X: "+strings.Repeat("v", 4097))
	f("datacontenttype", "Content-Type", "Ce-Datacontenttype: text/plain")
	f("datacontenttype", "media type", "Content-Type: text")
	f("data", "body", "Ce-Data: x")
	many := make([]string, 65)
	for i := range many {
		many[i] = fmt.Sprintf("Ce-X%d: 1", i)
	}
	f("", "more than 64 extensions", many...)
}

func TestJ_BinaryExtensions(t *testing.T) {
	t.Parallel()
	f := func(header, name, value string) {
		t.Helper()
		e, err := parse("", "Ce-Specversion: 1.0", "Ce-Id: 1", "Ce-Source: /s", "Ce-Type: t", header)
		if err != nil {
			t.Errorf("%s: %v", header, err)
			return
		}
		if want := []Extension{{name, []byte(value)}}; !reflect.DeepEqual(e.Extensions, want) {
			t.Errorf("%s: got %s, want %s", header, e.Extensions, want)
		}
	}
	f("Ce-Cost: 12", "cost", `"12"`) // defect J: it arrived as "ost"
	f("CE-CEX: x", "cex", `"x"`)
	f("Ce-X: true", "x", `"true"`)
	f("Ce-X: Euro%20%E2%82%AC%20%f0%9f%98%80", "x", `"Euro € 😀"`)
	f("Ce-X: 100% of %zz %4", "x", `"100% of %zz %4"`)
	f("Ce-X: %2525", "x", `"%25"`)
	f(`Ce-X: "a \"b\" %41\\"`, "x", `"a \"b\" A\\"`)
	f(`Ce-X: "`, "x", `"\""`)
	f("Ce-X: é<", "x", `"é<"`)
}

// TestBinaryOrder has enough headers that a map would hardly give them in this order.
func TestBinaryOrder(t *testing.T) {
	t.Parallel()
	headers := []string{"Ce-Specversion: 1.0", "Ce-Id: 1", "Ce-Source: /s", "Ce-Type: t"}
	for _, c := range "hgfedcbajklmnop" {
		headers = append(headers, fmt.Sprintf("Ce-%c: 1", c))
	}
	e, err := parse("", headers...)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, x := range e.Extensions {
		got += x.Name
	}
	if want := "abcdefghjklmnop"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPayload(t *testing.T) {
	t.Parallel()
	f := func(contentType, body string, kind DataKind, raw string, malformed bool) {
		t.Helper()
		headers := []string{"Event: t"}
		if contentType != "" {
			headers = append(headers, "Content-Type: "+contentType)
		}
		e, err := parse(body, headers...)
		if err != nil {
			t.Errorf("%s %q: %v", contentType, body, err)
			return
		}
		if e.Data.Kind != kind || string(e.Data.Raw) != raw || e.Malformed != malformed {
			t.Errorf("%s %q: got kind %d, %q, malformed %v; want %d, %q, %v",
				contentType, body, e.Data.Kind, e.Data.Raw, e.Malformed, kind, raw, malformed)
		}
	}
	for _, json := range []string{"application/json", "Application/JSON; charset=utf-8", "text/json", "application/problem+JSON", "application/json;"} {
		f(json, "", NoData, "", false)
		f(json, " \n", Binary, " \n", true)
		for _, value := range []string{`{"a":1,"a":2}`, `[]`, `"s"`, `1`, `null`, `true`, `"\ud800"`} {
			f(json, "\r\n\t "+value+" ", JSON, value, false)
		}
		for _, bad := range []string{`{`, `{}{}`, `'a'`, `NaN`, `01`, "\"\xff\"", "\"\n\"", "\u00a0{}", "{} \v"} {
			f(json, bad, Binary, bad, true)
		}
	}
	f("", "{}", Text, "{}", false)
	f("application/jsonx", "{}", Text, "{}", false)
	f("application/+json", "{}", Text, "{}", false)
	f("json", "{}", Text, "{}", false)
	f("text/plain", "\xff", Binary, "\xff", false)
	f("text/plain", "", NoData, "", false)
}

// TestForms are the encodings of a payload that the golden files leave out.
func TestForms(t *testing.T) {
	t.Parallel()
	f := func(contentType, body string, format Format, want string) {
		t.Helper()
		e, err := parse(body, "Event: t", "Content-Type: "+contentType)
		if err != nil {
			t.Errorf("%s %q: %v", contentType, body, err)
			return
		}
		if got := string(e.Append(nil, format, Params{})); !strings.Contains(got, want) {
			t.Errorf("%s %q: got %s, want %s", contentType, body, got, want)
		}
	}
	const multipart = `Multipart/Form-Data; boundary="x"`
	f(multipart, "--x--", CloudEvents, `,"data":"--x--"}`)
	f(multipart, "--x--", Native, `,"data":"--x--",`)
	f(multipart, "--x--\xff", CloudEvents, `,"data_base64":"LS14LS3/"}`)
	f(multipart, "--x--\xff", CloudEvents01, `,"data":"LS14LS3/"}`)
	f(multipart, "--x--\xff", Native, `,"data":"LS14LS3/",`)
	f("application/xml", "<a/>", CloudEvents, `"datacontenttype":"application/xml","data":"<a/>"}`)
	f("application/xml", "<a/>", "", `"datacontenttype":"application/xml","data":"<a/>"}`)
	f("text/plain", "\x00\u2028\"\\", CloudEvents, `,"data":"\u0000`+"\u2028"+`\"\\"}`)
	f("a\xff/json", `"s"`, CloudEvents, `"datacontenttype":"application/json","data":"s"}`)
	f("a; \xff", "s", CloudEvents, `"datacontenttype":"application/octet-stream","data":"s"}`)
	f("a/json; \xff", `"s"`, CloudEvents, `"datacontenttype":"application/json","data":"s"}`)
	f("a/json; \xff", `"s"`, Native, `"data":"s","dataType":"a/json; `+"\ufffd"+`"}`)

	// An object of CloudEvents 0.1 becomes its JSON text in 1.0.
	e := &Event{Kind: Named, ID: "1", Source: "/", Type: "t", Extensions: []Extension{{"o", []byte(`{"a":"b"}`)}}}
	if got, want := string(e.Append(nil, CloudEvents, Params{})), `{"specversion":"1.0","id":"1","source":"/","type":"t","o":"{\"a\":\"b\"}"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := string(e.Append(nil, CloudEvents01, Params{})), `"extensions":{"o":{"a":"b"}}`; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestNamedSource(t *testing.T) {
	t.Parallel()
	f := func(path, want string) {
		t.Helper()
		e, err := FromRequest(request("POST", "/", "", "Event: t"), path, nil, received)
		if err != nil || e.Source != want {
			t.Errorf("%q: got %+v, %v; want %q", path, e, err, want)
		}
		if !isURIReference(want) {
			t.Errorf("%q is no URI-reference", want)
		}
	}
	f("", "/")
	f("/", "/")
	f("*", "/*")
	f("a:b", "/a:b")
	f("//h:x@[", "//h:x@%5B")
	f("/a%2Fb/:c@d/;e=1", "/a%2Fb/:c@d/;e=1")
	f("/é x/%zz/%2f/?#[", "/%C3%A9%20x/%25zz/%2f/%3F%23%5B")
}

func TestQuery(t *testing.T) {
	t.Parallel()
	f := func(raw string, want ...Query) {
		t.Helper()
		got, err := parseQuery(raw)
		if err != nil || len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %q, %v; want %q", raw, got, err, want)
		}
	}
	f("")
	f("&&")
	f("b=2&a=1&b=1", Query{"a", []string{"1"}}, Query{"b", []string{"2", "1"}})
	f("a&=b", Query{"", []string{"b"}}, Query{"a", []string{""}})
	f("a=1;b=2", Query{"a", []string{"1;b=2"}})
	f("a+b=%41=&%zz=1&c=%", Query{"a b", []string{"A="}})
	f("%ff=1&%fe=2", Query{"\ufffd", []string{"1", "2"}})

	if _, err := parseQuery(strings.Repeat("a&", 999)); err != nil {
		t.Error(err)
	}
	r := request("GET", "/?"+strings.Repeat("a&", 1000), "")
	_, err := FromRequest(r, "/", nil, received)
	refused(t, "a&a&…", err, InvalidEvent, "query", "1000")
}

// TestPlainKeepsNothing changes the request after the event was made.
func TestPlainKeepsNothing(t *testing.T) {
	t.Parallel()
	r := request("GET", "/?a=1", "", "X-A: 1", "X-A: 2")
	e, err := FromRequest(r, "/", nil, received)
	if err != nil {
		t.Fatal(err)
	}
	before := string(e.Append(nil, Native, Params{}))
	r.Header["X-A"][0] = "changed"
	r.Header = http.Header{}
	r.Host, r.Method, r.URL.RawQuery = "changed", "PUT", ""
	if after := string(e.Append(nil, Native, Params{})); after != before {
		t.Errorf("got %s, want %s", after, before)
	}
}

// TestAppend checks that what stands before stays, for the encoding that uses the end of dst for itself too.
func TestAppend(t *testing.T) {
	t.Parallel()
	e, err := parse(`{`+required+`,"datacontenttype":"text/plain","data":"a\u00e9\n`+strings.Repeat("z", 200)+`"}`, structured10)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range formats {
		want := string(e.Append(nil, f, Params{}))
		for _, room := range []int{0, 1, 50, 300, 10000} {
			dst := append(make([]byte, 0, 4+room), "head"...)
			if got := string(e.Append(dst, f, Params{})); got != "head"+want {
				t.Errorf("%s with room for %d: got %s, want head%s", f, room, got, want)
			}
		}
	}
}

// TestShared is for the race detector: one event goes to many functions at once.
func TestShared(t *testing.T) {
	t.Parallel()
	e, err := parse("a=1", "Content-Type: application/x-www-form-urlencoded")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, f := range formats {
		want := string(e.Append(nil, f, Params{}))
		for range 4 {
			wg.Go(func() {
				if got := string(e.Append(nil, f, Params{})); got != want {
					t.Errorf("%s: got %s, want %s", f, got, want)
				}
			})
		}
	}
	wg.Wait()
}

func TestContentType(t *testing.T) {
	t.Parallel()
	for f, want := range map[Format]string{
		CloudEvents: "application/cloudevents+json", CloudEvents01: "application/cloudevents+json", Native: "application/json",
	} {
		if got := f.ContentType(); got != want {
			t.Errorf("%s: got %s, want %s", f, got, want)
		}
	}
}
