package event

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

var binary01 = map[string]string{"Ce-Cloudeventsversion": "0.1", "Ce-Eventtype": "t", "Ce-Source": "/s", "Ce-Eventid": "1"}

// TestJ_Binary01Refused has the header CE-X-: of defect J, which was a panic.
func TestJ_Binary01Refused(t *testing.T) {
	t.Parallel()
	f := func(attribute, words string, headers ...string) {
		t.Helper()
		r := request("POST", "/", "")
		for name, value := range binary01 {
			r.Header.Set(name, value)
		}
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			if !strings.HasPrefix(name, "+") {
				delete(r.Header, name)
			}
			name = strings.TrimPrefix(name, "+")
			r.Header[name] = append(r.Header[name], value)
		}
		_, err := FromRequest(r, "/", nil, received)
		refused(t, fmt.Sprint(headers), err, InvalidEvent, attribute, words)
	}
	f("cloudEventsVersion", `must be "0.1"`, "Ce-Cloudeventsversion: 0.2")
	f("cloudEventsVersion", `must be "0.1"`, "Ce-Cloudeventsversion: 1.0")
	f("cloudEventsVersion", "beside specversion", "Ce-Specversion: 1.0")
	f("eventid", "repeated", "+Ce-Eventid: 1")
	f("eventid", "repeated", "+CE-EventID: 1")
	f("eventID", "control", "Ce-Eventid: a%00")
	f("eventID", "UTF-8", "Ce-Eventid: \xff")
	f("eventID", "empty", `Ce-Eventid: ""`)
	f("source", "URI-reference", "Ce-Source: a b")
	f("eventType", "letters", "Ce-Eventtype: a%2Fb")
	f("eventTime", "3339", "Ce-Eventtime: now")
	f("schemaURL", "absolute", "Ce-Schemaurl: /s")
	f("contentType", "media type", "Content-Type: text")
	f("x-", "not a name", "CE-X-: x")
	f("x-:", "not a name", "CE-X-:: x")
	f("x--", "not a name", "Ce-X--: x")
	f("x-\u212a", "not a name", "Ce-X-\u212a: x")
	f("x-a b", "not a name", "Ce-X-a b: x")
	f("x-x", "repeated", "+Ce-X-X: 1", "+CE-X-X: 2")
	f("ab", "another extension", "+Ce-X-Ab: 1", "+Ce-X-A-B: 2")
	f("id", "attribute of CloudEvents 1.0", "Ce-X-Id: 1")
	f("eventtypeversion", "beside eventTypeVersion", "Ce-X-Event-Type-Version: 1", "Ce-Eventtypeversion: 1")
	f("x-x", "longer", "Ce-X-X: "+strings.Repeat("v", 4097))
	many := make([]string, 65)
	for i := range many {
		many[i] = fmt.Sprintf("+Ce-X-X%d: 1", i)
	}
	f("", "more than 64 extensions", many...)
}

func TestJ_Binary01Extensions(t *testing.T) {
	t.Parallel()
	f := func(header string, want ...Extension) {
		t.Helper()
		headers := []string{header}
		for name, value := range binary01 {
			headers = append(headers, name+": "+value)
		}
		e, err := parse("", headers...)
		if err != nil {
			t.Errorf("%s: %v", header, err)
			return
		}
		if !reflect.DeepEqual(e.Extensions, want) {
			t.Errorf("%s: got %s, want %s", header, e.Extensions, want)
		}
	}
	f("CE-X-Cost: 12", Extension{"cost", []byte(`"12"`)}) // defect J: it arrived as "ost"
	f("CE-X-CEX: x", Extension{"cex", []byte(`"x"`)})
	f("ce-x-X-e: x", Extension{"xe", []byte(`"x"`)})
	f("CE-X-My_Ext.1: x", Extension{"myext1", []byte(`"x"`)})
	f(`CE-X-A: "Euro%20€"`, Extension{"a", []byte(`"Euro €"`)})
	f("CE-Cost: 12")
	f("CE-ContentType: text/html")
	f("CE-X-EventGateway: forged")
	f("CE-X-Event-Gateway: forged")
}

// TestBinary01Kind: without one of the required headers it is whatever else it is.
func TestBinary01Kind(t *testing.T) {
	t.Parallel()
	f := func(want Kind, wantType string, headers ...string) {
		t.Helper()
		e, err := parse("x", headers...)
		if err != nil || e.Kind != want || e.Type != wantType {
			t.Errorf("%v: got %+v, %v", headers, e, err)
		}
	}
	var all []string
	for name, value := range binary01 {
		all = append(all, name+": "+value)
	}
	f(CloudEvent, "t", append(all, "Event: other")...)
	for i := range all {
		some := append(append([]string{}, all[:i]...), all[i+1:]...)
		name, _, _ := strings.Cut(all[i], ":")
		f(Plain, "http.request", some...)
		f(Plain, "http.request", append(some, name+": ")...)
		f(Named, "x", append(some, "Event: x")...)
	}
}
