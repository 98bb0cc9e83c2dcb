package faults_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv("STORES") == "" {
		fmt.Println("the fault tests need servers: make test-stores")
		return
	}
	// Toxiproxy leaves this one behind if a connection breaks that it holds data of.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*LatencyToxic).Pipe"))
}

// each runs f beside the other tests for every database that STORES names.
func each(t *testing.T, f func(t *testing.T, b backend)) {
	for _, b := range chosen(t) {
		t.Run(b.name(), func(t *testing.T) {
			t.Parallel()
			f(t, b)
		})
	}
}

// chosen returns what STORES names.
func chosen(t *testing.T) (all []backend) {
	for name := range strings.SplitSeq(os.Getenv("STORES"), ",") {
		before := len(all)
		for _, b := range backends {
			if name == b.database || name == "all" {
				all = append(all, b)
			}
		}
		if len(all) == before {
			t.Fatalf("STORES: there is no %q", name)
		}
	}
	return all
}
