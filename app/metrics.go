package app

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
)

func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

func backlogGauge(d *invoke.Dispatcher) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "eventgateway_events_backlog",
		Help: "Async deliveries that wait or are under way.",
	}, func() float64 { return float64(d.Backlog()) })
}

// liveCollector reads what the snapshot says at the moment it is asked.
type liveCollector struct{ live *store.Live }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("eventgateway_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector. It says nothing, as what is collected depends on the configuration.
func (c *liveCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *liveCollector) Collect(ch chan<- prometheus.Metric) {
	put := func(kind prometheus.ValueType, name, help string, value float64) {
		ch <- prometheus.MustNewConstMetric(describe(name, help), kind, value)
	}
	stats := c.live.Stats()
	put(prometheus.CounterValue, "store_failures_total", "Times that the store could not be asked for changes.", float64(stats.Failures))
	put(prometheus.CounterValue, "store_loads_total", "Times that the whole configuration was read.", float64(stats.Loads))
	put(prometheus.CounterValue, "store_mismatches_total", "Times that a digest showed that the snapshot had missed something.", float64(stats.Mismatches))
	s := c.live.Snapshot()
	if s == nil {
		return
	}
	put(prometheus.GaugeValue, "snapshot_age_seconds", "How long ago the store last confirmed that the snapshot is the newest. Up to 30 s is normal.", c.live.Age().Seconds())
	put(prometheus.GaugeValue, "snapshot_revision", "The revision of the configuration that requests are routed by.", float64(s.Head.Rev))
	put(prometheus.GaugeValue, "records_unreadable", "Records of the store that are left out because they cannot be read.", float64(s.Corrupt()))
	functions := describe("functions_total", "Registered functions.", "space")
	subscriptions := describe("subscriptions_total", "Subscriptions.", "space")
	eventTypes := describe("eventtypes_total", "Registered event types.", "space")
	for space, n := range s.Counts() {
		ch <- prometheus.MustNewConstMetric(functions, prometheus.GaugeValue, float64(n.Functions), space)
		ch <- prometheus.MustNewConstMetric(subscriptions, prometheus.GaugeValue, float64(n.Subscriptions), space)
		ch <- prometheus.MustNewConstMetric(eventTypes, prometheus.GaugeValue, float64(n.EventTypes), space)
	}
}
