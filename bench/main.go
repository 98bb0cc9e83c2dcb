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

// number is what can be asked for by name.
type number struct {
	name    string
	measure func(context.Context) ([]row, error)
}

// The numbers of the server and of the Lambda, in the order of their tables.
var (
	serverNumbers = []number{
		{"sync", measureSync},
		{"routes", measureRoutes},
		{"events", measureEvents},
		{"http", measureHTTP},
		{"large", measureLarge},
		{"spread", measureSpread},
		{"create", measureCreate},
		{"aws", measureAWS},
	}
	lambdaNumbers = []number{
		{"adapter", measureAdapter},
		{"reads", measureReads},
		{"first", measureFirst},
		{"dynamodb", measureDynamoDB},
		{"queue", measureQueue},
		{"zip", measureZip},
		{"awslambda", measureAWSLambda},
	}
)

// profiles is the directory that processes write CPU profiles to, if any.
var profiles string

func main() {
	if len(os.Args) > 3 && os.Args[1] == "-role" {
		playRole(os.Args[2], os.Args[3], os.Args[4:])
		return
	}
	flag.StringVar(&profiles, "profiles", "", "write CPU profiles of all processes but the bench itself into this directory")
	lambda := flag.Bool("lambda", false, "without names, take the numbers of the Lambda")
	strict := flag.Bool("strict", false, "fail if a number is over its limit")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 8*time.Minute)
	defer cancel()
	rows, err := measure(ctx, *lambda, flag.Args())
	over := printTable(rows)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	if err != nil || *strict && over > 0 {
		os.Exit(1)
	}
}

// measure takes the named numbers, or all of the server or the Lambda.
func measure(ctx context.Context, lambda bool, names []string) ([]row, error) {
	wanted, err := choose(lambda, names)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, n := range wanted {
		began := time.Now()
		more, err := n.measure(ctx)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", n.name, err)
		}
		rows = append(rows, more...)
		fmt.Fprintf(os.Stderr, "%s took %s\n", n.name, time.Since(began).Round(time.Second))
	}
	return rows, nil
}

func choose(lambda bool, names []string) (chosen []number, err error) {
	switch {
	case len(names) == 0 && lambda:
		return lambdaNumbers, nil
	case len(names) == 0:
		return serverNumbers, nil
	}
	var known []string
	for _, n := range slices.Concat(serverNumbers, lambdaNumbers) {
		known = append(known, n.name)
		if slices.Contains(names, n.name) {
			chosen = append(chosen, n)
		}
	}
	if len(chosen) < len(names) {
		err = fmt.Errorf("unknown number in %q: there are %s", strings.Join(names, " "), strings.Join(known, ", "))
	}
	return chosen, err
}

// printTable returns how many are over their limit.
func printTable(rows []row) (over int) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "number\tmeasured\tlimit\t\tin this run")
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
	return over
}
