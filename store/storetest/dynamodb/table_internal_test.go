package dynamodb

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestRows compares a table with a list of all that was ever stored: what reads see at any time of the lag, and that no row is left behind.
func TestRows(t *testing.T) {
	t.Parallel()
	const lag = 10 * time.Second
	type was struct {
		at time.Time
		n  string
	}
	random := rand.New(rand.NewPCG(1, 2))
	tab := newTable("events", "p", "s", time.Time{})
	history := map[key][]was{}
	now := time.Unix(1_000_000, 0)
	for step := range 1000 {
		now = now.Add(time.Duration(1+random.IntN(3000)) * time.Millisecond)
		k := key{"p", fmt.Sprint(random.IntN(8))}
		var i item
		n := ""
		if random.IntN(2) == 0 {
			n = fmt.Sprint(step)
			i = item{"p": {"S", k.partition}, "s": {"S", k.sort}, "n": {"N", n}}
		}
		tab.put(k, i, now, lag)
		history[k] = append(history[k], was{now, n})
		for k, all := range history {
			for _, at := range []time.Time{now, now.Add(-time.Duration(random.Int64N(int64(lag)))), {}} {
				want := ""
				for _, w := range all {
					if at.IsZero() || !w.at.After(at) {
						want = w.n
					}
				}
				if got := tab.get(k, at)["n"].text; got != want {
					t.Fatalf("step %d: %v at %v is %q, want %q", step, k, at, got, want)
				}
			}
		}
	}
	items := 0
	for k := range history {
		if tab.get(k, time.Time{}) != nil {
			items++
		}
	}
	if tab.items != items {
		t.Errorf("%d items, counted as %d", items, tab.items)
	}
	tab.forget(now.Add(time.Hour))
	if tab.rows.Len() != items || len(tab.graves) != 0 {
		t.Errorf("%d rows and %d graves for %d items", tab.rows.Len(), len(tab.graves), items)
	}
}
