package main

import (
	"context"
	"fmt"
)

const firstTurns = 80

// measureFirst compares a cold start of the gateway's Lambda, until its first answer, with one of a program that has the same packages.
func measureFirst(ctx context.Context) ([]row, error) {
	r, err := startRegion(ctx)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	first, err := r.compareCold(ctx, "cold start to first answer, against a bare Lambda")
	return []row{first}, err
}

// compareCold starts each of both again and again.
func (r *region) compareCold(ctx context.Context, name string) (none row, err error) {
	var ours, theirs, ratios []float64
	for i := range firstTurns + 1 {
		g, b, err := r.coldBoth(ctx, i%2 == 0)
		if err != nil {
			return none, err
		}
		if i > 0 { // the first is to warm up
			ours, theirs, ratios = append(ours, g), append(theirs, b), append(ratios, g/b)
		}
	}
	return row{
		name: name, measured: median(ratios), limit: 2, unit: "x",
		note: fmt.Sprintf("%.1f ms against %.1f ms; turns from %.2fx to %.2fx",
			median(ours)/1e6, median(theirs)/1e6, quantile(ratios, 0), quantile(ratios, 1)),
	}, nil
}

// coldBoth returns a cold start of each, in nanoseconds. Who comes first alternates.
func (r *region) coldBoth(ctx context.Context, bareFirst bool) (gateway, bareTook float64, err error) {
	took := map[string]float64{}
	names := []string{gatewayLambda, bare}
	if bareFirst {
		names = []string{bare, gatewayLambda}
	}
	for _, name := range names {
		d, err := r.cold(ctx, name)
		if err != nil {
			return 0, 0, err
		}
		took[name] = float64(d)
	}
	return took[gatewayLambda], took[bare], nil
}
