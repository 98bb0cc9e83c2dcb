package invoke

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"
)

func TestBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b budget
		f := func(c byte, n int, want bool) {
			t.Helper()
			if got := b.spend(chain{c}, n, time.Now()); got != want {
				t.Errorf("chain %d, %d more: got %t", c, n, got)
			}
		}
		f(1, 999, true)
		f(1, 500, true) // there was one left
		f(1, 1, false)
		f(2, 1, true)
		time.Sleep(10 * time.Minute)
		f(1, 1, false)
		time.Sleep(time.Second)
		f(1, 1000, true) // the window is over
		f(1, 1, false)
	})
}

// TestBudgetMemory: a chain that goes on is remembered among any number of others, which are forgotten.
func TestBudgetMemory(t *testing.T) {
	t.Parallel()
	var b budget
	now := time.Now()
	refused := 0
	for i := range 1001 * 500 {
		var c chain
		binary.NativeEndian.PutUint64(c[:], uint64(i)+1)
		if i%500 == 0 {
			c = chain{}
			if !b.spend(c, 1, now) {
				refused++
			}
			continue
		}
		if !b.spend(c, 1, now) {
			t.Fatal(i)
		}
	}
	if refused != 1 {
		t.Errorf("the chain was refused %d times, want once", refused)
	}
	if n := len(b.chains) + len(b.earlier); n > 2*maxChains {
		t.Errorf("%d chains are in memory", n)
	}
}
