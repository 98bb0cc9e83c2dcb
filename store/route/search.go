package route

import (
	"hash/maphash"
	"strings"
)

// Match is a value whose pattern matched a path.
type Match[T comparable] struct {
	Value   T
	Pattern string // as it was given to ParsePattern

	// Names and Values are the parameters of the pattern from left to right,
	// the values being parts of the path in canonical form. Both slices are
	// overwritten when the Match is used again.
	Names, Values []string
}

// set fills m, keeping the room of its slices.
func (m *Match[T]) set(e *entry[T], values []string) {
	m.Value = e.value
	m.Pattern = e.pattern.text
	m.Names = m.Names[:0]
	if len(values) > 0 {
		m.Names = e.pattern.appendNames(m.Names)
	}
	m.Values = append(m.Values[:0], values...)
}

// search is one walk over a tree: to the first match if there is a Match to
// set, else to all of them.
type search[T comparable] struct {
	seed   maphash.Seed
	first  *Match[T]
	all    []Match[T]
	depth  int                 // how many of values are in use
	values [maxSegments]string // what the parameters on the way here stand for
}

// run reports whether the search ended at its first match.
func (s *search[T]) run(t Tree[T], event, method, path string) bool {
	n := t.under(event, method)
	if n == nil || !strings.HasPrefix(path, "/") {
		return false
	}
	return s.walk(n, path[1:])
}

// walk tries all that can follow a node, the most specific first. It reports
// whether the search is over. It recurs once a level of the tree, not once a
// segment of the path.
func (s *search[T]) walk(n *node[T], path string) bool {
	segment, tail, more := strings.Cut(path, "/")
	if c := n.child(segment, s.seed); c != nil && s.enter(c, tail, more) {
		return true
	}
	if n.param != nil && segment != "" {
		s.push(segment)
		if s.enter(n.param, tail, more) {
			return true
		}
		s.depth--
	}
	if n.rest != nil && path != "" {
		s.push(path)
		if s.found(n.rest) {
			return true
		}
		s.depth--
	}
	return false
}

// enter goes on in a node that the path has led to.
func (s *search[T]) enter(n *node[T], tail string, more bool) bool {
	if more {
		return s.walk(n, tail)
	}
	return s.found(n.here)
}

// found takes the values in a place that the path ended in.
func (s *search[T]) found(e *entry[T]) bool {
	if s.first != nil {
		if e != nil {
			s.first.set(e, s.values[:s.depth])
		}
		return e != nil
	}
	for ; e != nil; e = e.next {
		if n := len(s.all); n < cap(s.all) {
			s.all = s.all[:n+1] // not append: the slices in this match have room
		} else {
			s.all = append(s.all, Match[T]{})
		}
		s.all[len(s.all)-1].set(e, s.values[:s.depth])
	}
	return false
}

func (s *search[T]) push(value string) {
	s.values[s.depth] = value
	s.depth++
}
