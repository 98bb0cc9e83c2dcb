package dynamodb

import (
	"maps"
	"slices"
	"strings"
)

// update is an UpdateExpression: what becomes of the attributes, in any order.
type update []assignment

type assignment struct {
	name string
	do   func(old item) (v value, keep bool, err error)
}

// update reads SET, REMOVE and ADD.
func (e *expressions) update(text string) (update, error) {
	p, err := e.parse("UpdateExpression", text)
	if err != nil {
		return nil, err
	}
	var u update
	sections := map[string]bool{}
	for p.tokens[0] != "" {
		section := strings.ToUpper(p.tokens[0])
		read := map[string]func() (assignment, error){"SET": p.set, "REMOVE": p.remove, "ADD": p.add}[section]
		if read == nil {
			if section == "DELETE" {
				return nil, p.invalid("the section DELETE is not known to this server")
			}
			return nil, p.unexpected()
		}
		if sections[section] {
			return nil, p.invalid("The %q section can only be used once in an update expression;", section)
		}
		sections[section] = true
		p.next()
		for again := true; again; again = p.is(",") {
			a, err := read()
			if err != nil {
				return nil, err
			}
			if slices.ContainsFunc(u, func(b assignment) bool { return a.name == b.name }) {
				return nil, p.twice(a.name)
			}
			u = append(u, a)
		}
	}
	return u, nil
}

// amount is a value that may depend on the item.
type amount func(old item) (value, error)

func (p *parser) set() (assignment, error) {
	name, err := p.name()
	if err == nil {
		err = p.expect("=")
	}
	if err != nil {
		return assignment{}, err
	}
	a, err := p.amount()
	if err != nil {
		return assignment{}, err
	}
	if sign := p.tokens[0]; sign == "+" || sign == "-" {
		p.next()
		first := a
		second, err := p.amount()
		if err != nil {
			return assignment{}, err
		}
		a = func(old item) (value, error) {
			x, err := first(old)
			if err != nil {
				return value{}, err
			}
			y, err := second(old)
			if err != nil {
				return value{}, err
			}
			return plus(x, y, sign == "-")
		}
	}
	return assignment{name, func(old item) (value, bool, error) {
		v, err := a(old)
		return v, true, err
	}}, nil
}

// amount reads an operand, or if_not_exists.
func (p *parser) amount() (amount, error) {
	if p.tokens[0] != "" && p.tokens[1] == "(" {
		return p.ifNotExists()
	}
	o, err := p.operand()
	return func(old item) (value, error) {
		v, ok := o.of(old)
		if !ok {
			return v, invalid("The provided expression refers to an attribute that does not exist in the item")
		}
		return v, nil
	}, err
}

func (p *parser) ifNotExists() (amount, error) {
	switch f := p.next(); f {
	case "if_not_exists":
	case "list_append":
		return nil, p.invalid("the function %s is not known to this server", f)
	default:
		return nil, p.invalid("Invalid function name; function: %s", f)
	}
	p.next() // the parenthesis
	name, err := p.name()
	if err == nil {
		err = p.expect(",")
	}
	if err != nil {
		return nil, err
	}
	other, err := p.amount()
	if err != nil {
		return nil, err
	}
	return func(old item) (value, error) {
		if v, ok := old[name]; ok {
			return v, nil
		}
		return other(old)
	}, p.expect(")")
}

func (p *parser) remove() (assignment, error) {
	name, err := p.name()
	return assignment{name, func(item) (value, bool, error) { return value{}, false, nil }}, err
}

// add adds to a number, which is 0 if it is not there.
func (p *parser) add() (assignment, error) {
	name, err := p.name()
	if err != nil {
		return assignment{}, err
	}
	o, err := p.operand()
	if err != nil {
		return assignment{}, err
	}
	if o.name != "" || o.value.kind != "N" {
		return assignment{}, p.invalid("Incorrect operand type for operator or function; operator: ADD, operand type: %s", o.value.kind)
	}
	return assignment{name, func(old item) (value, bool, error) {
		now, ok := old[name]
		if !ok {
			now = value{"N", "0"}
		}
		v, err := plus(now, o.value, false)
		return v, true, err
	}}, nil
}

// of returns what becomes of an item.
func (u update) of(old item, k item) (item, error) {
	i := maps.Clone(old)
	if i == nil {
		i = maps.Clone(k)
	}
	for _, a := range u {
		v, keep, err := a.do(old)
		if err != nil {
			return nil, err
		}
		delete(i, a.name)
		if keep {
			i[a.name] = v
		}
	}
	return i, nil
}
