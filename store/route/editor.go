package route

// Editor makes trees out of a tree, by copy on write. It belongs to one
// goroutine; trees, those it started from and those it made, may be read by
// others all the while.
type Editor[T comparable] struct {
	tree  Tree[T]
	owner *token // marks the branches that no tree handed out can reach
}

// token is compared by its address, and so must not be of size zero.
type token struct{ _ byte }

// Add puts a value in the place of the pattern's shape. A value that is
// there already is not added again; it takes on the names of this pattern.
func (e *Editor[T]) Add(event, method string, p Pattern, v T) {
	old := e.tree.at(event, method, p).find(v)
	if old != nil && old.pattern == p {
		return
	}
	e.update(event, method, p, func(place *entry[T]) *entry[T] {
		if old != nil {
			place = place.without(v)
		}
		return place.with(p, v)
	})
	if old == nil {
		e.tree.len++
	}
}

// Delete takes a value out of the place of the pattern's shape, and reports
// whether it was there. Other values and other places are not touched.
func (e *Editor[T]) Delete(event, method string, p Pattern, v T) bool {
	if e.tree.at(event, method, p).find(v) == nil {
		return false
	}
	e.update(event, method, p, func(place *entry[T]) *entry[T] {
		return place.without(v)
	})
	e.tree.len--
	return true
}

// Tree returns the tree as edited until now. The editor can be used on; that
// does not change the tree.
func (e *Editor[T]) Tree() Tree[T] {
	e.owner = new(token)
	return e.tree
}

// update replaces the values in one place, and with them the nodes on the way
// to it: new ones are made as needed, and those that become empty are left out.
func (e *Editor[T]) update(event, method string, p Pattern, change func(*entry[T]) *entry[T]) {
	root := e.tree.root.clone()
	methods := root.child(event, e.tree.seed).clone()
	paths := methods.child(method, e.tree.seed)
	methods.static = e.set(methods.static, method, e.updatePaths(paths, p.text[1:], change))
	root.static = e.set(root.static, event, methods.orNil())
	e.tree.root = root.orNil()
}

// updatePaths is update for the place that a pattern leads to from n. It
// returns what n becomes.
func (e *Editor[T]) updatePaths(n *node[T], pattern string, change func(*entry[T]) *entry[T]) *node[T] {
	c := n.clone()
	s, tail, more := cutSegment(pattern)
	next := func(n *node[T]) *node[T] {
		if more {
			return e.updatePaths(n, tail, change)
		}
		c := n.clone()
		c.here = change(c.here)
		return c.orNil()
	}
	switch s.kind {
	case static:
		c.static = e.set(c.static, s.text, next(c.child(s.text, e.tree.seed)))
	case param:
		c.param = next(c.param)
	case rest:
		c.rest = change(c.rest)
	}
	return c.orNil()
}
