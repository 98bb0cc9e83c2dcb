package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Masked stands for a secret in all that leaves the gateway. A client that sends it back keeps the secret as it was.
const Masked = "****"

// Provider holds the settings that say how a function is called, in the order of its type's fields. However it is printed,
// encoded or logged, secrets come out as Masked; only a stored record has them, sealed.
type Provider struct {
	settings []setting
}

// setting is one value; what it holds depends on the kind.
type setting struct {
	name    string
	kind    Kind
	secret  bool
	address bool
	text    string         // of a Text, and "true" of a Flag
	sealed  []byte         // of a secret that comes from the store: then there is no text
	members []setting      // of a Map or an Object
	raw     jsontext.Value // of a setting that this version does not know: kept, shown to nobody
}

// find returns the setting at a path of names, or nil.
func (p Provider) find(path []string) *setting {
	settings := p.settings
	for {
		i := slices.IndexFunc(settings, func(s setting) bool { return s.name == path[0] })
		if i < 0 {
			return nil
		}
		if len(path) == 1 {
			return &settings[i]
		}
		settings, path = settings[i].members, path[1:]
	}
}

// Text returns the setting at a path of names, such as "auth", "bearer", or "".
func (p Provider) Text(path ...string) string {
	if s := p.find(path); s != nil {
		return s.text
	}
	return ""
}

// Has says whether there is a setting, also if it is a secret that is still sealed.
func (p Provider) Has(path ...string) bool { return p.find(path) != nil }

// Flag returns a setting that is true or false.
func (p Provider) Flag(path ...string) bool { return p.Text(path...) == "true" }

// Map yields the names and values of a setting of kind Map, in the order of the names.
func (p Provider) Map(path ...string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		s := p.find(path)
		if s == nil {
			return
		}
		for _, m := range s.members {
			if !yield(m.name, m.text) {
				return
			}
		}
	}
}

// MarshalJSONTo writes the settings with the secrets masked.
func (p Provider) MarshalJSONTo(e *jsontext.Encoder) error {
	return encodeSettings(e, p.settings, false)
}

// LogValue returns the settings with the secrets masked.
func (p Provider) LogValue() slog.Value { return slog.StringValue(p.String()) }

// String returns the settings as JSON with the secrets masked.
func (p Provider) String() string {
	var b bytes.Buffer
	if err := encodeSettings(jsontext.NewEncoder(&b), p.settings, false); err != nil {
		return "{}"
	}
	return string(bytes.TrimSpace(b.Bytes()))
}

// Format keeps secrets out of whatever verb a Provider is printed with.
func (p Provider) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }

// encodeSettings writes settings as a JSON object. Those for the store have their secrets, sealed.
func encodeSettings(e *jsontext.Encoder, settings []setting, stored bool) error {
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, s := range settings {
		if s.raw != nil && !stored {
			continue
		}
		if err := e.WriteToken(jsontext.String(s.name)); err != nil {
			return err
		}
		if err := s.encode(e, stored); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndObject)
}

func (s *setting) encode(e *jsontext.Encoder, stored bool) error {
	switch {
	case s.kind == Map, s.kind == Object:
		return encodeSettings(e, s.members, stored)
	case s.secret && !stored:
		return e.WriteToken(jsontext.String(Masked))
	case s.raw != nil:
		return e.WriteValue(s.raw)
	case s.sealed != nil:
		return json.MarshalEncode(e, sealedValue{s.sealed})
	case s.kind == Flag:
		return e.WriteToken(jsontext.Bool(s.text == "true"))
	}
	return e.WriteToken(jsontext.String(s.text))
}

// keepSecrets returns p with each masked secret replaced by that of old, and with what a newer version has set there. Secrets do not
// follow a function to another host: whoever may change a function need not know them.
func (p Provider) keepSecrets(old Provider) (Provider, error) {
	kept, err := keepMasked(nil, p.settings, old.settings)
	if err == nil && hasMasked(p.settings) {
		err = p.sameAddress(old)
	}
	return Provider{kept}, err
}

func hasMasked(settings []setting) bool {
	return slices.ContainsFunc(settings, func(s setting) bool { return s.secret && s.text == Masked || hasMasked(s.members) })
}

// sameAddress returns an error if secrets of p would go to another host than those of old.
func (p Provider) sameAddress(old Provider) error {
	for _, s := range slices.Concat(p.settings, old.settings) {
		if s.address && origin(p.Text(s.name)) != origin(old.Text(s.name)) {
			return fmt.Errorf("provider.%s is on another host than before: send the secrets, too, which %q keeps only where the host stays", s.name, Masked)
		}
	}
	return nil
}

// origin returns what of a URL or host says who gets what is sent there.
func origin(address string) string {
	if address != "" && !strings.Contains(address, "://") {
		address = "https://" + address
	}
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

func keepMasked(path []string, settings, old []setting) ([]setting, error) {
	kept := make([]setting, 0, len(settings))
	for _, s := range settings {
		at := append(slices.Clone(path), s.name)
		had := Provider{old}.find(at[len(path):])
		switch {
		case s.members != nil:
			var before []setting
			if had != nil {
				before = had.members
			}
			var err error
			if s.members, err = keepMasked(at, s.members, before); err != nil {
				return nil, err
			}
		case s.secret && s.text == Masked:
			if had == nil || !had.secret || had.raw != nil || had.kind != s.kind {
				return nil, fmt.Errorf("provider.%s is %q, which stands for the value that the function has, but it has none", strings.Join(at, "."), Masked)
			}
			s = *had
		}
		kept = append(kept, s)
	}
	for _, s := range old {
		if s.raw != nil && (Provider{kept}).find([]string{s.name}) == nil {
			kept = append(kept, s)
		}
	}
	return kept, nil
}

// withoutRaw returns the settings that this version knows.
func withoutRaw(settings []setting) []setting {
	settings = slices.DeleteFunc(slices.Clone(settings), func(s setting) bool { return s.raw != nil })
	for i := range settings {
		settings[i].members = withoutRaw(settings[i].members)
	}
	return settings
}

// provider reads the settings of a function. The type is that of the function or, in the shape of release 0.6, stands among the
// settings. A stored record may have settings that this version does not know; a client's may not.
func (r *Rules) provider(name string, raw jsontext.Value, stored bool) (Provider, *FunctionType, error) {
	var values map[string]jsontext.Value
	if err := json.Unmarshal(raw, &values); err != nil || values == nil {
		return Provider{}, nil, errors.New("provider configuration not set")
	}
	var p Provider
	if name == "" {
		if json.Unmarshal(values["type"], &name) != nil {
			return Provider{}, nil, errors.New("the function has no type")
		}
		p.settings = append(p.settings, setting{name: "type", text: name})
		delete(values, "type")
	}
	t := r.types[name]
	if t == nil {
		return Provider{}, nil, fmt.Errorf("provider %s not supported", name)
	}
	d := settingsDecoder{t, stored}
	settings, err := d.fields(nil, t.Fields, values)
	p.settings = append(p.settings, settings...)
	return p, t, err
}

// settingsDecoder reads the settings of a function of one type.
type settingsDecoder struct {
	t      *FunctionType
	stored bool
}

func (d settingsDecoder) fields(path []string, fields []Field, values map[string]jsontext.Value) ([]setting, error) {
	var list []setting
	var missing error
	for _, f := range fields {
		at := append(slices.Clone(path), f.Name)
		s := setting{name: f.Name, kind: f.Kind, secret: f.Secret, address: f.Address}
		value, given := values[f.Name]
		delete(values, f.Name)
		if given {
			if err := d.value(&s, at, f, value); err != nil {
				return nil, err
			}
		}
		if empty := s.text == "" && s.sealed == nil && len(s.members) == 0; !empty {
			list = append(list, s)
		} else if f.Required {
			missing = fmt.Errorf("missing required fields for %s", d.t.Title)
		} else if given && (f.Kind == Map || f.Kind == Object) && !d.stored {
			return nil, fmt.Errorf("provider.%s has no settings: give it some, or leave it out", strings.Join(at, "."))
		}
	}
	for _, unknown := range slices.Sorted(maps.Keys(values)) {
		if !d.stored {
			return nil, fmt.Errorf("unknown member %q of the provider of type %s", strings.Join(append(path, unknown), "."), d.t.Name)
		}
		list = append(list, setting{name: unknown, secret: true, raw: values[unknown]})
	}
	return list, missing
}

func (d settingsDecoder) value(s *setting, at []string, f Field, value jsontext.Value) error {
	wrong := func(wanted string) error { return fmt.Errorf("provider.%s must be %s", strings.Join(at, "."), wanted) }
	switch f.Kind {
	case Flag:
		var on bool
		if json.Unmarshal(value, &on) != nil {
			return wrong("true or false")
		}
		if on {
			s.text = "true"
		}
	case Map:
		var named map[string]jsontext.Value
		if json.Unmarshal(value, &named) != nil {
			return wrong("an object of strings")
		}
		for _, name := range slices.Sorted(maps.Keys(named)) {
			m := setting{name: name, secret: f.Secret}
			if err := d.value(&m, append(slices.Clone(at), name), Field{Secret: f.Secret}, named[name]); err != nil {
				return err
			}
			s.members = append(s.members, m)
		}
	case Object:
		var members map[string]jsontext.Value
		if json.Unmarshal(value, &members) != nil {
			return wrong("an object")
		}
		var err error
		s.members, err = d.fields(at, f.Members, members)
		return err
	default:
		if d.stored && f.Secret && value.Kind() == '{' {
			var v sealedValue
			if json.Unmarshal(value, &v) != nil || len(v.Sealed) == 0 {
				return wrong("a sealed secret")
			}
			s.sealed = v.Sealed
		} else if json.Unmarshal(value, &s.text) != nil {
			return wrong("a string")
		}
		s.secret = f.Secret && !slices.Contains(f.Words, s.text)
	}
	return nil
}
