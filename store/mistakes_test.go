package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/memory"
)

// mistaken is a store that drops, repeats or reorders some of what it reports, or reports what it did before.
type mistaken struct {
	store.Store
	rate atomic.Int64 // of the reports, in percent; 100 is each

	mu     sync.Mutex
	random *rand.Rand
	made   map[string]int // mistakes, by their names
	last   map[store.Realm]report
}

// report is what Changes told last.
type report struct {
	commits []store.Commit
	head    store.Head
}

func (m *mistaken) Changes(ctx context.Context, realm store.Realm, after store.Rev, wait time.Duration) ([]store.Commit, store.Head, error) {
	commits, head, err := m.Store.Changes(ctx, realm, after, wait)
	if err != nil {
		return nil, head, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	last := m.last[realm]
	m.last[realm] = report{slices.Clone(commits), head}
	if m.random.Int64N(100) >= m.rate.Load() {
		return commits, head, nil
	}
	mistake := []string{"drops", "drops all", "drops an op", "repeats", "reorders", "old head", "old report"}[m.random.IntN(7)]
	if len(commits) == 0 {
		mistake = "old report"
	}
	m.made[mistake]++
	switch i := m.random.IntN(max(1, len(commits))); mistake {
	case "drops":
		return slices.Delete(commits, i, i+1), head, nil
	case "drops all":
		return nil, head, nil
	case "drops an op":
		ops := commits[i].Ops
		commits[i].Ops = slices.Delete(slices.Clone(ops), 0, 1)
		return commits, head, nil
	case "repeats":
		return slices.Insert(commits, i, commits[m.random.IntN(len(commits))]), head, nil
	case "reorders":
		m.random.Shuffle(len(commits), func(i, j int) { commits[i], commits[j] = commits[j], commits[i] })
		return commits, head, nil
	case "old head":
		return commits, last.head, nil
	}
	return last.commits, last.head, nil
}

func (m *mistaken) Heads(ctx context.Context, known map[store.Realm]store.Rev, wait time.Duration) (map[store.Realm]store.Head, error) {
	moved, err := m.Store.Heads(ctx, known, wait)
	m.mu.Lock()
	defer m.mu.Unlock()
	for realm := range moved {
		if m.random.Int64N(100) >= m.rate.Load() {
			continue
		}
		if m.random.IntN(2) == 0 {
			m.made["drops a realm"]++
			delete(moved, realm)
		} else {
			m.made["old realm"]++
			moved[realm] = m.last[realm].head
		}
	}
	return moved, err
}

// TestMistakes: while a store makes mistakes in 5 of 100 reports, routes never vanish, and none doubles. When it is healed, the snapshot has
// what the store has within two seconds. A mistake costs a load at most.
func TestMistakes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		m := &mistaken{Store: s, random: rand.New(rand.NewPCG(seed, 0)), made: map[string]int{}, last: map[store.Realm]report{}}
		here, there := newRealms(m, store.RealmsOptions{}), hosted(m, 10)
		defer run(here)()
		defer run(there)()
		sites := []*mistakenSite{newMistakenSite(t, s, store.RealmsOptions{}, here), newMistakenSite(t, s, store.RealmsOptions{Hosted: true, Max: 10}, there)}
		for round := range 40 {
			m.rate.Store(5)
			for n := range 20 {
				for _, site := range sites {
					site.subscribe(t, fmt.Sprintf(`{"functionId":"f0","event":"http","method":"GET","path":"/%d/%d"}`, round, n))
					site.unsubscribe(t, fmt.Sprintf("http,GET,%%2F%d%%2F%d", round, n-3))
					time.Sleep(rand.N(100 * time.Millisecond))
					site.check(t)
				}
			}
			m.rate.Store(0)
			time.Sleep(2 * time.Second)
			for _, site := range sites {
				_, head, err := s.Load(t.Context(), site.realm)
				if now := site.snapshot(); err != nil || now.Head != head {
					t.Fatalf("round %d, realm %s: the snapshot is at %v, the store at %v, %v", round, site.realm, now.Head, head, err)
				}
				for n := range 20 {
					if there := routes(site.snapshot(), fmt.Sprintf("/%d/%d", round, n)); there != (n > 16) {
						t.Errorf("round %d, realm %s: the route of step %d is there: %t", round, site.realm, n, there)
					}
				}
			}
		}
		total := 0
		for _, n := range m.made {
			total += n
		}
		t.Logf("%v: %+v, hosted %+v", m.made, here.Stats(), there.Stats())
		if loads := here.Stats().Loads + there.Stats().Loads; len(m.made) != 9 || loads < 10 || loads > uint64(total) {
			t.Errorf("%d loads for %d mistakes of %d kinds", loads, total, len(m.made))
		}
	})
}

// mistakenSite is a realm, one who writes it, and one who follows it through mistakes.
type mistakenSite struct {
	realm    store.Realm
	config   *store.Config
	follower *store.Realms
}

func newMistakenSite(t *testing.T, s store.Store, o store.RealmsOptions, follower *store.Realms) *mistakenSite {
	t.Helper()
	site := &mistakenSite{realm: store.Shared, follower: follower}
	if o.Hosted {
		site.realm = "aaa"
	}
	writer := newRealms(s, o)
	for live := range writer.All() { // nobody follows for it, as nobody else writes
		if err := live.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if site.config, err = writer.Config(t.Context(), site.realm); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		f, err := site.config.Rules().DecodeFunction(fmt.Appendf(nil, `{"functionId":"f%d","type":"http","provider":{"url":"http://localhost:1"}}`, n), "aaa", "")
		if err == nil {
			_, err = site.config.CreateFunction(t.Context(), f)
		}
		if err != nil {
			t.Fatal(err)
		}
		site.subscribe(t, fmt.Sprintf(`{"functionId":"f%d","event":"e","path":"/"}`, n))
	}
	site.subscribe(t, `{"functionId":"f0","event":"http","method":"GET","path":"/steady"}`)
	if err := follower.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := follower.Config(t.Context(), site.realm); err != nil { // it is held from now on
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	return site
}

func (site *mistakenSite) subscribe(t *testing.T, body string) {
	t.Helper()
	sub, err := site.config.Rules().DecodeSubscription([]byte(body), "aaa")
	if err == nil {
		_, err = site.config.CreateSubscription(t.Context(), sub)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (site *mistakenSite) unsubscribe(t *testing.T, id string) {
	t.Helper()
	var e *store.Error
	_, err := site.config.DeleteSubscription(t.Context(), "aaa", id, nil)
	if err != nil && !(errors.As(err, &e) && e.Code == store.NotFound) {
		t.Fatal(err)
	}
}

func (site *mistakenSite) snapshot() (s *store.Snapshot) {
	for live := range site.follower.All() {
		s = live.Snapshot()
	}
	return s
}

// check routes what is always there.
func (site *mistakenSite) check(t *testing.T) {
	t.Helper()
	var r store.Route
	if !routes(site.snapshot(), "/steady") {
		t.Fatalf("realm %s: a route is gone", site.realm)
	}
	site.snapshot().Route("POST", "/", "e", &r)
	if got, want := len(r.Async), 3; got != want {
		t.Fatalf("realm %s: an event goes to %d functions, want %d", site.realm, got, want)
	}
}
