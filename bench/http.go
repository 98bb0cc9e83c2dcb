package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/store"
)

// httpTurns are many: what is compared differs by little.
const httpTurns = 80

// measureHTTP compares what a call of a function of type http costs with what a bare http.Client's costs, and with what keeps it in bounds.
func measureHTTP(ctx context.Context) ([]row, error) {
	upstream, err := start(ctx, "upstream")
	if err != nil {
		return nil, err
	}
	defer upstream.stop()
	gateway, err := start(ctx, "http", upstream.hello)
	if err != nil {
		return nil, err
	}
	defer gateway.stop()
	bare, err := start(ctx, "bare", upstream.hello)
	if err != nil {
		return nil, err
	}
	defer bare.stop()
	var ours, theirs, ratios []float64
	for i := range httpTurns + 1 {
		g, err := callCost(gateway)
		if err != nil {
			return nil, err
		}
		b, err := callCost(bare)
		if err != nil {
			return nil, err
		}
		if i > 0 { // the first is to warm up
			ours, theirs, ratios = append(ours, g), append(theirs, b), append(ratios, g/b)
		}
	}
	opened, calls, err := opened(upstream, gateway)
	if err != nil {
		return nil, err
	}
	safeguards, err := safeguards(ctx, median(ours))
	if err != nil {
		return nil, err
	}
	upstreams, err := manyUpstreams(ctx)
	return []row{{
		name: "http function, CPU of a call against a bare http.Client", measured: median(ratios), limit: 1.15, unit: "x",
		note: fmt.Sprintf("%.1f us against %.1f us; %d calls each; slices from %.2fx to %.2fx",
			median(ours)/1e3, median(theirs)/1e3, httpTurns*callsEach, quantile(ratios, 0), quantile(ratios, 1)),
	}, safeguards, {
		name: "http function, 64 callers: connections opened in steady state", measured: opened, limit: 0, note: fmt.Sprintf("in %.0f calls", calls),
	}, upstreams}, err
}

// safeguards compares what the guard, the circuit breaker and the limit of calls cost with the call, as if each call dialled.
func safeguards(ctx context.Context, call float64) (row, error) {
	results, err := runBenchmarks(ctx, "invoke", "^BenchmarkSafeguards$", "200ms", 9, []string{"Safeguards"})
	if err != nil {
		return row{}, err
	}
	var ns []float64
	for _, b := range results["Safeguards"] {
		ns = append(ns, b.ns)
	}
	return row{
		name: "guard, circuit breaker and limit of calls, of the CPU of a call", measured: 100 * median(ns) / call, limit: 5, unit: " %",
		note: fmt.Sprintf("%.0f ns of %.1f us", median(ns), call/1e3),
	}, nil
}

// opened returns how many connections many callers open once each has had one.
func opened(upstream, gateway *process) (more, calls float64, err error) {
	var counts []float64
	for _, question := range []string{"crowd", "crowd"} {
		if said, err := gateway.ask(question); err != nil || said != "done" {
			return 0, 0, errors.Join(errors.New(said), err)
		}
		n, err := upstream.number("connections")
		if err != nil {
			return 0, 0, err
		}
		counts = append(counts, n)
	}
	return counts[1] - counts[0], connections * callsEach, nil
}

// playUpstream is a function of type http. It can be asked how many connections it got so far.
func playUpstream([]string) (string, func(string) string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	var opened atomic.Int64
	s := &http.Server{Handler: http.HandlerFunc(serveAnswer), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				opened.Add(1)
			}
		}}
	go func() { _ = s.Serve(l) }()
	return "http://" + l.Addr().String(), func(string) string { return fmt.Sprint(opened.Load()) }, nil
}

func serveAnswer(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer)
}

// order is the event that both sides send.
func order() *event.Event {
	return &event.Event{
		Kind: event.CloudEvent, ID: "b7c5e1de-1b6f-4f39-9d6c-0d6f8e3f0a11", Source: "/shop/orders", Type: "order.created", Time: "2026-03-04T05:06:07.123456Z",
		ContentType: "application/json", Data: event.Data{Kind: event.JSON, Raw: []byte(kilobyte)},
	}
}

func newDispatcher() *invoke.Dispatcher {
	return invoke.NewDispatcher(invoke.Options{Backlog: 10, Concurrency: 1000}, invoke.NewEgress(invoke.EgressOptions{}),
		invoke.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
}

// httpTarget returns a function of type http.
func httpTarget(url string) (store.Target, error) {
	f, err := newRules().DecodeFunction(fmt.Appendf(nil, `{"functionId":"f","type":"http","provider":{"url":%q}}`, url), "default", "")
	return store.Target{Function: f}, err
}

// playHTTP calls it as the gateway does, from an event to its answer.
func playHTTP(args []string) (string, func(string) string, error) {
	target, err := httpTarget(args[0])
	if err != nil {
		return "", nil, err
	}
	d, ev := newDispatcher(), order()
	play := caller(func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx) // as each sender's request has one
		defer cancel()
		r, err := d.Invoke(ctx, nil, ev, target)
		if err != nil {
			return err
		}
		return isAnswer(r.Body)
	})
	return "ready", func(question string) string {
		if question == "crowd" {
			return crowd(play)
		}
		return play(question)
	}, nil
}

// crowd is as many callers at once as there are connections.
func crowd(play func(string) string) string {
	var callers sync.WaitGroup
	said := make([]string, connections)
	for i := range said {
		callers.Go(func() { said[i] = play("calls") })
	}
	callers.Wait()
	for _, s := range said {
		if s != "done" {
			return s
		}
	}
	return "done"
}

// playBare calls it with the same body, and the least else.
func playBare(args []string) (string, func(string) string, error) {
	body := order().Append(nil, event.CloudEvents, event.Params{})
	client := &http.Client{Transport: &http.Transport{ // as the gateway's
		DialContext: (&net.Dialer{Timeout: 3 * time.Second}).DialContext, ForceAttemptHTTP2: true, MaxIdleConns: 10_000, MaxIdleConnsPerHost: 256,
		IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 5 * time.Second, MaxResponseHeaderBytes: 64 << 10, DisableCompression: true,
	}}
	return "ready", caller(func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, args[0], bytes.NewReader(body))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/cloudevents+json")
		r.Header.Set("User-Agent", "event-gateway")
		resp, err := client.Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		return isAnswer(body)
	}), nil
}

func isAnswer(body []byte) error {
	if !bytes.Equal(body, answer) {
		return errors.New("the answer is another one")
	}
	return nil
}
