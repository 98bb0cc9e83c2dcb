package handlers

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/event-gateway/event-gateway/store"
)

// Metrics counts requests. Labels come only from what the configuration holds, so that nobody outside can make new series.
type Metrics struct {
	received        *prometheus.CounterVec
	configRequests  *prometheus.CounterVec
	configDurations prometheus.Histogram
}

// NewMetrics returns metrics that are registered with r.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		received: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "eventgateway_events_received_total",
			Help: "Events received, by the first subscription that they matched; without labels, those that matched none.",
		}, []string{"space", "type"}),
		configRequests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "eventgateway_config_requests_total",
			Help: "Requests to the Config API; without a space, those about a space that has nothing in it.",
		}, []string{"space", "resource", "operation"}),
		configDurations: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "eventgateway_config_request_duration_seconds",
			Help: "How long requests to the Config API took.",
		}),
	}
	r.MustRegister(m.received, m.configRequests, m.configDurations)
	return m
}

func (m *Metrics) receivedEvent(r *store.Route) {
	switch {
	case r.Sync != nil:
		m.received.WithLabelValues(r.Sync.Space(), r.Sync.EventType()).Inc()
	case len(r.Async) > 0:
		m.received.WithLabelValues(r.Async[0].Space(), r.Async[0].EventType()).Inc()
	default:
		m.received.WithLabelValues("", "").Inc()
	}
}

func (m *Metrics) configured(s *store.Snapshot, space, resource, operation string, took time.Duration) {
	if s == nil || !s.HasSpace(space) {
		space = ""
	}
	m.configRequests.WithLabelValues(space, resource, operation).Inc()
	m.configDurations.Observe(took.Seconds())
}
