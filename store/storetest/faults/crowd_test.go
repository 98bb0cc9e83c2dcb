package faults_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// TestCrowd: fifty people create subscriptions at two instances at the same moment, near the database and far from it. All are answered, and
// few commits are tried.
func TestCrowd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b backend) {
		c := b.start(t, b.members)
		way := c.network(t)
		gateways := []*gateway{startGateway(t, way.client(t, usual), false), startGateway(t, way.client(t, usual), false)}
		gateways[0].function(t, "f")
		for round, far := range []bool{false, false, true} {
			if far {
				way.delay(regionTime)
			}
			crowd(t, gateways, round)
		}
	})
}

// regionTime is a round trip to another region.
const regionTime = 100 * time.Millisecond

func crowd(t *testing.T, gateways []*gateway, round int) {
	const people, each = 50, 3
	before := count(gateways)
	began := time.Now()
	var wg sync.WaitGroup
	var created, refused atomic.Int64
	for n := range people {
		g := gateways[n%2]
		config := g.config(t)
		wg.Go(func() {
			paths := []string{fmt.Sprintf("/%d/own/%d", round, n), fmt.Sprintf("/%d/shared/%d", round, n/5), fmt.Sprintf("/%d/more/%d", round, n)}
			for _, path := range paths[:each] {
				s, err := g.subscription("f", "", path)
				if err == nil {
					_, err = config.CreateSubscription(t.Context(), s)
				}
				var e *store.Error
				switch {
				case err == nil:
					created.Add(1)
				case errors.As(err, &e) && e.Code == store.Exists:
					refused.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := created.Load(); n != people+people/5+people {
		t.Errorf("%d were created and %d refused", n, refused.Load())
	}
	done := count(gateways)
	batches, commits, conflicts := done.Batches-before.Batches, done.Commits-before.Commits, done.Conflicts-before.Conflicts
	t.Logf("%d batches, %d commits tried, %d conflicts, %v", batches, commits, conflicts, time.Since(began))
	if commits >= 5*batches {
		t.Errorf("%d commits were tried for %d batches of %d writes", commits, batches, people*each)
	}
}

func count(gateways []*gateway) (sum store.LiveStats) {
	for _, g := range gateways {
		s := g.realms.Stats()
		sum.Batches, sum.Commits, sum.Conflicts = sum.Batches+s.Batches, sum.Commits+s.Commits, sum.Conflicts+s.Conflicts
	}
	return sum
}
