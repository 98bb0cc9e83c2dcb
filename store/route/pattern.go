package route

import (
	"errors"
	"slices"
	"strings"
)

// The limits of a subscription's path. The depth of a tree, and so the depth
// of every recursion in this package, follows from maxSegments.
const (
	maxPattern  = 256
	maxSegments = 64
)

// ErrWildcardNotLast is the error for a "*name" that is not the last segment.
var ErrWildcardNotLast = errors.New("wildcard must be the last parameter")

var (
	errPatternLength   = errors.New("path is longer than 256 bytes")
	errPatternSegments = errors.New("path has more than 64 segments")
	errPatternUnnamed  = errors.New("path has a parameter without a name")
	errPatternRepeated = errors.New("path has two parameters of the same name")
)

// Pattern is the path of a subscription. A segment ":name" stands for exactly
// one segment that is not empty, a last segment "*name" for all the rest, at
// least one character. Any other segment stands for itself in canonical form,
// so "/%3Aid" matches only the text ":id".
//
// Make one with [ParsePattern]; the zero Pattern must not be used.
type Pattern struct {
	// All else is read from the text when it is needed: a tree of a million
	// patterns then holds 16 bytes of each.
	text string
}

// ParsePattern reads the path of a subscription. The error says what is wrong
// with it: one of those of [Canonical], a "*name" that is not the last segment,
// a parameter without a name, a name used twice, more than 64 segments, or more
// than 256 bytes.
func ParsePattern(path string) (Pattern, error) {
	if len(path) > maxPattern {
		return Pattern{}, errPatternLength
	}
	if _, err := Canonical(path); err != nil {
		return Pattern{}, err
	}
	if strings.Count(path, "/") > maxSegments {
		return Pattern{}, errPatternSegments
	}
	if err := checkParams(path[1:]); err != nil {
		return Pattern{}, err
	}
	return Pattern{path}, nil
}

// String returns the pattern as it was given to [ParsePattern].
func (p Pattern) String() string { return p.text }

// Names returns the names of the parameters, from left to right.
func (p Pattern) Names() []string { return p.appendNames(nil) }

// SameShape reports whether p and q match exactly the same paths. They then
// differ at most in the names of parameters and in the spelling of escapes.
func (p Pattern) SameShape(q Pattern) bool {
	a, b := p.text[1:], q.text[1:]
	for {
		s, aTail, aMore := cutSegment(a)
		t, bTail, bMore := cutSegment(b)
		if s.kind != t.kind || s.kind == static && s.text != t.text || aMore != bMore {
			return false
		}
		if !aMore {
			return true
		}
		a, b = aTail, bTail
	}
}

// Shape returns a text that p shares with all patterns of the same shape, and
// with no other. It begins with a slash and has no NUL byte.
func (p Pattern) Shape() string {
	var b strings.Builder
	for tail, more := p.text[1:], true; more; {
		var s segment
		s, tail, more = cutSegment(tail)
		switch s.kind {
		case static:
			b.WriteString("/" + s.text)
		case param:
			b.WriteString("/\x01:") // no static text has a control character
		case rest:
			b.WriteString("/\x01*")
		}
	}
	return b.String()
}

func (p Pattern) appendNames(names []string) []string {
	for tail, more := p.text[1:], true; more; {
		var s segment
		s, tail, more = cutSegment(tail)
		if s.kind != static {
			names = append(names, s.text)
		}
	}
	return names
}

// kind says what a segment of a pattern matches.
type kind uint8

const (
	static kind = iota // its text
	param              // any one segment
	rest               // all that follows
)

// segment is one segment of a pattern. Its text is the name of a parameter, or
// the canonical text of a static segment.
type segment struct {
	kind kind
	text string
}

// cutSegment takes the first segment off a pattern, given without the slash
// before it. more is false if that was the last one. The kind is decided by
// what is written, before an escape is decoded.
func cutSegment(pattern string) (s segment, tail string, more bool) {
	raw, tail, more := strings.Cut(pattern, "/")
	switch {
	case strings.HasPrefix(raw, ":"):
		return segment{param, raw[1:]}, tail, more
	case strings.HasPrefix(raw, "*"):
		return segment{rest, raw[1:]}, tail, more
	}
	text, _ := unescape(raw) // ParsePattern has seen that the escapes are good
	return segment{static, text}, tail, more
}

// checkParams looks at the parameters of a pattern, given without its first slash.
func checkParams(pattern string) error {
	var names []string
	for more := true; more; {
		var s segment
		s, pattern, more = cutSegment(pattern)
		switch {
		case s.kind == static:
			continue
		case s.kind == rest && more:
			return ErrWildcardNotLast
		case s.text == "":
			return errPatternUnnamed
		case slices.Contains(names, s.text):
			return errPatternRepeated
		}
		names = append(names, s.text)
	}
	return nil
}
