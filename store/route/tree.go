// Package route finds what a request or an event goes to. It holds the form of
// a path that all others agree on ([Canonical]), the path of a subscription
// ([Pattern]), and an immutable index from event, method and pattern to values
// ([Tree]). It is pure: no I/O, no clock, no logger.
package route

import (
	"hash/maphash"
	"iter"
)

// Tree is an immutable index from (event, method, [Pattern]) to values. Any
// number of patterns may overlap, whoever they belong to, and one pattern may
// hold any number of values. The zero Tree is empty and ready for use. A Tree
// may be copied, and used by any number of goroutines at once.
//
// All values that were added with patterns of the same shape are in one place.
// Add and Delete take time in proportion to how many values that place holds,
// and to the logarithm of how many segments begin at each node on the way.
type Tree[T comparable] struct {
	root *node[T]
	len  int
	seed maphash.Seed // of the hashes in all tables; not used while there is no branch
}

// First looks for the most specific pattern that matches, and sets m to its
// value. From the left, at the first segment where two patterns differ in kind,
// static text goes before ":param" and that before "*rest"; if what follows a
// better segment does not match, the next one is tried. Where a pattern
// holds several values, First takes the one added last. It reports whether there
// was a match; if not, m is unchanged.
//
// The path must be canonical: it is compared as it is, nothing is decoded.
// First does not allocate if m.Names and m.Values have room.
//
// The work is bounded by the tree, not by the path. A node can be reached in one
// way only, so a call visits none twice: no more nodes than there are under the
// event and the method, of which at most 2^d are at depth d, since a segment
// leads to one static child and one parameter. A visit is one look-up.
func (t Tree[T]) First(event, method, path string, m *Match[T]) bool {
	s := search[T]{seed: t.seed, first: m}
	return s.run(t, event, method, path)
}

// All appends a match for each value of each pattern that matches, and returns
// the extended slice. The most specific pattern comes first, as for First, and
// of the values of one place the one added last. The bound of First holds too.
//
// All does not allocate if ms has room, and the matches that it overwrites
// there have room in Names and Values: those slices are used again.
func (t Tree[T]) All(event, method, path string, ms []Match[T]) []Match[T] {
	s := search[T]{seed: t.seed, all: ms}
	s.run(t, event, method, path)
	return s.all
}

// At returns the values on exactly the shape of p, the one added last first,
// each with the pattern that it was added with.
func (t Tree[T]) At(event, method string, p Pattern) iter.Seq2[T, Pattern] {
	return func(yield func(T, Pattern) bool) {
		for e := t.at(event, method, p); e != nil; e = e.next {
			if !yield(e.value, e.pattern) {
				return
			}
		}
	}
}

// Len returns how many values the tree holds; one in two places counts twice.
func (t Tree[T]) Len() int { return t.len }

// Edit returns an editor that starts from this tree, which does not change.
func (t Tree[T]) Edit() *Editor[T] {
	if t.seed == (maphash.Seed{}) {
		t.seed = maphash.MakeSeed()
	}
	return &Editor[T]{tree: t, owner: new(token)}
}

// under returns the node that holds the paths of an event and a method, or nil.
func (t Tree[T]) under(event, method string) *node[T] {
	return t.root.child(event, t.seed).child(method, t.seed)
}

// at returns the values on exactly the shape of p.
func (t Tree[T]) at(event, method string, p Pattern) *entry[T] {
	n := t.under(event, method)
	for tail, more := p.text[1:], true; more && n != nil; {
		var s segment
		s, tail, more = cutSegment(tail)
		switch s.kind {
		case static:
			n = n.child(s.text, t.seed)
		case param:
			n = n.param
		case rest:
			return n.rest
		}
	}
	if n == nil {
		return nil
	}
	return n.here
}
