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

// benchmark is one line of a benchmark's output.
type benchmark struct{ ns, allocs float64 }

// runBenchmarks runs the benchmarks of a folder that match a pattern, some times, and returns the results by name, such as First/1k. All
// names have one.
func runBenchmarks(ctx context.Context, folder, pattern, each string, turns int, names []string) (map[string][]benchmark, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "bench.test")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, "./"+folder).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	results := map[string][]benchmark{}
	for range turns {
		cmd := exec.CommandContext(ctx, binary, "-test.run=^$", "-test.bench="+pattern, "-test.benchtime="+each)
		cmd.Dir = folder // the files of testdata are there
		out, err := cmd.CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("%w: %s", err, out)
		}
		if err := readBenchmarks(out, results); err != nil {
			return nil, err
		}
		for _, name := range names {
			if len(results[name]) == 0 {
				return nil, fmt.Errorf("no result for Benchmark%s in: %s", name, out)
			}
		}
	}
	return results, nil
}

// readBenchmarks adds what one run printed to the results.
func readBenchmarks(out []byte, results map[string][]benchmark) error {
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
