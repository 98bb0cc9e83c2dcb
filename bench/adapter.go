package main

import (
	"context"
	"fmt"
)

const adapterTurns = 25

// measureAdapter runs the benchmarks of app/lambda: the adapter with a handler that does nothing, against decoding and encoding the
// event types alone.
func measureAdapter(ctx context.Context) ([]row, error) {
	kinds := []struct{ bench, name string }{
		{"v1", "REST API"}, {"v2", "HTTP API, function URL"}, {"ALB", "load balancer"}, {"ALBMulti", "load balancer, multi-value headers"},
	}
	var names []string
	for _, k := range kinds {
		names = append(names, "Adapter/"+k.bench, "EventTypes/"+k.bench)
	}
	results, err := runBenchmarks(ctx, "app/lambda", "^Benchmark(Adapter|EventTypes)$", "50ms", adapterTurns, names)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, k := range kinds {
		ratio, note := growth(results["EventTypes/"+k.bench], results["Adapter/"+k.bench])
		rows = append(rows, row{name: fmt.Sprintf("Lambda adapter, 1 KB, %s, against the event types", k.name), measured: ratio, limit: 2.5, unit: "x", note: note})
	}
	return rows, nil
}
