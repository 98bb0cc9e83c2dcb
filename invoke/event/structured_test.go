package event

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// refused checks that err is an *Error about the attribute, with words in its message.
func refused(t *testing.T, in string, err error, code Code, attribute, words string) {
	t.Helper()
	var e *Error
	if len(in) > 120 {
		in = in[:120] + "…"
	}
	if !errors.As(err, &e) {
		t.Errorf("%s: got %v, want an *Error", in, err)
		return
	}
	if e.Code != code || e.Attribute != attribute || !strings.Contains(e.Message, words) || code != ReservedType && !strings.Contains(strings.ToLower(e.Message), strings.ToLower(attribute)) {
		t.Errorf("%s: got code %d, attribute %q, %q; want code %d, attribute %q, %q",
			in, e.Code, e.Attribute, e.Message, code, attribute, words)
	}
	if len(e.Message) > 500 {
		t.Errorf("%s: a message of %d bytes", in, len(e.Message))
	}
}

func TestStructuredRefused(t *testing.T) {
	t.Parallel()
	f := func(body, attribute, words string) {
		t.Helper()
		_, err := parse(body, structured10)
		refused(t, body, err, InvalidEvent, attribute, words)
		if err != nil && !strings.HasPrefix(err.Error(), "CloudEvent doesn't validate: ") {
			t.Errorf("%s: %q has no prefix", body, err)
		}
	}
	with := func(member string) string { return `{` + required + `,` + member + `}` }

	// The body.
	f("", "", "malformed JSON")
	f("{", "", "malformed JSON")
	f("[]", "", "not a JSON object")
	f(`["cloudEventsVersion",1]`, "", "not a JSON object")
	f(`"`+required+`"`, "", "not a JSON object")
	f(`{`+required+`}x`, "", "malformed JSON")
	f(`{`+required+`}{}`, "", "malformed JSON")
	f(`{`+required+`,}`, "", "malformed JSON")
	f(`{`+required+`,"data":tru}`, "", "malformed JSON")
	f(`{`+required+`,"data":01}`, "", "malformed JSON")
	f(with(`"data":"`+"\xff"+`"`), "", "UTF-8")
	f(with(`"data":`+strings.Repeat("[", 20000)+strings.Repeat("]", 20000)), "", "malformed JSON")
	f("\ufeff{"+required+"}", "", "malformed JSON")

	// What is required.
	f(`{}`, "specversion", "missing")
	f(`{"id":"1","source":"/s","type":"t"}`, "specversion", "missing")
	f(`{"specversion":"1.0","source":"/s","type":"t"}`, "id", "missing")
	f(`{"specversion":"1.0","id":"1","type":"t"}`, "source", "missing")
	f(`{"specversion":"1.0","id":"1","source":"/s"}`, "type", "missing")
	f(`{"specversion":"1.0","id":null,"source":"/s","type":"t"}`, "id", "missing")
	f(`{"specversion":"0.3","id":"1","source":"/s","type":"t"}`, "specversion", `must be "1.0"`)
	f(`{"specversion":1.0,"id":"1","source":"/s","type":"t"}`, "specversion", "string")

	// One version.
	f(with(`"cloudEventsVersion":"0.1"`), "cloudEventsVersion", "beside specversion")
	f(with(`"cloudEventsVersion":null`), "cloudEventsVersion", "beside specversion")
	f(`{"eventType":"t","cloudEventsversion":"0.1","source":"/s","eventID":"1"}`, "cloudEventsVersion", "required")

	// Exact case, no duplicates.
	f(`{"SpecVersion":"1.0","id":"1","source":"/s","type":"t"}`, "SpecVersion", "not a name")
	f(with(`"ID":"2"`), "ID", "not a name")
	f(with(`"id":"1"`), "id", "repeated")
	f(with(`"\u0069d":"1"`), "id", "repeated")
	f(with(`"subject":null,"subject":"x"`), "subject", "repeated")
	f(with(`"data":1,"data":1`), "data", "repeated")
	f(with(`"data_base64":"","data_base64":""`), "data_base64", "repeated")
	f(with(`"x":1,"x":1`), "x", "repeated")
	f(with(`"x":null,"x":1`), "x", "repeated")

	// Types and values.
	f(`{"specversion":"1.0","id":1,"source":"/s","type":"t"}`, "id", "string")
	f(`{"specversion":"1.0","id":"","source":"/s","type":"t"}`, "id", "empty")
	f(`{"specversion":"1.0","id":{},"source":"/s","type":"t"}`, "id", "string")
	f(`{"specversion":"1.0","id":"a\u0000","source":"/s","type":"t"}`, "id", "control")
	f(`{"specversion":"1.0","id":"a\u0085","source":"/s","type":"t"}`, "id", "control")
	f("{\"specversion\":\"1.0\",\"id\":\"a\x7f\",\"source\":\"/s\",\"type\":\"t\"}", "id", "control")
	f(`{"specversion":"1.0","id":"\uffff","source":"/s","type":"t"}`, "id", "control")
	f(`{"specversion":"1.0","id":"\ud800","source":"/s","type":"t"}`, "id", "surrogates")
	f(`{"specversion":"1.0","id":"`+strings.Repeat("i", 4097)+`","source":"/s","type":"t"}`, "id", "longer")
	f(`{"specversion":"1.0","id":"1","source":"","type":"t"}`, "source", "URI-reference")
	f(`{"specversion":"1.0","id":"1","source":"a b","type":"t"}`, "source", "URI-reference")
	f(`{"specversion":"1.0","id":"1","source":"/s","type":""}`, "type", "1 to 128")
	f(`{"specversion":"1.0","id":"1","source":"/s","type":"pay/anything"}`, "type", "letters")
	f(`{"specversion":"1.0","id":"1","source":"/s","type":"é"}`, "type", "letters")
	f(`{"specversion":"1.0","id":"1","source":"/s","type":"`+strings.Repeat("t", 129)+`"}`, "type", "128")
	f(with(`"time":""`), "time", "3339")
	f(with(`"time":"yesterday"`), "time", "3339")
	f(with(`"time":"2026-01-02T03:04:05"`), "time", "3339")
	f(with(`"time":"2026-01-02T03:04:05,5Z"`), "time", "3339")
	f(with(`"time":"2026-02-30T03:04:05Z"`), "time", "3339")
	f(with(`"time":1767323045`), "time", "string")
	f(with(`"datacontenttype":""`), "datacontenttype", "media type")
	f(with(`"datacontenttype":"json"`), "datacontenttype", "media type")
	f(with(`"dataschema":"/relative"`), "dataschema", "absolute URI")
	f(with(`"dataschema":""`), "dataschema", "absolute URI")
	f(with(`"subject":""`), "subject", "empty")
	f(with(`"subject":[]`), "subject", "string")

	// Extensions.
	f(with(`"x-y":"1"`), "x-y", "not a name")
	f(with(`"":"1"`), "", "not a name")
	f(with(`"x":{}`), "x", "must be a string")
	f(with(`"x":[1]`), "x", "must be a string")
	f(with(`"x":1.5`), "x", "integer")
	f(with(`"x":1e3`), "x", "integer")
	f(with(`"x":2147483648`), "x", "integer")
	f(with(`"x":-2147483649`), "x", "integer")
	f(with(`"x":10000000000`), "x", "integer")
	f(with(`"x":"\n"`), "x", "control")
	f(with(`"x":"\udc00"`), "x", "surrogates")
	f(with(`"x":"`+strings.Repeat("v", 4097)+`"`), "x", "longer")
	f(with(`"eventtypeversion":"\n"`), "eventtypeversion", "control")
	f(with(`"`+strings.Repeat("X", 4000)+`":1`), strings.Repeat("X", 64), "not a name")
	f(with(`"`+strings.Repeat("x", 5000)+`":1`), "", "longer")
	f(with(extensions(65)), "", "more than 64 extensions")
	f(with(strings.ReplaceAll(extensions(200), "1", "null")), "", "too many attributes")

	// Data.
	f(with(`"data":1,"data_base64":"aGk="`), "data_base64", "beside data")
	f(with(`"data_base64":"","data":null`), "data_base64", "beside data")
	f(with(`"data_base64":1`), "data_base64", "string")
	f(with(`"data_base64":"aGk"`), "data_base64", "base64")
	f(with(`"data_base64":"aGl="`), "data_base64", "base64") // the unused bits are set
	f(with(`"data_base64":"_-8="`), "data_base64", "base64")
	f(with(`"data_base64":"aG\nk="`), "data_base64", "base64")
	f(with(`"data_base64":"aGk=\ud800"`), "data_base64", "base64")
}

// extensions are n members x0, x1 and so on.
func extensions(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"x%da":1`, i)
	}
	return b.String()[1:]
}

func TestStructuredAccepted(t *testing.T) {
	t.Parallel()
	// Each is read and its 1.0 form has the members given, in any place.
	f := func(member, want string) {
		t.Helper()
		e, err := parse(`{`+required+`,`+member+`}`, structured10)
		if err != nil {
			t.Errorf("%s: %v", member, err)
			return
		}
		if e.Kind != CloudEvent {
			t.Errorf("%s: kind %d", member, e.Kind)
		}
		got := string(e.Append(nil, CloudEvents, Params{}))
		if rest, ok := strings.CutPrefix(got, `{`+required); !ok || rest != want+`}` {
			t.Errorf("%s:\n got %s\nwant {%s%s}", member, got, required, want)
		}
	}
	f(`"time":"2026-01-02t03:04:05.123456789z"`, `,"time":"2026-01-02T03:04:05.123456789Z"`)
	f(`"time":null,"datacontenttype":null,"dataschema":null,"subject":null,"data_base64":null,"x":null`, ``)
	f(`"datacontenttype":"multipart/mixed; boundary=\"a b\""`, `,"datacontenttype":"multipart/mixed; boundary=\"a b\""`)
	f(`"dataschema":"urn:x:y"`, `,"dataschema":"urn:x:y"`)
	f(`"subject":"\u00e9\ud83d\ude00\/"`, `,"subject":"é😀/"`)
	f(`"cost":"c","ce":"x","x":""`, `,"cost":"c","ce":"x","x":""`)
	f(`"x":-2147483648,"y":2147483647,"z":false`, `,"x":-2147483648,"y":2147483647,"z":false`)
	f(`"x":"\u00e9\/"`, `,"x":"\u00e9\/"`)
	f(`"eventtypeversion":"2","a":1`, `,"eventtypeversion":"2","a":1`)
	f(`"a":1,"eventtypeversion":2000`, `,"a":1,"eventtypeversion":2000`)
	f(`"a":1,"eventtypeversion":""`, `,"a":1,"eventtypeversion":""`)
	f(extensions(64), `,`+extensions(64))
	f(`"x":"`+strings.Repeat("v", 4096)+`"`, `,"x":"`+strings.Repeat("v", 4096)+`"`)
	f(`"data":{"a":1,"a":2}`, `,"data":{"a":1,"a":2}`)
	f(`"data":"\ud800"`, `,"data":"\ud800"`)
	f(`"data": [ 1e400, -0 , "\u0000" ] `, `,"data":[ 1e400, -0 , "\u0000" ]`)
	f(`"data":`+strings.Repeat("[", 9000)+strings.Repeat("]", 9000), `,"data":`+strings.Repeat("[", 9000)+strings.Repeat("]", 9000))
	f(`"data":{"specversion":"0.3","cloudEventsVersion":"0.1"}`, `,"data":{"specversion":"0.3","cloudEventsVersion":"0.1"}`)
	f(`"datacontenttype":"text/xml","data":{"not":"text"}`, `,"datacontenttype":"text/xml","data":{"not":"text"}`)
	f(`"datacontenttype":"text/xml","data_base64":"aGk="`, `,"datacontenttype":"text/xml","data":"hi"`)
	f(`"data_base64":"\u0061Gk="`, `,"data_base64":"aGk="`)
	f(`"data_base64":""`, ``)
}

func TestStructuredMalformedBase64(t *testing.T) {
	t.Parallel()
	e, err := parse(`{`+required+`,"datacontenttype":"application/json","data_base64":"ew=="}`, structured10)
	if err != nil || !e.Malformed || e.Data.Kind != Binary || string(e.Data.Raw) != "{" {
		t.Errorf("got %+v, %v; want a malformed event", e, err)
	}
}

func TestReserved(t *testing.T) {
	t.Parallel()
	f := func(name string, want bool) {
		t.Helper()
		if got := Reserved(name); got != want {
			t.Errorf("Reserved(%q) = %v", name, got)
		}
		_, err := parse(`{"specversion":"1.0","id":"1","source":"/s","type":"`+name+`"}`, structured10)
		_, err2 := parse("", "Ce-Specversion: 1.0", "Ce-Id: 1", "Ce-Source: /", "Ce-Type: "+name)
		_, err3 := parse("", "Event: "+name)
		if !want {
			if err := errors.Join(err, err2, err3); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return
		}
		refused(t, name, err, ReservedType, "type", "reserved for system events")
		refused(t, name, err2, ReservedType, "type", "reserved for system events")
		refused(t, name, err3, ReservedType, "event", "reserved for system events")
	}
	f("gateway.event.received", true)
	f("eventgateway.function.invoked", true)
	f("GateWay.x", true)
	f("EVENTGATEWAY.", true)
	f("gateway", false)
	f("gateways.x", false)
	f("my.gateway.x", false)
	f("gateway-x", false)
	// U+017F folds to s and U+212A to k, but only ASCII counts: such a name is refused for its characters.
	if Reserved("eventgatewaY.\u017f") != true || Reserved("gatewa\u00ff.") {
		t.Error("Reserved folds more than ASCII")
	}
}
