package event

import (
	"strings"
	"testing"
)

func TestStructured01Refused(t *testing.T) {
	t.Parallel()
	f := func(body, attribute, words string) {
		t.Helper()
		_, err := parse(body, structured10)
		refused(t, body, err, InvalidEvent, attribute, words)
		if err != nil && !strings.HasPrefix(err.Error(), "CloudEvent doesn't validate: ") {
			t.Errorf("%s: %q has no prefix", body, err)
		}
		if _, err := FromBatch(request("POST", "/", "", batched), "/", []byte("["+body+"]"), received); err == nil || !strings.Contains(err.Error(), "event 0 of the batch: ") {
			t.Errorf("%s: in a batch: %v", body, err)
		}
	}
	with := func(member string) string { return `{` + required01 + `,` + member + `}` }
	extension := func(member string) string { return with(`"extensions":{` + member + `}`) }

	failed := func(field, tag string) string {
		return "Key: 'Event." + field + "' Error:Field validation for '" + field + "' failed on the '" + tag + "' tag"
	}
	f(`{"cloudEventsVersion":"0.1"}`, "eventType", ": "+failed("EventType", "required")+"\n"+failed("Source", "uri")+"\n"+failed("EventID", "required"))
	f(`{"eventType":"t","source":"","eventID":""}`, "cloudEventsVersion",
		": "+failed("CloudEventsVersion", "required")+"\n"+failed("Source", "uri")+"\n"+failed("EventID", "required"))
	f(`{"cloudEventsVersion":null,"eventType":"t","source":"/s","eventID":"1"}`, "cloudEventsVersion", failed("CloudEventsVersion", "required"))
	f(`{"cloudEventsVersion":"0.1","eventType":"t","eventID":"1"}`, "source", failed("Source", "uri"))
	f(`{"cloudEventsVersion":"0.1","eventType":"t","source":"/s"}`, "eventID", failed("EventID", "required"))
	f(`{"cloudEventsVersion":"0.1","eventType":null,"source":"/s","eventID":"1"}`, "eventType", failed("EventType", "required"))
	f(`{"cloudEventsVersion":"0.2","eventType":"t","source":"/s","eventID":"1"}`, "cloudEventsVersion", `must be "0.1"`)
	f(`{"cloudEventsVersion":0.1,"eventType":"t","source":"/s","eventID":"1"}`, "cloudEventsVersion", "string")
	f(`{"cloudEventsVersion":"0.1","eventType":"t","source":"/s","eventID":""}`, "eventID", failed("EventID", "required"))
	f(`{"cloudEventsVersion":"0.1","eventType":"t","source":"a b","eventID":"1"}`, "source", "URI-reference")
	f(`{"cloudEventsVersion":"0.1","eventType":"pay/x","source":"/s","eventID":"1"}`, "eventType", "letters")
	f(`{"cloudEventsVersion":"0.1","eventType":"t","source":"/s","eventID":"a\u0000"}`, "eventID", "control")
	f(`{"cloudEventsVersion":"0.1","eventtype":"t","source":"/s","eventID":"1"}`, "eventType", failed("EventType", "required"))
	f(with(`"eventID":"1"`), "eventID", "repeated")
	f(with(`"extensions":{},"extensions":{}`), "extensions", "repeated")
	f(with(`"specversion":"1.0"`), "cloudEventsVersion", "beside specversion")
	f(with(`"eventTime":""`), "eventTime", "3339")
	f(with(`"eventTime":1`), "eventTime", "string")
	f(with(`"schemaURL":"/relative"`), "schemaURL", "absolute URI")
	f(with(`"contentType":"text"`), "contentType", "media type")
	f(with(`"eventTypeVersion":"\n"`), "eventTypeVersion", "control")
	f(with(`"eventTypeVersion":2`), "eventTypeVersion", "string")
	f(with(`"extensions":[]`), "extensions", "object")
	f(with(`"extensions":"x"`), "extensions", "object")
	f(with(strings.ReplaceAll(extensions(200), "1", "null")), "", "too many attributes")

	f(extension(`"-":1`), "-", "not a name")
	f(extension(`"":1`), "", "not a name")
	f(extension(`"é":1`), "é", "not a name")
	f(extension(`"a":1,"a":1`), "a", "repeated")
	f(extension(`"ab":1,"a-B":1`), "a-B", "another extension")
	f(extension(`"id":1`), "id", "attribute of CloudEvents 1.0")
	f(extension(`"Spec-Version":1`), "Spec-Version", "attribute of CloudEvents 1.0")
	f(extension(`"Subject":"x"`), "Subject", "attribute of CloudEvents 1.0")
	f(extension(`"data":1`), "data", "attribute of CloudEvents 1.0")
	f(extension(`"subject":1`), "subject", "string")
	f(extension(`"a":"\n"`), "a", "control")
	f(extension(`"a":"\ud800"`), "a", "surrogates")
	f(extension(`"a":{"b":"`+strings.Repeat("v", 4096)+`"}`), "a", "longer")
	f(extension(`"a":1`+strings.Repeat("0", 4096)), "a", "longer")
	f(with(`"extensions":{"event-type-version":"2"},"eventTypeVersion":"1"`), "event-type-version", "beside eventTypeVersion")
	f(extension(`"eventtypeversion":{}`), "eventtypeversion", "string")
	f(extension(`"eventtypeversion":1.5`), "eventtypeversion", "integer")
	f(extension(extensions(65)), "", "more than 64 extensions")
	f(extension(extensions(200)), "", "too many attributes")
}

// TestO_EventTypes01: the types of 0.1 have the rules of all others.
func TestO_EventTypes01(t *testing.T) {
	t.Parallel()
	f := func(name string, code Code, words string) {
		t.Helper()
		body := `{"cloudEventsVersion":"0.1","eventType":"` + name + `","source":"/s","eventID":"1"}`
		_, err := parse(body, structured10)
		refused(t, name, err, code, "eventType", words)
		_, err = parse("", "CE-CloudEventsVersion: 0.1", "CE-EventType: "+name, "CE-Source: /s", "CE-EventID: 1")
		refused(t, name, err, code, "eventType", words)
		_, err = FromBatch(request("POST", "/", "", batched), "/", []byte("["+body+"]"), received)
		refused(t, name, err, code, "eventType", words)
		_, err = parse(body, "Content-Type: application/json", "Event: "+name)
		refused(t, name, err, code, "event", words)
	}
	f("pay/x", InvalidEvent, "letters")
	f("päy", InvalidEvent, "letters")
	f("gateway\u017f.x", InvalidEvent, "letters")
	f(strings.Repeat("t", 129), InvalidEvent, "128")
	f("GateWay.x", ReservedType, "reserved")
	f("eventgateway.event.received", ReservedType, "reserved")
}

// TestStructured01Data has the data of an event and what the forms make of it.
func TestStructured01Data(t *testing.T) {
	t.Parallel()
	f := func(contentType, data, want10, want01 string) {
		t.Helper()
		body := `{"data":` + data + `,` + required01 + `,"contentType":` + contentType + `}`
		e, err := parse(body, structured10)
		if err != nil {
			t.Errorf("%s %s: %v", contentType, data, err)
			return
		}
		if got := string(e.Append(nil, CloudEvents, Params{})); !strings.HasSuffix(got, want10+"}") {
			t.Errorf("%s %s: got %s, want %s", contentType, data, got, want10)
		}
		if got := string(e.Append(nil, CloudEvents01, Params{})); !strings.HasSuffix(got, `"data":`+want01+"}") {
			t.Errorf("%s %s: got %s, want %s", contentType, data, got, want01)
		}
		if got := string(e.Append(nil, Native, Params{})); !strings.Contains(got, `"data":`+want01+`,"dataType"`) {
			t.Errorf("%s %s: got %s, want %s", contentType, data, got, want01)
		}
	}
	for _, json := range []string{`null`, `""`, `"application/json"`, `"text/json; charset=utf-8"`, `"a/b+json"`} {
		for _, value := range []string{`{"a": 1}`, `[1,2]`, `1.50`, `"aGk="`, `""`, `null`} {
			f(json, value, `,"data":`+value, value)
		}
	}
	f(`"text/plain"`, `"aGk="`, `,"data":"aGk="`, `"aGk="`) // no base64: it is what the connector sends
	f(`"Text/Plain; charset=utf-8"`, `"caf\u00e9"`, `,"data":"caf\u00e9"`, `"caf\u00e9"`)
	f(`"multipart/form-data; boundary=x"`, `"aGk="`, `,"data":"aGk="`, `"aGk="`)
	f(`"image/png"`, `"/wD+"`, `,"data_base64":"/wD+"`, `"/wD+"`)
	f(`"image/png"`, `"\/wD+"`, `,"data_base64":"/wD+"`, `"/wD+"`)
	f(`"application/xml"`, `"PGEvPg=="`, `,"data":"<a/>"`, `"PGEvPg=="`)
	f(`"application/xml"`, `"<a/>"`, `,"data":"<a/>"`, `"<a/>"`)
	f(`"image/png"`, `"aGk"`, `,"data":"aGk"`, `"aGk"`)
	f(`"image/png"`, `"aG\nk="`, `,"data":"aG\nk="`, `"aG\nk="`)
	f(`"image/png"`, `""`, `"datacontenttype":"image/png"`, `""`)
	f(`"image/png"`, `{"a":1}`, `,"data":{"a":1}`, `{"a":1}`)
	f(`"text/plain"`, `{"a":1}`, `,"data":{"a":1}`, `{"a":1}`)
}

func TestStructured01Extensions(t *testing.T) {
	t.Parallel()
	f := func(member, want10, want01 string) {
		t.Helper()
		e, err := parse(`{`+required01+`,"extensions":{`+member+`}}`, structured10)
		if err != nil {
			t.Errorf("%s: %v", member, err)
			return
		}
		if got, want := string(e.Append(nil, CloudEvents, Params{})), `{`+required+want10+`}`; got != want {
			t.Errorf("%s: got %s, want %s", member, got, want)
		}
		if got, want := string(e.Append(nil, CloudEvents01, Params{})), `{`+required01+want01+`,"data":""}`; got != want {
			t.Errorf("%s: got %s, want %s", member, got, want)
		}
	}
	same := func(member string) {
		t.Helper()
		f(member, `,`+member, `,"extensions":{`+member+`}`)
	}
	f(``, ``, ``)
	f(`"a":null`, ``, ``)
	same(`"cost":"c"`)
	same(`"a":-2147483648,"b":2147483647,"c":false,"d":""`)
	same(`"eventtypeversion":2`)
	same(extensions(64))
	f(`"a":2147483648,"b":1.5,"c":1e3`, `,"a":"2147483648","b":"1.5","c":"1e3"`, `,"extensions":{"a":2147483648,"b":1.5,"c":1e3}`)
	f(`"A.b_C":1`, `,"abc":1`, `,"extensions":{"A.b_C":1}`)
	f(`"o":[ "a\" b" , {} ]`, `,"o":"[\"a\\\" b\",{}]"`, `,"extensions":{"o":["a\" b",{}]}`)
	f(`"subject":"s"`, `,"subject":"s"`, `,"extensions":{"subject":"s"}`)
	f(`"subject":""`, ``, ``)
	f(`"eventgateway":{"a":1},"EventGateway":1,"event-gateway":"x"`, ``, ``)
}

func TestNamed01(t *testing.T) {
	t.Parallel()
	f := func(body, name, wantID string) {
		t.Helper()
		e, err := parse(body, "Event: "+name, "Content-Type: application/json")
		if err != nil || e.Kind != Named || (e.ID == "1") != (wantID == "1") {
			t.Errorf("%s: got %+v, %v", body, e, err)
		}
	}
	f(`{`+required01+`}`, "t", "1")
	f(`{`+required01+`}`, "other", "")
	f(`{`+required01+`,"specversion":"1.0"}`, "t", "")
	f(`{"eventType":"t","cloudEventsVersion":"0.1","eventID":"1"}`, "t", "")
}
