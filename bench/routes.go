package main

import "context"

const routeTurns = 5

// measureRoutes runs the benchmarks of store/route.
func measureRoutes(ctx context.Context) ([]row, error) {
	names := []string{"First/1k", "First/1M", "Add/1k", "Add/1M"}
	results, err := runBenchmarks(ctx, "store/route", "^Benchmark(First|Add)$/^(1k|1M)$", "300ms", routeTurns, names)
	if err != nil {
		return nil, err
	}
	first, firstNote := growth(results["First/1k"], results["First/1M"])
	add, addNote := growth(results["Add/1k"], results["Add/1M"])
	allocs := 0.0
	for _, b := range append(results["First/1k"], results["First/1M"]...) {
		allocs = max(allocs, b.allocs)
	}
	return []row{
		{name: "route look-up, allocations", measured: allocs, limit: 0},
		{name: "route look-up, 1M routes against 1k", measured: first, limit: 15, unit: "x", note: firstNote},
		{name: "adding a route, 1M against 1k", measured: add, limit: 100, unit: "x", note: addNote},
	}, nil
}
