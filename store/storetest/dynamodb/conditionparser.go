package dynamodb

import "strings"

// condition returns a request's condition; nil: there is none.
func (e *expressions) condition(kind string, text *string) (*condition, error) {
	if text == nil {
		return nil, nil
	}
	p, err := e.parse(kind, *text)
	if err != nil {
		return nil, err
	}
	c, err := p.or()
	if err != nil {
		return nil, err
	}
	return c, p.expect("")
}

func (p *parser) or() (*condition, error) {
	return p.list("OR", func() (*condition, error) { return p.list("AND", p.not) })
}

// list reads parts with a keyword between them.
func (p *parser) list(keyword string, part func() (*condition, error)) (*condition, error) {
	first, err := part()
	if err != nil || !strings.EqualFold(p.tokens[0], keyword) {
		return first, err
	}
	c := &condition{op: keyword, parts: []*condition{first}}
	for p.is(keyword) {
		next, err := part()
		if err != nil {
			return nil, err
		}
		c.parts = append(c.parts, next)
	}
	return c, nil
}

func (p *parser) not() (*condition, error) {
	if p.is("NOT") {
		part, err := p.not()
		return &condition{op: "NOT", parts: []*condition{part}}, err
	}
	outer := len(p.tokens)
	if !p.is("(") {
		return p.test()
	}
	inner := len(p.tokens)
	c, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.closed[inner] == len(p.tokens) {
		return nil, p.invalid("The expression has redundant parentheses;")
	}
	err = p.expect(")")
	p.closed[outer] = len(p.tokens)
	return c, err
}

// test reads a comparison or a function.
func (p *parser) test() (*condition, error) {
	if p.tokens[0] != "" && p.tokens[1] == "(" {
		return p.function()
	}
	first, err := p.operand()
	if err != nil {
		return nil, err
	}
	c := &condition{op: strings.ToUpper(p.tokens[0]), operands: []operand{first}}
	switch c.op {
	case "=", "<>", "<", "<=", ">", ">=":
		p.next()
		err = p.operands(c, 1, "")
	case "BETWEEN":
		p.next()
		err = p.operands(c, 2, "AND")
	case "IN":
		err = p.invalid("the operator IN is not known to this server")
	default:
		err = p.unexpected()
	}
	if err == nil {
		err = p.types(c)
	}
	return c, err
}

// operands reads n of them, with a separator between them.
func (p *parser) operands(c *condition, n int, separator string) error {
	for i := range n {
		if i > 0 {
			if err := p.expect(separator); err != nil {
				return err
			}
		}
		o, err := p.operand()
		if err != nil {
			return err
		}
		c.operands = append(c.operands, o)
	}
	return nil
}

func (p *parser) function() (*condition, error) {
	c := &condition{op: p.next()}
	n := 1
	switch c.op {
	case "attribute_exists", "attribute_not_exists":
	case "begins_with":
		n = 2
	case "attribute_type", "contains", "size":
		return nil, p.invalid("the function %s is not known to this server", c.op)
	default:
		return nil, p.invalid("Invalid function name; function: %s", c.op)
	}
	p.next() // the parenthesis
	if err := p.operands(c, n, ","); err != nil {
		return nil, err
	}
	if n == 1 && c.operands[0].name == "" {
		return nil, p.invalid("Operator or function requires a document path; operator or function: %s", c.op)
	}
	if err := p.types(c); err != nil {
		return nil, err
	}
	return c, p.expect(")")
}

// types refuses values that can have no order, or no beginning.
func (p *parser) types(c *condition) error {
	allowed := "SNB"
	switch c.op {
	case "=", "<>":
		return nil
	case "begins_with":
		allowed = "SB"
	}
	for _, o := range c.operands {
		if o.name == "" && (len(o.value.kind) != 1 || !strings.Contains(allowed, o.value.kind)) {
			return p.invalid("Incorrect operand type for operator or function; operator or function: %s, operand type: %s", c.op, o.value.kind)
		}
	}
	if c.op != "BETWEEN" || c.operands[1].name != "" || c.operands[2].name != "" {
		return nil
	}
	low, high := c.operands[1].value, c.operands[2].value
	needs := ""
	switch {
	case low.kind != high.kind:
		needs = "same data type for lower and upper bounds"
	case low.compare(high) > 0:
		needs = "upper bound to be greater than or equal to lower bound"
	default:
		return nil
	}
	return p.invalid("The BETWEEN operator requires %s; lower bound operand: AttributeValue: {%s:%s}, "+
		"upper bound operand: AttributeValue: {%s:%s}", needs, low.kind, low.text, high.kind, high.text)
}
