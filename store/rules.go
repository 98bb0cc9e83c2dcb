package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/go-playground/validator/v10"

	"github.com/event-gateway/event-gateway/store/keyring"
)

// Rules reads and checks what people and databases hand us as functions, subscriptions, event types and CORS records. It is safe for concurrent use.
type Rules struct {
	types    map[string]*FunctionType
	compat   bool
	keys     *keyring.Keys
	validate *validator.Validate
}

// NewRules returns the rules for a gateway that knows the given types of functions. compat takes what was taken in 2018. keys seal the
// secrets of functions; without any a function that has secrets is refused.
func NewRules(types []FunctionType, compat bool, keys *keyring.Keys) *Rules {
	r := &Rules{types: make(map[string]*FunctionType, len(types)), compat: compat, keys: keys, validate: validator.New()}
	for _, t := range types {
		r.types[t.Name] = &t
	}
	name := regexp.MustCompile(`^[a-zA-Z0-9.\-_]+$`)
	matches := func(f validator.FieldLevel) bool { return name.MatchString(f.Field().String()) }
	isPath := func(f validator.FieldLevel) bool { return checkPath(f.Field().String()) == nil }
	// The tags are part of the messages that clients know (contract, 2.3).
	for tag, check := range map[string]validator.Func{
		"space": matches, "functionid": matches, "eventtype": matches, "eventType": matches, "name": matches, "path": isPath,
	} {
		if err := r.validate.RegisterValidation(tag, check); err != nil {
			panic(err) // only for an empty tag
		}
	}
	return r
}

// check runs the struct tags of v, in the words that clients know: one line a field, joined by newlines.
func (r *Rules) check(v any) error { return r.validate.Struct(v) }

// decode reads one JSON object from a client into v, strictly: exact case, no duplicate members, nothing behind it. extra is where v
// keeps members that it does not know: a stored record may have them, a client's may not.
func decode(body []byte, v any, extra *jsontext.Value) error {
	err := json.Unmarshal(body, v, json.RejectUnknownMembers(true)) // in nested objects, which have no extra
	var semantic *json.SemanticError
	switch {
	case errors.Is(err, json.ErrUnknownName) && errors.As(err, &semantic):
		return fmt.Errorf("unknown member %q", semantic.JSONPointer.LastToken())
	case err == nil:
		for name := range members(*extra) {
			return fmt.Errorf("unknown member %q", name)
		}
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	case errors.As(err, &semantic) && semantic.JSONPointer != "":
		return fmt.Errorf("%s must be %s", strings.ReplaceAll(strings.TrimPrefix(string(semantic.JSONPointer), "/"), "/", "."), wanted(semantic.GoType))
	case errors.As(err, &semantic):
		return errors.New("the body must be a JSON object")
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		return fmt.Errorf("the body is not valid JSON: %w at byte %d", syntactic.Err, syntactic.ByteOffset)
	}
	return err
}

func wanted(t reflect.Type) string {
	if t == nil {
		return "of another type"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	}
	return "an object"
}

// members returns the names of an object's members, or nil if body is no JSON object.
func members(body []byte) map[string]bool {
	d := jsontext.NewDecoder(bytes.NewReader(body))
	if t, err := d.ReadToken(); err != nil || t.Kind() != jsontext.BeginObject.Kind() {
		return nil
	}
	names := map[string]bool{}
	for d.PeekKind() == '"' {
		t, err := d.ReadToken()
		if err != nil {
			return names
		}
		names[t.String()] = true
		if d.SkipValue() != nil {
			return names
		}
	}
	return names
}
