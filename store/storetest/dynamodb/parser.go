package dynamodb

import "strings"

// parser reads an expression, token by token.
type parser struct {
	*expressions
	kind   string
	tokens []string // those to come; the last is ""
	last   string   // the token before them
	// closed holds, by the number of tokens to come at an opening parenthesis, their number after the closing one.
	closed map[int]int
}

// invalid is an error of the expression.
func (p *parser) invalid(format string, args ...any) error {
	return invalid("Invalid "+p.kind+": "+format, args...)
}

// twice is the error of an expression that names an attribute twice.
func (p *parser) twice(name string) error {
	return p.invalid("Two document paths overlap with each other; must remove or rewrite one of these paths; "+
		"path one: [%s], path two: [%[1]s]", name)
}

const (
	digits  = "0123456789"
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
)

func (p *parser) scan(text string) error {
	for text = strings.TrimLeft(text, " \t\r\n"); text != ""; text = strings.TrimLeft(text, " \t\r\n") {
		n := 1
		switch {
		case strings.HasPrefix(text, "<=") || strings.HasPrefix(text, ">=") || strings.HasPrefix(text, "<>"):
			n = 2
		case strings.ContainsRune("=<>(),+-", rune(text[0])):
		case strings.ContainsRune(letters+"#:", rune(text[0])):
			n = len(text) - len(strings.TrimLeft(text[1:], letters+digits))
			if n == 1 && (text[0] == '#' || text[0] == ':') {
				return p.strange(text)
			}
		case text[0] == '.' || text[0] == '[':
			return p.invalid("paths into documents are not known to this server; near: %q", text)
		default:
			return p.strange(text)
		}
		p.tokens = append(p.tokens, text[:n])
		text = text[n:]
	}
	p.tokens = append(p.tokens, "")
	return nil
}

// strange is a syntax error where no token begins.
func (p *parser) strange(near string) error {
	return p.invalid("Syntax error; token: %q, near: %q", near[:1], near[:min(8, len(near))])
}

// unexpected is a syntax error at the next token.
func (p *parser) unexpected() error {
	token, near := p.tokens[0], p.last
	for _, t := range p.tokens[:min(2, len(p.tokens))] {
		near += " " + t
	}
	if token == "" {
		token = "<EOF>"
	}
	return p.invalid("Syntax error; token: %q, near: %q", token, strings.TrimSpace(near))
}

// next returns the next token, and takes it.
func (p *parser) next() string {
	token := p.tokens[0]
	if token != "" {
		p.last, p.tokens = token, p.tokens[1:]
	}
	return token
}

// is says whether the next token is this keyword or sign, and takes it if so.
func (p *parser) is(token string) bool {
	if !strings.EqualFold(p.tokens[0], token) {
		return false
	}
	p.next()
	return true
}

// expect takes a sign.
func (p *parser) expect(token string) error {
	if !p.is(token) {
		return p.unexpected()
	}
	return nil
}

// name takes the name of an attribute.
func (p *parser) name() (string, error) {
	token := p.tokens[0]
	switch {
	case strings.HasPrefix(token, "#"):
		name, ok := p.names[token]
		if !ok {
			return "", p.invalid("An expression attribute name used in the document path is not defined; attribute name: %s", token)
		}
		p.used[token] = true
		p.next()
		return name, nil
	case token == "" || !strings.ContainsAny(token[:1], letters):
		return "", p.unexpected()
	case reserved(token):
		return "", p.invalid("Attribute name is a reserved keyword; reserved keyword: %s", token)
	}
	return p.next(), nil
}

// operand is an attribute, or a value.
type operand struct {
	name  string // "": it is a value
	value value
}

func (p *parser) operand() (operand, error) {
	token := p.tokens[0]
	if !strings.HasPrefix(token, ":") {
		name, err := p.name()
		return operand{name: name}, err
	}
	v, ok := p.values[token]
	if !ok {
		return operand{}, p.invalid("An expression attribute value used in expression is not defined; attribute value: %s", token)
	}
	p.used[token] = true
	p.next()
	return operand{value: v}, nil
}

// of returns the operand's value for an item.
func (o operand) of(i item) (value, bool) {
	if o.name == "" {
		return o.value, true
	}
	v, ok := i[o.name]
	return v, ok
}
