package route

import "hash/maphash"

// A table is kept in slots while it is small. Beyond maxSlots it becomes a
// branch: fan tables, told apart by fanBits of the hash of the text, each of
// which may become a branch in turn. So a table of one segment costs
// hardly more than the segment, and a change of one with a million copies a few
// hundred bytes on each of a few levels.
const (
	maxSlots = 16
	fanBits  = 3
	fan      = 1 << fanBits
	maxDepth = 64 / fanBits // no bits of the hash are left: slots without limit
)

// table is an immutable map from the text of a segment to a node. The zero
// table is empty.
type table[T comparable] struct {
	slots []slot[T] // in any order; none if there is a branch
	more  *branch[T]
}

type slot[T comparable] struct {
	text string
	node *node[T]
}

// branch is the one thing that may change after it was made, by the editor
// that holds its owner.
type branch[T comparable] struct {
	owner  *token
	tables [fan]table[T]
}

// get returns the node under a text, or nil.
func (t *table[T]) get(text string, seed maphash.Seed) *node[T] {
	if t.more != nil {
		for h := maphash.String(seed, text); t.more != nil; h >>= fanBits {
			t = &t.more.tables[h%fan]
		}
	}
	for i := range t.slots {
		if t.slots[i].text == text {
			return t.slots[i].node
		}
	}
	return nil
}

// find returns the index of the slot with a text, or -1.
func (t table[T]) find(text string) int {
	for i := range t.slots {
		if t.slots[i].text == text {
			return i
		}
	}
	return -1
}

// set returns the table with a node under a text, or without it if n is nil.
// An empty table is nil.
func (e *Editor[T]) set(t *table[T], text string, n *node[T]) *table[T] {
	if t == nil {
		t = new(table[T])
	}
	var changed table[T]
	if h := maphash.String(e.tree.seed, text); n != nil {
		changed = e.with(*t, slot[T]{text, n}, h, 0)
	} else {
		changed = e.without(*t, text, h, 0)
	}
	if len(changed.slots) == 0 && changed.more == nil {
		return nil
	}
	return &changed
}

// with returns the table with a slot added, or put in place of the one with
// its text. h is what is left of the hash at this depth.
func (e *Editor[T]) with(t table[T], s slot[T], h uint64, depth int) table[T] {
	if t.more != nil {
		b := e.own(t.more)
		b.tables[h%fan] = e.with(b.tables[h%fan], s, h>>fanBits, depth+1)
		return table[T]{more: b}
	}
	i := t.find(s.text)
	if i < 0 && len(t.slots) >= maxSlots && depth < maxDepth {
		return e.with(e.split(t, depth), s, h, depth)
	}
	// Always of the exact size: the room that append would leave, in so many
	// small slices, costs more than copying them again.
	n := len(t.slots)
	if i < 0 {
		i, n = n, n+1
	}
	slots := make([]slot[T], n)
	copy(slots, t.slots)
	slots[i] = s
	return table[T]{slots: slots}
}

// without returns the table less the slot with a text.
func (e *Editor[T]) without(t table[T], text string, h uint64, depth int) table[T] {
	if t.more != nil {
		b := e.own(t.more)
		b.tables[h%fan] = e.without(b.tables[h%fan], text, h>>fanBits, depth+1)
		return b.join()
	}
	i := t.find(text)
	if i < 0 {
		return t
	}
	slots := make([]slot[T], 0, len(t.slots)-1)
	slots = append(append(slots, t.slots[:i]...), t.slots[i+1:]...)
	return table[T]{slots: slots}
}

// split returns a table of slots as a branch.
func (e *Editor[T]) split(t table[T], depth int) table[T] {
	b := &branch[T]{owner: e.owner}
	for _, s := range t.slots {
		h := maphash.String(e.tree.seed, s.text) >> (depth * fanBits)
		b.tables[h%fan] = e.with(b.tables[h%fan], s, h>>fanBits, depth+1)
	}
	return table[T]{more: b}
}

// own returns the branch if this editor may change it, else a copy that it may.
func (e *Editor[T]) own(b *branch[T]) *branch[T] {
	if b.owner == e.owner {
		return b
	}
	return &branch[T]{e.owner, b.tables}
}

// join returns the branch as a table of slots, if few are left, else as it is.
// Few is half of what makes a branch, or a segment that comes and goes would
// split and join each time.
func (b *branch[T]) join() table[T] {
	n := 0
	for _, t := range b.tables {
		n += len(t.slots)
		if t.more != nil || n > maxSlots/2 {
			return table[T]{more: b}
		}
	}
	slots := make([]slot[T], 0, n)
	for _, t := range b.tables {
		slots = append(slots, t.slots...)
	}
	return table[T]{slots: slots}
}
