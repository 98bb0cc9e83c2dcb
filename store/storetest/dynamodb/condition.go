package dynamodb

import "strings"

// condition is one that an item meets or does not.
type condition struct {
	op       string       // AND, OR, NOT, a comparison, BETWEEN, or a function
	parts    []*condition // of AND, OR and NOT
	operands []operand    // of the others
}

// holds says whether the item, which may be nil, meets the condition. An attribute that is not there equals nothing, and has no order.
func (c *condition) holds(i item) bool {
	switch c.op {
	case "AND":
		for _, part := range c.parts {
			if !part.holds(i) {
				return false
			}
		}
		return true
	case "OR":
		for _, part := range c.parts {
			if part.holds(i) {
				return true
			}
		}
		return false
	case "NOT":
		return !c.parts[0].holds(i)
	case "attribute_exists", "attribute_not_exists":
		_, there := c.operands[0].of(i)
		return there == (c.op == "attribute_exists")
	}
	a, ok := c.operands[0].of(i)
	b, ok2 := c.operands[1].of(i)
	switch c.op {
	case "=":
		return ok && ok2 && a == b
	case "<>":
		return !ok || !ok2 || a != b
	case "begins_with":
		return ok && ok2 && a.kind == b.kind && a.kind != "N" && strings.HasPrefix(a.text, b.text)
	case "BETWEEN":
		high, ok3 := c.operands[2].of(i)
		return ok && ok2 && ok3 && a.ordered(b) && a.ordered(high) && a.compare(b) >= 0 && a.compare(high) <= 0
	}
	if !ok || !ok2 || !a.ordered(b) {
		return false
	}
	switch order := a.compare(b); c.op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	}
	panic("unknown condition " + c.op)
}

// ordered says whether two values can be compared.
func (v value) ordered(w value) bool {
	return v.kind == w.kind && (v.kind == "S" || v.kind == "N" || v.kind == "B")
}

// mentions returns the first of the names that the condition is about, if any.
func (c *condition) mentions(names ...string) string {
	for _, o := range c.operands {
		for _, name := range names {
			if o.name == name {
				return name
			}
		}
	}
	for _, part := range c.parts {
		if name := part.mentions(names...); name != "" {
			return name
		}
	}
	return ""
}
