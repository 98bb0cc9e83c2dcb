package main

import (
	"context"
	"fmt"
	"time"
)

const (
	syncTurns = 10
	sliceTime = 1500 * time.Millisecond
)

// measureSync compares what a sync request costs the gateway with what it costs the baseline.
func measureSync(ctx context.Context) ([]row, error) {
	function, err := start(ctx, "function")
	if err != nil {
		return nil, err
	}
	defer function.stop()
	g, err := startGateway(ctx, "memory:")
	if err != nil {
		return nil, err
	}
	defer g.stop()
	if err := g.subscribe(function.hello, "POST", "/users/:id"); err != nil {
		return nil, err
	}
	gatewayLoad, err := newLoad(g.events)
	if err != nil {
		return nil, err
	}
	defer gatewayLoad.close()
	if _, err := gatewayLoad.run(100 * time.Millisecond); err != nil {
		return nil, err
	}
	size, err := function.ask("size")
	if err != nil {
		return nil, err
	}
	baseline, err := start(ctx, "baseline", function.hello, size)
	if err != nil {
		return nil, err
	}
	defer baseline.stop()
	baselineLoad, err := newLoad(baseline.hello)
	if err != nil {
		return nil, err
	}
	defer baselineLoad.close()
	return compare(g.process, gatewayLoad, baseline, baselineLoad, size)
}

func compare(gateway *process, gatewayLoad *load, baseline *process, baselineLoad *load, size string) ([]row, error) {
	var ours, theirs, ratios []float64
	for i := range syncTurns + 1 {
		g, err := gatewayLoad.cost(gateway)
		if err != nil {
			return nil, err
		}
		b, err := baselineLoad.cost(baseline)
		if err != nil {
			return nil, err
		}
		if i > 0 { // the first is to warm up
			ours, theirs, ratios = append(ours, g), append(theirs, b), append(ratios, g/b)
		}
	}
	return []row{{
		name: "sync request, CPU against a bare proxy", measured: median(ratios), limit: 1.25, unit: "x",
		note: fmt.Sprintf("%.1f us against %.1f us; %s bytes to the function; slices from %.2fx to %.2fx",
			median(ours)/1e3, median(theirs)/1e3, size, quantile(ratios, 0), quantile(ratios, 1)),
	}}, nil
}
