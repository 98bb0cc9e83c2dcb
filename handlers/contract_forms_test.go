package handlers_test

import (
	"fmt"
	"testing"
)

// Section 0: the forms of an event.

// TestContractForms: each event goes to functions of all three forms, by subscriptions of both shapes: the form is the function's.
func TestContractForms(t *testing.T) {
	twice(t, func(t *testing.T, g *gateway, _ bool) { // a form that is given wins over -compat
		g.configure(201, "POST", inDefault+"/eventtypes", `{"name":"e"}`)
		formats := []string{"cloudevents", "cloudevents-0.1", "native"}
		boxes := map[string]*postbox{}
		for _, shape := range []string{"seed", "v09"} {
			for _, format := range formats {
				id := shape + "-" + format
				boxes[id] = &postbox{function: answers(t, ``)}
				body := fmt.Sprintf(`{"functionId":%q,"type":"http","provider":{"url":%q},"eventFormat":%q}`, id, boxes[id].URL, format)
				g.configure(201, "POST", inDefault+"/functions", body)
				if shape == "seed" {
					g.subscribe("default", fmt.Sprintf(`{"event":"e","functionId":%q,"path":"/a%%2Fb"}`, id))
				} else {
					g.subscribe("default", fmt.Sprintf(`{"type":"async","eventType":"e","functionId":%q,"path":"/a%%2Fb"}`, id))
				}
			}
		}
		// f wants an event in CloudEvents 1.0, in 0.1 and in the native form.
		f := func(row, body string, headers []string, want ...string) {
			t.Helper()
			if a := send(t, "POST", g.events+"/a%2Fb", body, headers...); a.status != 202 {
				t.Error(row, a)
				return
			}
			for i, format := range formats {
				for _, shape := range []string{"seed", "v09"} {
					if got := boxes[shape+"-"+format].next(t); got != want[i] {
						t.Errorf("%s, %s\ngot  %s\nwant %s", row, shape, got, want[i])
					}
				}
			}
		}
		named := func(row, contentType, body, data10, data01 string) {
			t.Helper()
			headers := []string{"Event: e"}
			if contentType == "" {
				contentType = "application/octet-stream"
			} else {
				headers = append(headers, "Content-Type: "+contentType)
			}
			f(row, body, headers,
				`{"specversion":"1.0","id":"UUID","source":"/a%2Fb","type":"e","time":"TIME","datacontenttype":"`+contentType+`"`+data10+`}`,
				`{"eventType":"e","cloudEventsVersion":"0.1","source":"/a%2Fb","eventID":"UUID","eventTime":"TIME","contentType":"`+contentType+`","data":`+data01+`}`,
				`{"event":"e","id":"UUID","receivedAt":RECEIVED,"data":`+data01+`,"dataType":"`+contentType+`"}`)
		}
		// Made by the gateway from the Event header.
		named("data: JSON", "application/json; charset=utf-8", `{"a": [1.50]}`, `,"data":{"a": [1.50]}`, `{"a": [1.50]}`)
		named("data: text", "text/plain", `hi "you"`, `,"data":"hi \"you\""`, `"aGkgInlvdSI="`)
		named("data: form", "application/x-www-form-urlencoded", `a=1`, `,"data":"a=1"`, `"a=1"`)
		named("data: valid UTF-8", "image/png", `hi`, `,"data":"hi"`, `"aGk="`)
		named("data: other", "image/png", "\xff\x00", `,"data_base64":"/wA="`, `"/wA="`)
		named("no body", "", ``, ``, `""`)
		// A body that is itself a CloudEvent counts as one only if its type equals the header.
		const small, small01 = `{"specversion":"1.0","id":"7","source":"/s","type":"e","data":1}`,
			`{"eventType":"e","cloudEventsVersion":"0.1","source":"/s","eventID":"7","contentType":"text/plain","data":"hi"}`
		f("its own event", small, []string{"Event: e", jsonType}, small,
			`{"eventType":"e","cloudEventsVersion":"0.1","source":"/s","eventID":"7","contentType":"application/json","data":1}`,
			`{"event":"e","id":"7","receivedAt":RECEIVED,"data":1,"dataType":"application/json"}`)
		f("its own event, 0.1", small01, []string{"Event: e", jsonType},
			`{"specversion":"1.0","id":"7","source":"/s","type":"e","datacontenttype":"text/plain","data":"hi"}`, small01,
			`{"event":"e","id":"7","receivedAt":RECEIVED,"data":"hi","dataType":"text/plain"}`)
		const other = `{"specversion":"1.0","id":"7","source":"/s","type":"other","data":1}`
		named("another event", "application/json", other, `,"data":`+other, other)

		// type, id, time, content type, source, schema, subject, type version, extensions: of a CloudEvent 1.0
		event := func(extensions string) string {
			return `{"specversion":"1.0","id":"7","source":"/s","type":"e","time":"2018-09-01T10:00:00.5+01:00","datacontenttype":"application/json",` +
				`"dataschema":"https://s.example/b","subject":"c","eventtypeversion":"v2",` + extensions + `,"data":{"x":1}}`
		}
		event01 := func(extensions string) string {
			return `{"eventType":"e","eventTypeVersion":"v2","cloudEventsVersion":"0.1","source":"/s","eventID":"7","eventTime":"2018-09-01T10:00:00.5+01:00",` +
				`"schemaURL":"https://s.example/b","extensions":{"subject":"c",` + extensions + `},"contentType":"application/json","data":{"x":1}}`
		}
		const native = `{"event":"e","id":"7","receivedAt":RECEIVED,"data":{"x":1},"dataType":"application/json"}`
		binary := []string{
			"Ce-Specversion: 1.0", "Ce-Id: 7", "Ce-Source: /s", "Ce-Type: e", "Ce-Time: 2018-09-01T10:00:00.5+01:00", jsonType,
			"Ce-Dataschema: https://s.example/b", "Ce-Subject: c", "Ce-Eventtypeversion: v2", "Ce-Cost: 12", "Ce-Note: d",
		}
		own := `"cost":12,"paid":true,"note":"d"`
		f("structured 1.0", event(own), []string{structuredType}, event(own), event01(own), native)
		own = `"cost":"12","note":"d"`
		f("binary 1.0", `{"x":1}`, binary, event(own), event01(own), native)
		// of a CloudEvent 0.1: names of extensions are lower-cased, letters and digits only; an object becomes its JSON text
		binary01 := []string{
			"CE-CloudEventsVersion: 0.1", "CE-EventID: 7", "CE-Source: /s", "CE-EventType: e", "CE-EventTime: 2018-09-01T10:00:00.5+01:00", jsonType,
			"CE-SchemaURL: https://s.example/b", "CE-X-Subject: c", "CE-EventTypeVersion: v2", "CE-X-Cost: 12", "CE-X-Note: d",
		}
		own = `"costCenter-1":12,"o":{"p":[1]}`
		f("structured 0.1", event01(own), []string{structuredType}, event(`"costcenter1":12,"o":"{\"p\":[1]}"`), event01(own), native)
		own = `"cost":"12","note":"d"`
		f("binary 0.1", `{"x":1}`, binary01, event(own), event01(own), native)
	})
}
