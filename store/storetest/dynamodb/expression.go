package dynamodb

import (
	"slices"
	"strings"
)

// expressions are those of one request or one action of a transaction, with the placeholders that they share.
type expressions struct {
	names  map[string]string // of ExpressionAttributeNames
	values map[string]value  // of ExpressionAttributeValues
	used   map[string]bool   // placeholders
	given  bool              // there is an expression
}

func newExpressions(names map[string]string, values map[string]value) (*expressions, error) {
	if names != nil && len(names) == 0 {
		return nil, invalid("ExpressionAttributeNames must not be empty")
	}
	if values != nil && len(values) == 0 {
		return nil, invalid("ExpressionAttributeValues must not be empty")
	}
	for short, name := range names {
		if name == "" {
			return nil, invalid("ExpressionAttributeNames contains an empty name: %s", short)
		}
	}
	return &expressions{names: names, values: values, used: map[string]bool{}}, nil
}

// done refuses placeholders that no expression needed.
func (e *expressions) done() error {
	if !e.given && e.names != nil {
		return invalid("ExpressionAttributeNames can only be specified when using expressions")
	}
	if !e.given && e.values != nil {
		return invalid("ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null")
	}
	var unused []string
	for name := range e.names {
		if !e.used[name] {
			unused = append(unused, name)
		}
	}
	if len(unused) > 0 {
		slices.Sort(unused)
		return invalid("Value provided in ExpressionAttributeNames unused in expressions: keys: {%s}", strings.Join(unused, ", "))
	}
	for name := range e.values {
		if !e.used[name] {
			unused = append(unused, name)
		}
	}
	if len(unused) > 0 {
		slices.Sort(unused)
		return invalid("Value provided in ExpressionAttributeValues unused in expressions: keys: {%s}", strings.Join(unused, ", "))
	}
	return nil
}

// parse returns a parser of an expression. kind is the request's name of it.
func (e *expressions) parse(kind, text string) (*parser, error) {
	e.given = true
	if strings.TrimSpace(text) == "" {
		return nil, invalid("Invalid %s: The expression can not be empty;", kind)
	}
	if len(text) > 4096 {
		return nil, invalid("Invalid %s: Expression size has exceeded the maximum allowed size; expression size: %d", kind, len(text))
	}
	p := &parser{expressions: e, kind: kind, closed: map[int]int{}}
	return p, p.scan(text)
}

// projection returns the attributes that a request asks for; nil: all.
func (e *expressions) projection(text *string) ([]string, error) {
	if text == nil {
		return nil, nil
	}
	p, err := e.parse("ProjectionExpression", *text)
	if err != nil {
		return nil, err
	}
	var names []string
	for {
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		if slices.Contains(names, name) {
			return nil, p.twice(name)
		}
		names = append(names, name)
		if !p.is(",") {
			break
		}
	}
	return names, p.expect("")
}
