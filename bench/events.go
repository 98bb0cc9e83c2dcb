package main

import "context"

const eventTurns = 9

// measureEvents runs the benchmarks of invoke: an event of 1 KB from its bytes to those that a function gets, and system events that nobody wants.
func measureEvents(ctx context.Context) ([]row, error) {
	names := []string{"Structured", "ValidAndCopy", "Received"}
	results, err := runBenchmarks(ctx, "invoke", "^Benchmark(Structured|ValidAndCopy|Received)$", "200ms", eventTurns, names)
	if err != nil {
		return nil, err
	}
	ratio, note := growth(results["ValidAndCopy"], results["Structured"])
	allocs, untold := 0.0, 0.0
	for _, b := range results["Structured"] {
		allocs = max(allocs, b.allocs)
	}
	for _, b := range results["Received"] {
		untold = max(untold, b.allocs)
	}
	cost, costNote := growth(results["Structured"], results["Received"])
	return []row{
		{name: "structured event, 1 KB: parse, route, encode, against json.Valid and a copy", measured: ratio, limit: 3, unit: "x", note: note},
		{name: "the same, allocations", measured: allocs, limit: 18},
		{name: "system event without a subscriber, against the same", measured: cost, limit: 0.02, unit: "x", note: costNote},
		{name: "system event without a subscriber, allocations", measured: untold, limit: 0},
	}, nil
}
