package faults_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// TestOutcomes: people create and delete subscriptions at three instances while servers are killed and frozen, and connections cut. What
// they are told has succeeded is so at the end, what was refused is not, and what nobody knows is Unavailable.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b backend) {
		c := b.start(t, b.members)
		breaker := &breaker{t: t, c: c, ways: []*network{c.network(t), c.network(t)}}
		gateways := []*gateway{
			startGateway(t, c.client(t, usual), false), startGateway(t, breaker.ways[0].client(t, usual), false), startGateway(t, breaker.ways[1].client(t, usual), false),
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var wg sync.WaitGroup
		var all []*person
		for n := range 6 {
			p := &person{t: t, name: fmt.Sprint("f", n), gateway: gateways[n%3], config: gateways[n%3].config(t), told: map[string]fate{}}
			p.gateway.function(t, p.name)
			all = append(all, p)
		}
		for _, p := range all {
			wg.Go(func() {
				for ctx.Err() == nil && !t.Failed() {
					p.step()
				}
			})
		}
		breaker.round()
		if len(c.addrs) > 0 {
			breaker.hang(outage)
		}
		stop()
		wg.Wait()

		reader := c.client(t, usual)
		items, head, err := reader.Load(t.Context(), store.Shared)
		if err != nil {
			t.Fatal(err)
		}
		s := store.NewSnapshot(gateways[0].rules, store.Shared, items, head, func(key string, why error) { t.Errorf("%s: %v", key, why) })
		counts := audit(t, s, all)
		for _, f := range slices.Sorted(maps.Keys(counts)) {
			t.Logf("%d %s", counts[f], f)
		}
		if broken := len(c.members) > 0; counts[there] == 0 || broken != (counts[maybe] > 0) {
			t.Errorf("the database was away: %t; that does not fit to %v", broken, counts)
		}
	})
}

// outage is longer than a gateway tries to find out what has become of a write.
const outage = 7 * time.Second

// person writes subscriptions of a function that nobody else uses.
type person struct {
	t       *testing.T
	name    string // of the function
	gateway *gateway
	config  *store.Config
	steps   int
	told    map[string]fate // of the subscriptions, by id
	mine    []string        // those that are there
}

// fate is what somebody was told of a subscription.
type fate int

const (
	there fate = iota + 1
	gone
	refused // somebody else has its route
	maybe
)

// step creates a subscription that nobody else creates, or one that all others create, too, or deletes one.
func (p *person) step() {
	p.steps++
	switch n := rand.IntN(4); {
	case n == 0 && len(p.mine) > 0:
		id := p.mine[0]
		p.mine = p.mine[1:]
		_, err := p.config.DeleteSubscription(context.Background(), space, id, nil)
		p.told[id] = p.outcome(err, gone)
	case n == 1:
		p.create("", fmt.Sprint("/race/", p.steps))
	default:
		p.create("e", fmt.Sprint("/", p.steps))
	}
}

func (p *person) create(event, path string) {
	s, err := p.gateway.subscription(p.name, event, path)
	if err != nil {
		p.t.Error(err)
		return
	}
	_, err = p.config.CreateSubscription(context.Background(), s)
	if p.told[s.ID] = p.outcome(err, there); p.told[s.ID] == there && event != "" {
		p.mine = append(p.mine, s.ID)
	}
}

// outcome says what err, or none, means for a write that leads to success.
func (p *person) outcome(err error, success fate) fate {
	var e *store.Error
	switch {
	case err == nil:
		return success
	case errors.As(err, &e) && e.Code == store.Unavailable:
		return maybe
	case errors.As(err, &e) && e.Code == store.Exists && success == there:
		return refused
	}
	p.t.Errorf("%s was told: %v", p.name, err)
	return maybe
}

// audit compares what is there with what everybody was told, and counts that.
func audit(t *testing.T, s *store.Snapshot, all []*person) map[fate]int {
	counts := map[fate]int{}
	creators := map[string]int{} // how many may have created it
	for _, p := range all {
		for id, fate := range p.told {
			counts[fate]++
			if fate == there || fate == maybe {
				creators[id]++
			}
			got := s.Subscription(space, id)
			switch have := got != nil && got.FunctionID == p.name; {
			case have && (fate == gone || fate == refused):
				t.Errorf("%s was told that %s is %s, and it is there", p.name, got.Path, fate)
			case !have && fate == there:
				t.Errorf("%s was told that %s was created, and it is not there: %+v", p.name, id, got)
			}
		}
	}
	for _, p := range all {
		for id, fate := range p.told {
			if fate == refused && creators[id] == 0 {
				t.Errorf("%s was told that somebody has %s, and nobody has", p.name, id)
			}
		}
	}
	return counts
}

func (f fate) String() string { return []string{"", "there", "deleted", "refused", "unknown"}[f] }
