package invoke_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/invoke/invoketest"
	"github.com/event-gateway/event-gateway/store"
)

// What a call takes, from the event to the answer, and what a bare http.Client takes, in time, with the server in the same process.
// `go run ./bench http` compares the CPU time of the two sides in processes of their own, which is what there is a limit for.

func benchEvent() *event.Event {
	ev := invoketest.Event()
	ev.Data.Raw = []byte(`"` + strings.Repeat("x", 1<<10) + `"`)
	return ev
}

func benchServer(b *testing.B) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"body":"done"}`)
	}))
	b.Cleanup(s.Close)
	return s
}

func BenchmarkHTTPCall(b *testing.B) {
	f := func(name, settings string) {
		b.Run(name, func(b *testing.B) {
			d := invoke.NewDispatcher(invoke.Options{Backlog: 10, Concurrency: 100}, invoke.NewEgress(invoke.EgressOptions{}),
				invoke.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
			b.Cleanup(func() { d.Drain(context.Background()) })
			ev, target := benchEvent(), store.Target{Function: httpFunction(b, fmt.Sprintf(`{"url":%q%s}`, benchServer(b).URL, settings))}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Invoke(b.Context(), nil, ev, target); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	f("plain", "")
	f("headers", `,"headers":{"X-A":"1","X-B":"2"},"auth":{"bearer":"token"}`)
	f("signed", `,"signing":{"a":"`+oldSecret+`"}`)
	f("signed twice", `,"signing":{"a":"`+oldSecret+`","b":"`+newSecret+`"}`)
}

func BenchmarkHTTPBare(b *testing.B) {
	transport := &http.Transport{
		DialContext: (&net.Dialer{Timeout: 3 * time.Second}).DialContext, ForceAttemptHTTP2: true, MaxIdleConns: 10_000, MaxIdleConnsPerHost: 256,
		IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 5 * time.Second, MaxResponseHeaderBytes: 64 << 10, DisableCompression: true,
	}
	b.Cleanup(transport.CloseIdleConnections)
	client, url, body := &http.Client{Transport: transport}, benchServer(b).URL, benchEvent().Append(nil, event.CloudEvents, event.Params{})
	b.ReportAllocs()
	for b.Loop() {
		r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/cloudevents+json")
		resp, err := client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadAll(resp.Body); err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
	}
}
