// Command bench measures the gateway's promises. Each is a ratio or a count within one run, so that a busy machine
// disturbs both sides of it alike. See README.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// row is one line of the table.
type row struct {
	name     string
	measured float64
	limit    float64
	unit     string // after both numbers: "x", " MB", ""
	note     string // the two sides of a ratio, in absolute numbers that are good for this run only
}

// numbers are what can be asked for by name, in the order of the table.
var numbers = []struct {
	name    string
	measure func(context.Context) ([]row, error)
}{
	{"sync", measureSync},
	{"routes", measureRoutes},
	{"large", measureLarge},
	{"spread", measureSpread},
	{"create", measureCreate},
}

// profiles is the directory that `sync` writes CPU profiles to, if any.
var profiles string

func main() {
	if len(os.Args) > 3 && os.Args[1] == "-role" {
		playRole(os.Args[2], os.Args[3], os.Args[4:])
		return
	}
	flag.StringVar(&profiles, "profiles", "", "write CPU profiles of all processes but the bench itself into this directory")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 8*time.Minute)
	defer cancel()
	rows, err := measure(ctx, flag.Args())
	printTable(rows)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measure takes the named numbers, or all.
func measure(ctx context.Context, names []string) ([]row, error) {
	var rows []row
	known := 0
	for _, n := range numbers {
		if slices.Contains(names, n.name) {
			known++
		} else if len(names) > 0 {
			continue
		}
		began := time.Now()
		more, err := n.measure(ctx)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", n.name, err)
		}
		rows = append(rows, more...)
		fmt.Fprintf(os.Stderr, "%s took %s\n", n.name, time.Since(began).Round(time.Second))
	}
	if known < len(names) {
		return rows, fmt.Errorf("unknown number in %q: there are sync, routes, large, spread and create", strings.Join(names, " "))
	}
	return rows, nil
}

func printTable(rows []row) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "number\tmeasured\tlimit\t\tin this run")
	over := 0
	for _, r := range rows {
		verdict := "ok"
		if r.measured > r.limit {
			verdict = "over"
			over++
		}
		fmt.Fprintf(w, "%s\t%.3g%s\t%.3g%s\t%s\t%s\n", r.name, r.measured, r.unit, r.limit, r.unit, verdict, r.note)
	}
	w.Flush()
	fmt.Printf("%d of %d are over their limit\n", over, len(rows))
}
