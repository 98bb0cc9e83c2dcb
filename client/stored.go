package client

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Stored is what all objects have that the gateway keeps.
type Stored struct {
	// Revision changes whenever the object does. It is the object's ETag, quotes included.
	Revision string `json:"-"`

	unknown map[string]json.RawMessage // members that only a newer version of this package has a field for
}

// encode returns an object as it is sent.
func (r *Resource[T]) encode(object T) ([]byte, parts, error) {
	p := r.parts(&object)
	if p.drop != nil {
		p.drop()
	}
	b, err := json.Marshal(object)
	if err == nil && len(p.stored.unknown) > 0 {
		b, err = withMembers(b, p.stored.unknown)
	}
	if err != nil {
		return nil, p, fmt.Errorf("event gateway: the %s %q cannot be written as JSON: %w", r.kind, p.id, err)
	}
	return b, p, nil
}

func withMembers(object []byte, more map[string]json.RawMessage) ([]byte, error) {
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(object, &all); err != nil {
		return nil, err
	}
	for name, value := range more {
		all[name] = value
	}
	return json.Marshal(all)
}

// decode reads an object, and keeps what there is no field for.
func (r *Resource[T]) decode(b []byte, object *T) error {
	var members map[string]json.RawMessage
	err := json.Unmarshal(b, &members)
	if err == nil {
		err = json.Unmarshal(b, object)
	}
	if err != nil || members == nil {
		return r.unreadable("a "+r.kind, err)
	}
	t := reflect.TypeFor[T]()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		delete(members, name)
	}
	if len(members) > 0 {
		r.parts(object).stored.unknown = members
	}
	return nil
}
