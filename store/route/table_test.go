package route

import (
	"fmt"
	"math/rand"
	"testing"
)

// A table grows into branches and back, against a plain map.
func TestTable(t *testing.T) {
	t.Parallel()
	e := Tree[int]{}.Edit()
	var tab *table[int]
	want := map[string]*node[int]{}
	check := func() {
		t.Helper()
		for i := range 2000 {
			text := fmt.Sprint(i)
			var got *node[int]
			if tab != nil {
				got = tab.get(text, e.tree.seed)
			}
			if got != want[text] {
				t.Fatalf("%s: %p; want %p", text, got, want[text])
			}
		}
	}
	order := rand.New(rand.NewSource(1)).Perm(2000)
	for step, i := range order {
		n := &node[int]{here: &entry[int]{value: i}}
		tab = e.set(tab, fmt.Sprint(i), n)
		tab = e.set(tab, fmt.Sprint(order[step/2]), n)
		want[fmt.Sprint(i)], want[fmt.Sprint(order[step/2])] = n, n
		if step%500 == 0 {
			check()
		}
	}
	check()
	for step, i := range order {
		tab = e.set(tab, fmt.Sprint(i), nil)
		tab = e.set(tab, "none", nil)
		delete(want, fmt.Sprint(i))
		if step%500 == 0 {
			check()
		}
		if left := len(order) - step - 1; left > 0 && left <= maxSlots/2 && tab.more != nil {
			t.Fatalf("%d left, and still a branch", left)
		}
	}
	if tab != nil {
		t.Errorf("an empty table is %v", tab)
	}
}

// Texts of equal hashes end up in one table, without a limit.
func TestTableEqualHashes(t *testing.T) {
	t.Parallel()
	e := Tree[int]{}.Edit()
	var tab table[int]
	for i := range 10 * maxSlots {
		tab = e.with(tab, slot[int]{fmt.Sprint(i), new(node[int])}, 0, maxDepth)
	}
	if tab.more != nil || len(tab.slots) != 10*maxSlots {
		t.Errorf("%d slots, branch %v", len(tab.slots), tab.more)
	}
	for i := range 10 * maxSlots {
		if tab.get(fmt.Sprint(i), e.tree.seed) == nil {
			t.Errorf("%d is missing", i)
		}
		tab = e.without(tab, fmt.Sprint(i), 0, maxDepth)
	}
	if len(tab.slots) != 0 {
		t.Errorf("%d slots left", len(tab.slots))
	}
}

// An editor changes what it made itself in place, until it hands it out: a
// million routes are then a matter of seconds.
func TestEditorOwnsBranches(t *testing.T) {
	t.Parallel()
	e := Tree[int]{}.Edit()
	var tab *table[int]
	for i := range 2 * maxSlots {
		tab = e.set(tab, fmt.Sprint(i), new(node[int]))
	}
	own := tab.more
	if tab = e.set(tab, "x", new(node[int])); tab.more != own {
		t.Error("the editor copied its own branch")
	}
	e.Tree()
	if tab = e.set(tab, "y", new(node[int])); tab.more == own {
		t.Error("the editor changed a branch that it had handed out")
	}
}
