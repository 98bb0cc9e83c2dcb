package dynamodb

// span is what a query reads: a partition, and a range of its sort keys.
type span struct {
	partition         string
	low, high         string
	lowOpen, highOpen bool // the bound itself is not in it
}

// span returns the span of a KeyConditionExpression.
func (t *table) span(e *expressions, text *string) (span, error) {
	if text == nil {
		return span{}, invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	c, err := e.condition("KeyConditionExpression", text)
	if err != nil {
		return span{}, err
	}
	parts := []*condition{c}
	if c.op == "AND" {
		parts = c.parts
	}
	s := span{high: afterAll}
	seen, foreign := map[string]bool{}, false
	for _, part := range parts {
		name, err := t.keyTest(part)
		if err != nil {
			return span{}, err
		}
		if name != t.partition && name != t.sort {
			foreign = true
			continue
		}
		if seen[name] {
			return span{}, invalid("KeyConditionExpressions must only contain one condition per key")
		}
		seen[name] = true
		if name == t.partition && part.op != "=" {
			return span{}, invalid("Query key condition not supported")
		}
		if name == t.partition {
			s.partition = part.operands[1].value.text
		} else {
			s.limit(part)
		}
	}
	if !seen[t.partition] {
		return span{}, invalid("Query condition missed key schema element: %s", t.partition)
	}
	if foreign {
		return span{}, invalid("Query condition missed key schema element: %s", t.sort)
	}
	return s, nil
}

// keyTest checks one test of a key condition, turns it so that the attribute comes first, and returns the attribute.
func (t *table) keyTest(c *condition) (string, error) {
	switch c.op {
	case "AND", "OR", "NOT", "<>", "attribute_exists", "attribute_not_exists":
		return "", invalid("Invalid operator used in KeyConditionExpression: %s", c.op)
	}
	if c.operands[0].name == "" && len(c.operands) == 2 && c.op != "begins_with" {
		c.operands[0], c.operands[1] = c.operands[1], c.operands[0]
		if turned, ok := map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}[c.op]; ok {
			c.op = turned
		}
	}
	name := c.operands[0].name
	if name != t.partition && name != t.sort {
		return name, nil
	}
	for _, o := range c.operands[1:] {
		if o.name != "" {
			return "", invalid("Invalid KeyConditionExpression: the key %s can be compared with values only", name)
		}
		if o.value.kind != "S" {
			return "", badValue("Condition parameter type does not match schema type")
		}
		if o.value.text == "" {
			return "", emptyKey(name)
		}
	}
	return name, nil
}

// limit narrows the sort keys.
func (s *span) limit(c *condition) {
	v := c.operands[1].value.text
	switch c.op {
	case "=":
		s.low, s.high = v, v
	case "<", "<=":
		s.high, s.highOpen = v, c.op == "<"
	case ">", ">=":
		s.low, s.lowOpen = v, c.op == ">"
	case "BETWEEN":
		s.low, s.high = v, c.operands[2].value.text
	case "begins_with":
		s.low, s.high = v, v+afterAll
	}
}

func (s span) contains(k key) bool {
	if k.partition != s.partition || k.sort < s.low || k.sort > s.high {
		return false
	}
	return (k.sort != s.low || !s.lowOpen) && (k.sort != s.high || !s.highOpen)
}
