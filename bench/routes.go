package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

const routeTurns = 5

// measureRoutes runs the benchmarks of store/route.
func measureRoutes(ctx context.Context) ([]row, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "route.test")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, "github.com/event-gateway/event-gateway/store/route").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	results := map[string][]benchmark{}
	for range routeTurns {
		if err := runBenchmarks(ctx, binary, results); err != nil {
			return nil, err
		}
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

// benchmark is one line of a benchmark's output.
type benchmark struct{ ns, allocs float64 }

// runBenchmarks adds one run to the results by name, such as First/1k.
func runBenchmarks(ctx context.Context, binary string, results map[string][]benchmark) error {
	out, err := exec.CommandContext(ctx, binary, "-test.run=^$", "-test.bench=^Benchmark(First|Add)$/^(1k|1M)$", "-test.benchtime=300ms").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		name, rest, ok := strings.Cut(strings.TrimPrefix(lines.Text(), "Benchmark"), " ")
		if !ok || !strings.HasSuffix(rest, "allocs/op") {
			continue
		}
		name, _, _ = strings.Cut(name, "-") // the number of processors
		var b benchmark
		fields := strings.Fields(rest)
		for i := 1; i < len(fields); i += 2 {
			switch value, err := strconv.ParseFloat(fields[i], 64); {
			case err != nil:
				return err
			case fields[i+1] == "ns/op":
				b.ns = value
			case fields[i+1] == "allocs/op":
				b.allocs = value
			}
		}
		results[name] = append(results[name], b)
	}
	for _, name := range []string{"First/1k", "First/1M", "Add/1k", "Add/1M"} {
		if len(results[name]) == 0 {
			return fmt.Errorf("no result for Benchmark%s in: %s", name, out)
		}
	}
	return nil
}

// growth returns the median of the pairs' ratios.
func growth(small, large []benchmark) (float64, string) {
	var ratios, smallNs, largeNs []float64
	for i := range small {
		ratios = append(ratios, large[i].ns/small[i].ns)
		smallNs, largeNs = append(smallNs, small[i].ns), append(largeNs, large[i].ns)
	}
	return median(ratios), fmt.Sprintf("%.0f ns against %.0f ns", median(largeNs), median(smallNs))
}
