package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Masked stands for a secret in all that leaves the gateway. A client that sends it back keeps the secret as it was.
const Masked = "****"

// Provider holds the settings that say how a function is called, in the order of its type's fields. However it is printed,
// encoded or logged, secrets come out as Masked; only a stored record has them.
type Provider struct {
	settings []setting
}

type setting struct {
	name   string
	secret bool
	text   string         // the value, if raw is nil
	raw    jsontext.Value // of a setting that this version does not know: kept, shown to nobody
}

// Text returns a setting, or "".
func (p Provider) Text(name string) string {
	for _, s := range p.settings {
		if s.name == name {
			return s.text
		}
	}
	return ""
}

// MarshalJSONTo writes the settings with the secrets masked.
func (p Provider) MarshalJSONTo(e *jsontext.Encoder) error { return p.encode(e, false) }

// LogValue returns the settings with the secrets masked.
func (p Provider) LogValue() slog.Value { return slog.StringValue(p.String()) }

// String returns the settings as JSON with the secrets masked.
func (p Provider) String() string {
	var b bytes.Buffer
	if err := p.encode(jsontext.NewEncoder(&b), false); err != nil {
		return "{}"
	}
	return string(bytes.TrimSpace(b.Bytes()))
}

// Format keeps secrets out of whatever verb a Provider is printed with.
func (p Provider) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }

func (p Provider) encode(e *jsontext.Encoder, withSecrets bool) error {
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, s := range p.settings {
		value := s.raw
		if s.secret && !withSecrets {
			value = jsontext.Value(`"` + Masked + `"`)
		} else if value == nil {
			var err error
			if value, err = jsontext.AppendQuote(nil, s.text); err != nil {
				return err
			}
		}
		if err := e.WriteToken(jsontext.String(s.name)); err != nil {
			return err
		}
		if err := e.WriteValue(value); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndObject)
}

// keepSecrets returns p with each masked secret replaced by that of old, and with what a newer version has set there.
func (p Provider) keepSecrets(old Provider) (Provider, error) {
	kept := Provider{settings: make([]setting, 0, len(p.settings))}
	for _, s := range p.settings {
		if s.secret && s.text == Masked {
			if s.text = old.Text(s.name); s.text == "" {
				return p, fmt.Errorf("%s is %q, which stands for the value that the function has, but it has none", s.name, Masked)
			}
		}
		kept.settings = append(kept.settings, s)
	}
	for _, s := range old.settings {
		if s.raw != nil {
			kept.settings = append(kept.settings, s)
		}
	}
	return kept, nil
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
	for _, f := range t.Fields {
		value, given := values[f.Name]
		delete(values, f.Name)
		s := setting{name: f.Name, secret: f.Secret}
		if given && json.Unmarshal(value, &s.text) != nil {
			return p, t, fmt.Errorf("provider.%s must be a string", f.Name)
		}
		if f.Required && s.text == "" {
			return p, t, fmt.Errorf("missing required fields for %s", t.Title)
		}
		if s.text != "" {
			p.settings = append(p.settings, s)
		}
	}
	for unknown, value := range values {
		if !stored {
			return p, t, fmt.Errorf("unknown member %q of the provider of type %s", unknown, name)
		}
		p.settings = append(p.settings, setting{name: unknown, secret: true, raw: value})
	}
	return p, t, nil
}
