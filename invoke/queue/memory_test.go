package queue_test

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

	"go.uber.org/goleak"

	"github.com/event-gateway/event-gateway/invoke/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// message returns deliveries to a function, by their ids.
func message(function string, ids ...string) *queue.Message {
	m := &queue.Message{}
	for _, id := range ids {
		m.Deliveries = append(m.Deliveries, &queue.Delivery{Function: function, Bytes: 10, ID: id})
	}
	return m
}

// large returns a delivery that keeps some memory.
func large(function string, bytes int) *queue.Message {
	return &queue.Message{Deliveries: []*queue.Delivery{{Function: function, Bytes: bytes}}}
}

// memory returns a queue that only tells which delivery it makes.
func memory(o queue.Options, deliver func(ctx context.Context, id string)) *queue.Memory {
	return queue.NewMemory(o, func(ctx context.Context, d *queue.Delivery) queue.Verdict {
		deliver(ctx, d.ID)
		return queue.Verdict{}
	})
}

// ids returns those of deliveries.
func ids(deliveries []*queue.Delivery) (list []string) {
	for _, d := range deliveries {
		list = append(list, d.ID)
	}
	return list
}

// TestOrder: the items of a lane begin in their order, and only so many at once.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var began []string
		var running, most int
		q := memory(queue.Options{Size: 100, Bytes: 1e6, Lane: 2}, func(_ context.Context, v string) {
			mu.Lock()
			began = append(began, v)
			running++
			most = max(most, running)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			running--
			mu.Unlock()
		})
		var want []string
		for i := range 10 {
			want = append(want, fmt.Sprint(i))
			if err := q.Add(t.Context(), message("a", fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if left := q.Drain(t.Context()); len(left) != 0 || !slices.Equal(began, want) || most != 2 {
			t.Errorf("left %v, began %v, %d at once", left, began, most)
		}
	})
}

// TestLanes: one that is slow delays nobody else and leaves room for others, however many are slow.
func TestLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		var quick atomic.Int64
		q := memory(queue.Options{Size: 100, Bytes: 1e6, Lane: 4}, func(_ context.Context, v string) {
			if v == "slow" {
				<-stuck
				return
			}
			quick.Add(1)
		})
		accepted := 0
		for lane := range 5 {
			for range 200 {
				if q.Add(t.Context(), message(fmt.Sprint("slow", lane), "slow")) == nil {
					accepted++
				}
			}
		}
		if accepted < 90 || accepted > 99 {
			t.Errorf("five slow lanes hold %d of 100", accepted)
		}
		for range 1000 {
			if err := q.Add(t.Context(), message("quick", "quick")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if quick.Load() != 1000 {
			t.Errorf("the quick lane got %d of 1000", quick.Load())
		}
		close(stuck)
		q.Drain(t.Context())
	})
}

// TestBytes: nor does one that is slow fill the memory.
func TestBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		q := memory(queue.Options{Size: 1000, Bytes: 1000, Lane: 4}, func(context.Context, string) { <-stuck })
		accepted := 0
		for range 100 {
			if q.Add(t.Context(), large("slow", 100)) == nil {
				accepted++
			}
		}
		if accepted != 5 {
			t.Errorf("a slow lane holds %d times 100 bytes of 1000", accepted)
		}
		if err := q.Add(t.Context(), large("other", 400)); err != nil {
			t.Error(err)
		}
		if err := q.Add(t.Context(), large("third", 101)); !errors.Is(err, queue.ErrFull) {
			t.Error(err)
		}
		close(stuck)
		q.Drain(t.Context())
	})
}

// TestAllOrNothing: what does not fit as a whole is not taken in part.
func TestAllOrNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var got atomic.Int64
		q := memory(queue.Options{Size: 10, Bytes: 1000, Lane: 1}, func(context.Context, string) { <-release; got.Add(1) })
		if err := q.Add(t.Context(), message("a", "1", "2", "3")); err != nil {
			t.Fatal(err)
		}
		if err := q.Add(t.Context(), message("b", "x", "y"), message("a", "4", "5", "6", "7")); !errors.Is(err, queue.ErrFull) {
			t.Error(err)
		}
		if err := q.Add(t.Context(), large("c", 971)); !errors.Is(err, queue.ErrFull) {
			t.Error("too many bytes:", err)
		}
		if n := q.Len(); n != 3 {
			t.Errorf("the queue holds %d, want 3", n)
		}
		if err := q.Add(t.Context(), message("b", "x", "y")); err != nil {
			t.Error("what was refused still takes room:", err)
		}
		close(release)
		q.Drain(t.Context())
		if got.Load() != 5 {
			t.Errorf("%d were delivered, want 5", got.Load())
		}
	})
}

// TestDrain: when time is over, what is under way is told, and what had not begun is returned.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cut atomic.Int64
		q := memory(queue.Options{Size: 100, Bytes: 1e6, Lane: 2}, func(ctx context.Context, _ string) {
			<-ctx.Done()
			cut.Add(1)
		})
		if err := q.Add(t.Context(), message("a", "1", "2", "3", "4")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		if left := ids(q.Drain(ctx)); !slices.Equal(left, []string{"3", "4"}) || cut.Load() != 2 || time.Since(began) != time.Minute {
			t.Errorf("left %v, %d cut off, after %s", left, cut.Load(), time.Since(began))
		}
		if err := q.Add(t.Context(), message("a", "5")); !errors.Is(err, queue.ErrClosed) {
			t.Error(err)
		}
		if left := q.Drain(t.Context()); len(left) != 0 || q.Len() != 0 {
			t.Error("a second drain:", left)
		}
	})
}

// TestNothingIsLost: whatever happens, what was accepted is delivered once, or returned.
func TestNothingIsLost(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	for range 20 {
		var mu sync.Mutex
		seen := map[string]int{}
		q := memory(queue.Options{Size: 20, Bytes: 300, Lane: 3}, func(ctx context.Context, v string) {
			mu.Lock()
			seen[v]++
			mu.Unlock()
		})
		accepted := map[string]bool{}
		for i := range 500 {
			var batch []*queue.Message
			var added []string
			for j := range 1 + random.IntN(4) {
				m := &queue.Message{}
				for k := range 1 + random.IntN(2) {
					added = append(added, fmt.Sprint(i, " ", j, " ", k))
					m.Deliveries = append(m.Deliveries, &queue.Delivery{Function: fmt.Sprint(random.IntN(4)), Bytes: random.IntN(40), ID: added[len(added)-1]})
				}
				batch = append(batch, m)
			}
			if q.Add(t.Context(), batch...) == nil {
				for _, id := range added {
					accepted[id] = true
				}
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		if random.IntN(2) == 0 {
			cancel()
		}
		for _, v := range ids(q.Drain(ctx)) {
			seen[v]++
		}
		cancel()
		for v, n := range seen {
			if n != 1 || !accepted[v] {
				t.Errorf("%q was seen %d times, accepted: %t", v, n, accepted[v])
			}
		}
		if len(seen) != len(accepted) || q.Len() != 0 {
			t.Errorf("%d accepted, %d seen, %d in the queue", len(accepted), len(seen), q.Len())
		}
	}
}

// TestFollow: what follows from a delivery is taken while the queue drains, and no longer when there is no more time.
func TestFollow(t *testing.T) {
	t.Parallel()
	var q *queue.Memory
	var got atomic.Int64
	q = memory(queue.Options{Size: 10, Bytes: 100, Lane: 1}, func(_ context.Context, id string) {
		got.Add(1)
		if id == "1" {
			time.Sleep(50 * time.Millisecond) // it drains now
			if err := q.Add(t.Context(), message("b", "9")); !errors.Is(err, queue.ErrClosed) {
				t.Errorf("Add while draining: %v", err)
			}
			if err := q.Follow(t.Context(), message("b", "2")); err != nil {
				t.Errorf("Follow while draining: %v", err)
			}
		}
	})
	if err := q.Add(t.Context(), message("a", "1")); err != nil {
		t.Fatal(err)
	}
	if left := q.Drain(context.Background()); len(left) != 0 || got.Load() != 2 {
		t.Errorf("%d deliveries, left: %v", got.Load(), left)
	}
	if err := q.Follow(t.Context(), message("a", "9")); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("Follow at the end: %v", err)
	}
}

func TestFollowOutOfTime(t *testing.T) {
	t.Parallel()
	var q *queue.Memory
	began := make(chan bool)
	q = memory(queue.Options{Size: 10, Bytes: 100, Lane: 1}, func(ctx context.Context, _ string) {
		close(began)
		<-ctx.Done()
		if err := q.Follow(t.Context(), message("b", "9")); !errors.Is(err, queue.ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
	if err := q.Add(t.Context(), message("a", "1")); err != nil {
		t.Fatal(err)
	}
	<-began
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	q.Drain(ctx)
}
