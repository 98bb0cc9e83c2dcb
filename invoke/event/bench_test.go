package event

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

var (
	benchData  = `{"items":[` + strings.Repeat(`{"sku":"abc-1","n":3,"price":12.5,"tags":["a","b"]},`, 13) + `{}]}`
	benchEvent = `{"specversion":"1.0","id":"b7c5e1de-1b6f-4f39-9d6c-0d6f8e3f0a11","source":"/shop/orders","type":"order.created",` +
		`"time":"2026-03-04T05:06:07.123456Z","datacontenttype":"application/json","subject":"o/42",` +
		`"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","data":` + benchData + `}`
	benchHeaders = []string{"User-Agent: Mozilla/5.0 (X11; Linux x86_64)", "Accept: application/json", "Accept-Encoding: gzip",
		"Authorization: Bearer abcdefghijklmnopqrstuvwxyz", "Content-Type: application/json", "X-Request-Id: 1234"}
)

func benchRequests() map[string]*http.Request {
	return map[string]*http.Request{
		"structured": request("POST", "/", benchEvent, structured10),
		"binary":     request("POST", "/", benchData, "Ce-Specversion: 1.0", "Ce-Id: 1", "Ce-Source: /s", "Ce-Type: t", "Content-Type: application/json"),
		"named":      request("POST", "/", benchData, append(benchHeaders, "Event: t")...),
		"plain":      request("POST", "/users/42?page=1&sort=name", benchData, benchHeaders...),
	}
}

func benchBody(kind string) []byte {
	if kind == "structured" {
		return []byte(benchEvent)
	}
	return []byte(benchData)
}

// TestAllocations holds the promise that writing an event needs no memory but dst, and that reading one needs little.
func TestAllocations(t *testing.T) {
	most := map[string]float64{"structured": 16, "binary": 6, "named": 8, "plain": 14}
	for kind, r := range benchRequests() {
		body := benchBody(kind)
		got := testing.AllocsPerRun(100, func() {
			if _, err := FromRequest(r, "/users/42", body, received); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("FromRequest of %s: %v allocations", kind, got)
		if got > most[kind] {
			t.Errorf("FromRequest of %s: %v allocations, want at most %v", kind, got, most[kind])
		}
		e, err := FromRequest(r, "/users/42", body, received)
		if err != nil {
			t.Fatal(err)
		}
		dst := make([]byte, 0, 8<<10)
		for _, f := range formats {
			if got := testing.AllocsPerRun(100, func() {
				dst = e.Append(dst[:0], f, Params{[]string{"id"}, []string{"42"}})
			}); got != 0 {
				t.Errorf("Append of %s as %s: %v allocations", kind, f, got)
			}
		}
	}
}

func benchmark(b *testing.B, kind string) {
	r, body := benchRequests()[kind], benchBody(kind)
	dst := make([]byte, 0, 8<<10)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		e, err := FromRequest(r, "/users/42", body, received)
		if err != nil {
			b.Fatal(err)
		}
		dst = e.Append(dst[:0], CloudEvents, Params{[]string{"id"}, []string{"42"}})
	}
}

func BenchmarkStructured1KB(b *testing.B) { benchmark(b, "structured") }
func BenchmarkBinary1KB(b *testing.B)     { benchmark(b, "binary") }
func BenchmarkNamed1KB(b *testing.B)      { benchmark(b, "named") }
func BenchmarkPlain1KB(b *testing.B)      { benchmark(b, "plain") }

// TestAppendAllocations has what makes writing an event more than copying.
func TestAppendAllocations(t *testing.T) {
	e, err := parse(`{`+required01+`,"contentType":"a/b","data":"x","extensions":{"A-b":1.5,"n":-2147483648,"m":21474836470,"o":{"a":["b"]}}}`,
		structured10, "Eventgateway-Lineage: v1.abc", trace)
	if err != nil {
		t.Fatal(err)
	}
	e.Authorization = []byte(`{"principalId": "p"}`)
	dst := make([]byte, 0, 8<<10)
	for _, f := range formats {
		if got := testing.AllocsPerRun(100, func() { dst = e.Append(dst[:0], f, Params{}) }); got != 0 {
			t.Errorf("%s: %v allocations", f, got)
		}
	}
}

func BenchmarkStructured01(b *testing.B) {
	body := []byte(`{` + required01 + `,"eventTime":"2026-03-04T05:06:07.123456Z","contentType":"application/json",` +
		`"extensions":{"cost":"c"},"data":` + benchData + `}`)
	r := request("POST", "/", "", structured10)
	dst := make([]byte, 0, 8<<10)
	b.ReportAllocs()
	for b.Loop() {
		e, err := FromRequest(r, "/", body, received)
		if err != nil {
			b.Fatal(err)
		}
		dst = e.Append(dst[:0], CloudEvents01, Params{})
	}
}

func BenchmarkMessage(b *testing.B) {
	e, err := parse(benchEvent, structured10)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		e.Binary(CloudEvents, Params{})
	}
}

// BenchmarkAppend1KB is one delivery more of the same event.
func BenchmarkAppend1KB(b *testing.B) {
	e, err := parse(benchEvent, structured10)
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 8<<10)
	b.ReportAllocs()
	for b.Loop() {
		dst = e.Append(dst[:0], CloudEvents, Params{})
	}
}

// BenchmarkValidAndCopy1KB is what the others are measured against.
func BenchmarkValidAndCopy1KB(b *testing.B) {
	body := []byte(benchEvent)
	dst := make([]byte, 0, 8<<10)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if !json.Valid(body) {
			b.Fatal("not valid")
		}
		dst = append(dst[:0], body...)
	}
}
