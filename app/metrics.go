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

// realmsCollector reads what the snapshots say at the moment it is asked.
type realmsCollector struct {
	realms *store.Realms
	file   *store.SnapshotFile // may be nil
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("eventgateway_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector. It says nothing, as what is collected depends on the configuration.
func (c *realmsCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *realmsCollector) Collect(ch chan<- prometheus.Metric) {
	put := func(kind prometheus.ValueType, name, help string, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(describe(name, help, c.labels(labels)...), kind, value, labels...)
	}
	stats := c.realms.Stats()
	put(prometheus.CounterValue, "store_failures_total", "Times that the store could not be asked for changes.", float64(stats.Failures))
	put(prometheus.CounterValue, "store_loads_total", "Times that the whole configuration was read.", float64(stats.Loads))
	put(prometheus.CounterValue, "store_mismatches_total", "Times that a digest showed that the snapshot had missed something.", float64(stats.Mismatches))
	put(prometheus.CounterValue, "store_write_batches_total", "Groups of configuration writes that went into one commit.", float64(stats.Batches))
	put(prometheus.CounterValue, "store_commits_total", "Commits that were tried for groups of configuration writes.", float64(stats.Commits))
	put(prometheus.CounterValue, "store_conflicts_total", "Commits that came too late, as another instance was quicker.", float64(stats.Conflicts))
	put(prometheus.CounterValue, "snapshot_stale_total", "Requests that were routed by a snapshot older than allowed, as the store could not be asked.", float64(stats.Stale))
	if c.file != nil {
		file := c.file.Stats()
		put(prometheus.CounterValue, "snapshot_file_failures_total", "Times that the snapshot file could not be written, or not fast enough.", float64(file.Failures))
		put(prometheus.GaugeValue, "snapshot_file_bytes", "Size of the snapshot file.", float64(file.Bytes))
		if !file.Written.IsZero() {
			put(prometheus.GaugeValue, "snapshot_file_written_timestamp_seconds", "When the snapshot file was last written to, since 1970.", float64(file.Written.UnixMilli())/1000)
		}
	}
	realms, corrupt, sealed, age := 0, 0, 0, 0.0
	var revision store.Rev
	for live := range c.realms.All() {
		s := live.Snapshot()
		if s == nil {
			continue
		}
		realms, corrupt, sealed, age, revision = realms+1, corrupt+s.Corrupt(), sealed+s.Sealed(), max(age, live.Age().Seconds()), max(revision, s.Head.Rev)
		for space, n := range s.Counts() {
			put(prometheus.GaugeValue, "functions_total", "Registered functions.", float64(n.Functions), space)
			put(prometheus.GaugeValue, "subscriptions_total", "Subscriptions.", float64(n.Subscriptions), space)
			put(prometheus.GaugeValue, "eventtypes_total", "Registered event types.", float64(n.EventTypes), space)
			put(prometheus.GaugeValue, "cors_total", "CORS records.", float64(n.CORS), space)
		}
	}
	if realms == 0 {
		return
	}
	put(prometheus.GaugeValue, "realms", "Configurations in memory: one, or in hosted mode one a space that is used.", float64(realms))
	put(prometheus.GaugeValue, "snapshot_age_seconds", "How long ago the store last confirmed that the oldest snapshot is the newest. Up to 30 s is normal.", age)
	put(prometheus.GaugeValue, "snapshot_revision", "The highest revision of the configuration that requests are routed by.", float64(revision))
	put(prometheus.GaugeValue, "records_unreadable", "Records of the store that are left out because they cannot be read.", float64(corrupt))
	put(prometheus.GaugeValue, "functions_sealed", "Functions that cannot be called, since this gateway lacks the keys that their secrets were sealed with.", float64(sealed))
}

// labels returns the names of the labels, which are none or the space.
func (c *realmsCollector) labels(values []string) []string {
	if len(values) == 0 {
		return nil
	}
	return []string{"space"}
}
