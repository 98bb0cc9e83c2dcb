package lambda

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

// kinds are the payloads that the benchmarks send, each with a body of 1 KB.
var kinds = []struct{ name, file string }{{"v1", "rest"}, {"v2", "http"}, {"ALB", "alb"}, {"ALBMulti", "alb-multi"}}

// BenchmarkAdapter is one request to a handler that only answers 1 KB. It may cost 2.5 times what BenchmarkEventTypes costs.
func BenchmarkAdapter(b *testing.B) {
	answer := []byte(kilobyte())
	a := New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	}), Options{})
	for _, kind := range kinds {
		payload := benchPayload(b, kind.file)
		b.Run(kind.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := a.Invoke(b.Context(), payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEventTypes is what a Lambda that is given the event types pays for the same: decoding and encoding.
func BenchmarkEventTypes(b *testing.B) {
	body := kilobyte()
	header := map[string]string{"Content-Type": "application/json"}
	multi := map[string][]string{"Content-Type": {"application/json"}}
	for _, kind := range kinds {
		payload := benchPayload(b, kind.file)
		b.Run(kind.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				switch kind.name {
				case "v1":
					recode[events.APIGatewayProxyRequest](b, payload, events.APIGatewayProxyResponse{StatusCode: 200, MultiValueHeaders: multi, Body: body})
				case "v2":
					recode[events.APIGatewayV2HTTPRequest](b, payload, events.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: header, Body: body})
				case "ALB":
					recode[events.ALBTargetGroupRequest](b, payload, events.ALBTargetGroupResponse{StatusCode: 200, Headers: header, Body: body})
				case "ALBMulti":
					recode[events.ALBTargetGroupRequest](b, payload, events.ALBTargetGroupResponse{StatusCode: 200, MultiValueHeaders: multi, Body: body})
				}
			}
		})
	}
}

func recode[E any](b *testing.B, payload []byte, answer any) {
	var e E
	if err := json.Unmarshal(payload, &e); err != nil {
		b.Fatal(err)
	}
	if _, err := json.Marshal(answer); err != nil {
		b.Fatal(err)
	}
}

func kilobyte() string { return `{"data":"` + strings.Repeat("x", 1013) + `"}` }

// benchPayload compacts an event of testdata, as AWS sends it.
func benchPayload(b *testing.B, file string) []byte {
	var e map[string]any
	if err := json.Unmarshal(read(b, file), &e); err != nil {
		b.Fatal(err)
	}
	e["body"], e["isBase64Encoded"] = kilobyte(), false
	payload, err := json.Marshal(e)
	if err != nil {
		b.Fatal(err)
	}
	return payload
}
