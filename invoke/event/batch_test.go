package event

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const batched = "Content-Type: application/cloudevents-batch+json"

func TestIsBatch(t *testing.T) {
	t.Parallel()
	f := func(contentType string, want bool) {
		t.Helper()
		if got := IsBatch(http.Header{"Content-Type": {contentType}}); got != want {
			t.Errorf("IsBatch(%q) = %v", contentType, got)
		}
	}
	f("application/cloudevents-batch+json", true)
	f("Application/CloudEvents-Batch+JSON ; charset=utf-8", true)
	f("application/cloudevents+json", false)
	f("application/cloudevents-batch", false)
	f("application/cloudevents-batch+avro", false)
	f("", false)
}

func TestBatchGolden(t *testing.T) {
	body := ` [ {` + required + `,"data":{"a": 1}}, {` + required01 + `,"contentType":"text/plain","data":"test"} ,{` + required + `,"x":1} ] `
	r := request("POST", "/", body, batched, "Eventgateway-Lineage: v1.abc", trace)
	events, err := FromBatch(r, "/", []byte(body), received)
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for _, e := range events {
		if e.Kind != CloudEvent || e.TraceParent == "" || !e.Received.Equal(received) {
			t.Errorf("got %+v", e)
		}
		for _, form := range formats {
			got = append(e.Append(got, form, Params{}), '\n')
		}
	}
	golden(t, "batch.jsonl", got)
}

func TestBatchSize(t *testing.T) {
	t.Parallel()
	small, large := `{`+required+`}`, `{`+required+`,"data":"`+strings.Repeat("x", 10000)+`"}`
	body := "[" + strings.Repeat(small+",", 99) + large + strings.Repeat(" ", 5000) + "]"
	events, err := FromBatch(request("POST", "/", body, batched), "/", []byte(body), received)
	if err != nil || len(events) != 100 {
		t.Fatal(len(events), err)
	}
	sum := 0
	for _, e := range events {
		sum += e.Size
	}
	if sum < len(body) || sum > len(body)+2000 {
		t.Errorf("the sizes of the events are %d together, those of a body of %d", sum, len(body))
	}
	if first, last := events[0].Size, events[99].Size; first < len(small) || first > 200 || last < 10000 || last > 10300 {
		t.Errorf("got sizes %d and %d", first, last)
	}
}

func TestBatchLimits(t *testing.T) {
	t.Parallel()
	f := func(body string, want int) {
		t.Helper()
		events, err := FromBatch(request("POST", "/", body, batched), "/", []byte(body), received)
		if err != nil || len(events) != want {
			t.Errorf("got %d events, %v; want %d", len(events), err, want)
		}
	}
	event := `{` + required + `}`
	f("[]", 0)
	f(" [ ] ", 0)
	f("["+event+"]", 1)
	f("["+strings.Repeat(event+",", MaxBatch-1)+event+"]", MaxBatch)
}

func TestBatchRefused(t *testing.T) {
	t.Parallel()
	f := func(body string, code Code, attribute, words string, headers ...string) {
		t.Helper()
		events, err := FromBatch(request("POST", "/", body, append(headers, batched)...), "/", []byte(body), received)
		refused(t, body, err, code, attribute, words)
		if events != nil {
			t.Errorf("%s: got %d events", body, len(events))
		}
	}
	good, bad := `{`+required+`}`, `{"specversion":"1.0","id":"1","type":"t"}`
	f("", InvalidEvent, "", "malformed JSON")
	f("[", InvalidEvent, "", "malformed JSON")
	f(good, InvalidEvent, "", "not a JSON array")
	f("[]x", InvalidEvent, "", "malformed JSON")
	f("[]{}", InvalidEvent, "", "malformed JSON")
	f("["+good+",]", InvalidEvent, "", "malformed JSON")
	f("["+good+" "+good+"]", InvalidEvent, "", "malformed JSON")
	f("["+good, InvalidEvent, "", "malformed JSON")
	f("["+good+",\"\xff\"]", InvalidEvent, "", "UTF-8")
	f("["+good+",1]", InvalidEvent, "", "event 1 of the batch: CloudEvent doesn't validate: it is not a JSON object")
	f("["+good+",["+good+"]]", InvalidEvent, "", "event 1 of the batch")
	f("["+good+",null]", InvalidEvent, "", "event 1 of the batch")
	f("["+good+","+good+","+bad+"]", InvalidEvent, "source", `event 2 of the batch: CloudEvent doesn't validate: attribute "source" is missing`)
	f("["+bad+","+good+"]", InvalidEvent, "source", "event 0 of the batch")
	f(`[`+good+`,{"specversion":"1.0","id":"1","source":"/s","type":"GateWay.x"}]`, ReservedType, "type", "event 1 of the batch: event types")
	f("["+strings.Repeat(good+",", MaxBatch)+good+"]", InvalidEvent, "", fmt.Sprintf("more than %d events", MaxBatch))
	f("[]", InvalidEvent, "content-type", "repeated", batched)
	f("[]", UnsupportedFormat, "content-encoding", "compression", "Content-Encoding: br")
}
