package route

import "hash/maphash"

// node is what a tree holds under the segments that lead to it. The first two
// levels below the root are the event and the method, which are looked up like
// static segments.
//
// A node, its table and its entries never change once they are made; of all
// that a tree consists of only a [branch] may, while its owner works. Each
// of these is there once or twice a route, so their size matters.
type node[T comparable] struct {
	static *table[T] // by the next segment's text
	param  *node[T]  // after any one segment
	here   *entry[T] // the path ends here
	rest   *entry[T] // whatever follows
}

// entry is a value, in the list of those in the same place. The names of
// parameters are in its pattern and nowhere else, so "/users/:id" and
// "/users/:name/books" share a node.
type entry[T comparable] struct {
	value   T
	pattern Pattern
	next    *entry[T]
}

// child returns the node after a static segment, or nil.
func (n *node[T]) child(text string, seed maphash.Seed) *node[T] {
	if n == nil || n.static == nil {
		return nil
	}
	return n.static.get(text, seed)
}

// clone returns a node to be changed: a copy, or a new one if n is nil.
func (n *node[T]) clone() *node[T] {
	if n == nil {
		return new(node[T])
	}
	c := *n
	return &c
}

// orNil returns nil in place of a node that holds nothing.
func (n *node[T]) orNil() *node[T] {
	if *n == (node[T]{}) {
		return nil
	}
	return n
}

// with returns the list with one more entry at its start.
func (e *entry[T]) with(p Pattern, v T) *entry[T] { return &entry[T]{v, p, e} }

// without returns the list less the entry that holds v.
func (e *entry[T]) without(v T) *entry[T] {
	// The entries after v are shared with the old list, those before it copied.
	var head *entry[T]
	end := &head
	for ; e != nil; e = e.next {
		if e.value == v {
			*end = e.next
			return head
		}
		*end = &entry[T]{e.value, e.pattern, nil}
		end = &(*end).next
	}
	return head
}

// find returns the entry that holds v, or nil.
func (e *entry[T]) find(v T) *entry[T] {
	for e != nil && e.value != v {
		e = e.next
	}
	return e
}
