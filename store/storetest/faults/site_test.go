package faults_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// site is one configuration with a gateway that writes it, and others that follow it over ways that are broken. Some of its routes are
// always there, and are asked for all the time.
type site struct {
	t         *testing.T
	hosted    bool
	author    *gateway
	followers []*gateway // one a way
	round     int        // of the changes

	mu     sync.Mutex
	misses map[string]int
}

const (
	steady     = 10 // sync routes that are always there
	recipients = 5  // of an event
)

func newSite(t *testing.T, c *cluster, hosted bool, ways []*network) *site {
	t.Helper()
	s := &site{t: t, hosted: hosted, author: startGateway(t, c.client(t, usual), hosted), misses: map[string]int{}}
	for n := range recipients {
		f := fmt.Sprint("f", n)
		s.author.function(t, f)
		s.create(s.author, f, "order", "/")
	}
	for n := range steady {
		s.create(s.author, "f0", "", fmt.Sprint("/steady/", n))
	}
	s.create(s.author, "f0", "", "/round/0")
	for _, way := range ways {
		s.followers = append(s.followers, startGateway(t, way.client(t, usual), hosted))
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, g := range slices.Concat(s.followers, []*gateway{s.author}) {
		wg.Go(func() { s.use(ctx, g) })
	}
	t.Cleanup(func() {
		stop()
		wg.Wait()
		for what, n := range s.misses {
			t.Errorf("hosted %t: %s: %d times", s.hosted, what, n)
		}
	})
	return s
}

// use routes until ctx ends, and notes what is not as it always is.
func (s *site) use(ctx context.Context, g *gateway) {
	wrong := func(format string, a ...any) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.misses[fmt.Sprintf(format, a...)]++
	}
	var r store.Route
	for ctx.Err() == nil {
		now := g.snapshot()
		for n := range steady {
			path := fmt.Sprint("/steady/", n)
			if now.Route("GET", path, store.Plain, &r); r.Sync == nil || r.Sync.Function == nil {
				wrong("%s is not there", path)
			}
		}
		now.Route("POST", "/", "order", &r)
		seen := map[string]int{}
		for _, target := range r.Async {
			seen[target.Subscription.FunctionID]++
		}
		for n := range recipients {
			// The last one is deleted and made again by each change.
			if times := seen[fmt.Sprint("f", n)]; times > 1 || times == 0 && n < recipients-1 {
				wrong("an event goes to f%d %d times", n, times)
			}
		}
		pause(ctx, time.Millisecond)
	}
}

// create subscribes a function to plain requests, or to the event if that is not empty.
func (s *site) create(g *gateway, function, event, path string) {
	s.t.Helper()
	sub, err := g.subscription(function, event, path)
	if err == nil {
		_, err = g.config(s.t).CreateSubscription(s.t.Context(), sub)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// change deletes a route and makes another, and deletes a recipient of an event and makes it again. It returns where the realm is then.
func (s *site) change(g *gateway) store.Head {
	s.t.Helper()
	last := fmt.Sprint("f", recipients-1)
	for _, id := range []string{fmt.Sprintf("http,GET,%%2Fround%%2F%d", s.round), "order," + last + ",%2F"} {
		if _, err := g.config(s.t).DeleteSubscription(s.t.Context(), space, id, nil); err != nil {
			s.t.Fatal(err)
		}
	}
	s.round++
	s.create(g, last, "order", "/")
	s.create(g, "f0", "", fmt.Sprint("/round/", s.round))
	return g.snapshot().Head
}

// right says whether a snapshot has the route of the last change, and none of those before.
func (s *site) right(now *store.Snapshot) bool {
	for n := range s.round + 1 {
		var r store.Route
		if now.Route("GET", fmt.Sprint("/round/", n), store.Plain, &r); (r.Sync != nil) != (n == s.round) {
			return false
		}
	}
	return true
}
