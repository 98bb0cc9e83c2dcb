package invoke

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/event-gateway/event-gateway/store"
)

// Metrics counts deliveries. Labels come only from what the configuration holds, so that nobody outside can make new series.
type Metrics struct {
	invocations *prometheus.CounterVec
	done        *prometheus.CounterVec
	drops       *prometheus.CounterVec
	deliveries  *prometheus.CounterVec
	loops       *prometheus.CounterVec
	breakers    *prometheus.CounterVec
	retries     prometheus.Counter
	wait        prometheus.Histogram
}

// NewMetrics returns metrics that are registered with r.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		invocations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "eventgateway_invocations_total",
			Help: "Calls of functions, by type of function and by how they ended: ok, or the class of the failure.",
		}, []string{"space", "type", "result"}),
		done: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "eventgateway_events_processed_total",
			Help: "Async deliveries that were attempted.",
		}, []string{"space", "type"}),
		drops: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "eventgateway_events_dropped_total",
			Help: "Async deliveries that were refused because the backlog was full, or lost because the gateway had to end.",
		}, []string{"space", "type"}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "eventgateway_deliveries_total",
			Help: "Async deliveries that were accepted and are over, by result: delivered, failed (the one attempt failed) or lost (at shutdown); with a durable queue also deadlettered or cancelled (the subscription is gone).",
		}, []string{"result"}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "eventgateway_delivery_retries_total",
			Help: "Attempts of async deliveries after which a durable queue tries again.",
		}),
		loops: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "eventgateway_loops_stopped_total",
			Help: "Events that were refused because they are part of a loop, by their first subscription; without labels, those that matched none.",
		}, []string{"space", "type"}),
		breakers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "eventgateway_circuit_breakers_opened_total",
			Help: "Times that the circuit breaker of a function opened, by type of function.",
		}, []string{"space", "type"}),
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "eventgateway_events_custom_processing_seconds",
			Help:    "From receiving an async event to calling the function.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 10),
		}),
	}
	for _, r := range []result{delivered, failed, lost, deadLettered, cancelled} {
		m.deliveries.WithLabelValues(string(r)) // an alert needs the series before the first one
	}
	r.MustRegister(m.invocations, m.done, m.drops, m.deliveries, m.retries, m.loops, m.breakers, m.wait)
	return m
}

func (m *Metrics) invoked(f *store.Function, err error) {
	result := "ok"
	var e *Error
	if errors.As(err, &e) {
		result = string(e.Class)
	} else if err != nil {
		result = string(Temporary)
	}
	m.invocations.WithLabelValues(f.Space, f.Kind(), result).Inc()
}

// brokenOff counts circuit breakers that open. What it returns keeps nothing of f.
func (m *Metrics) brokenOff(f *store.Function) func() {
	space, kind := f.Space, f.Kind()
	return func() { m.breakers.WithLabelValues(space, kind).Inc() }
}

func (m *Metrics) waited(d time.Duration) { m.wait.Observe(d.Seconds()) }

// result is how a delivery is over.
type result string

const (
	delivered    result = "delivered"
	failed       result = "failed"
	lost         result = "lost"
	deadLettered result = "deadlettered"
	cancelled    result = "cancelled"
)

func (m *Metrics) processed(t store.Target, r result) {
	m.done.WithLabelValues(t.Subscription.Space, t.Subscription.EventType).Inc()
	m.ended(r)
}

func (m *Metrics) ended(r result) { m.deliveries.WithLabelValues(string(r)).Inc() }

func (m *Metrics) retry() { m.retries.Inc() }

func (m *Metrics) dropped(t store.Target) {
	m.drops.WithLabelValues(t.Subscription.Space, t.Subscription.EventType).Inc()
}

func (m *Metrics) loop(targets []store.Target) {
	space, eventType := "", ""
	if len(targets) > 0 {
		space, eventType = targets[0].Space(), targets[0].EventType()
	}
	m.loops.WithLabelValues(space, eventType).Inc()
}

func (m *Metrics) lost(t store.Target) {
	m.drops.WithLabelValues(t.Subscription.Space, t.Subscription.EventType).Inc()
	m.ended(lost)
}
