package queue

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// width is how many deliveries of a message are under way at once.
const width = 32

// Later is a message that waits.
type Later struct {
	*Message
	After time.Duration
}

// Handle makes the deliveries of a message that was kept in a durable queue. It returns what is to be kept instead of it: those that are tried again, each with its wait, and those that
// are dead, or nil. When ctx ends, deliveries that have not begun are to be tried again.
func Handle(ctx context.Context, m *Message, deliver Deliver) (again []Later, dead *Message) {
	verdicts := make([]Verdict, len(m.Deliveries))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(len(verdicts), width) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(verdicts)); i = next.Add(1) - 1 {
				if verdicts[i] = (Verdict{Again: soonest, Uncounted: true}); ctx.Err() == nil {
					verdicts[i] = deliver(ctx, m.Deliveries[i])
				}
			}
		})
	}
	wg.Wait()
	waits := map[time.Duration]*Message{}
	for i, v := range verdicts {
		kept := *m.Deliveries[i]
		d := &kept
		if !v.Uncounted {
			d.Attempts++
		}
		switch {
		case v.Dead != "":
			if dead == nil {
				dead = &Message{Event: m.Event}
			}
			d.Reason = v.Dead
			dead.Deliveries = append(dead.Deliveries, d)
		case v.Again > 0:
			if waits[v.Again] == nil {
				waits[v.Again] = &Message{Event: m.Event}
			}
			waits[v.Again].Deliveries = append(waits[v.Again].Deliveries, d)
		}
	}
	for _, after := range slices.Sorted(maps.Keys(waits)) {
		again = append(again, Later{waits[after], after})
	}
	return again, dead
}

// soonest is how long deliveries wait for which there was no time.
const soonest = time.Second
