package invoke

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/event-gateway/event-gateway/store"
)

// BenchmarkSafeguards is what keeps calls in bounds: the limit of calls, the circuit breaker, and the guard, which in truth is asked only
// where a connection is made. The call itself does nothing.
func BenchmarkSafeguards(b *testing.B) {
	d := NewDispatcher(Options{Backlog: 10, Concurrency: 100}, NewEgress(EgressOptions{}), NewMetrics(prometheus.NewRegistry()), slog.New(slog.NewTextHandler(io.Discard, nil)))
	b.Cleanup(func() { d.Drain(context.Background()) })
	answer := &Answer{Status: 200}
	d.types["http"] = Type{FunctionType: httpType(), Open: func(store.Settings, *Egress) (Invoker, error) {
		return func(context.Context, Payload) (*Answer, error) { return answer, nil }, nil
	}}
	f, err := store.NewRules(FunctionTypes(GatewayCredentials), false, nil).DecodeFunction([]byte(`{"functionId":"f","type":"http","provider":{"url":"http://a"}}`), "default", "")
	if err != nil {
		b.Fatal(err)
	}
	g := newGuard(EgressOptions{})
	b.ReportAllocs()
	for b.Loop() {
		if err := g.check("tcp4", "10.1.2.3:443"); err != nil {
			b.Fatal(err)
		}
		if _, err := d.call(b.Context(), f, Payload{}, true); err != nil {
			b.Fatal(err)
		}
	}
}
