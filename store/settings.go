package store

import (
	"fmt"
	"slices"
	"strings"

	"github.com/event-gateway/event-gateway/store/keyring"
)

// sealedValue is how a secret is stored.
type sealedValue struct {
	Sealed []byte `json:"sealed"`
}

// Settings are those of one function, with its secrets in the clear: for whoever calls it.
type Settings struct {
	Space, Function string
	Provider
}

// Open opens the secrets of f. An error says which one does not open, and why.
func (f *Function) Open(keys *keyring.Keys) (Settings, error) {
	settings, err := eachSecret(nil, f.Provider.settings, func(path []string, s *setting) (err error) {
		switch {
		case s.text == Masked: // which nobody can have meant
			return fmt.Errorf("it is %q, which is no secret", Masked)
		case s.sealed == nil: // it was stored before secrets were sealed
			return nil
		}
		s.text, err = keys.Open(s.sealed, f.place(path))
		s.sealed = nil
		return err
	})
	return Settings{f.Space, f.ID, Provider{settings}}, err
}

// checkOpened looks once more at the settings of a function, now that what a client sent as Masked is there, too. Secrets that do not open
// are for the calls to tell.
func (r *Rules) checkOpened(f *Function) error {
	t := r.types[f.Kind()]
	if t == nil || t.Check == nil {
		return nil
	}
	if s, err := f.Open(r.keys); err == nil {
		return t.Check(s.Provider)
	}
	return nil
}

// sealed returns the settings p of f with the secrets sealed that are not yet. What is sealed does not open in another place.
func (f *Function) sealed(p Provider, keys *keyring.Keys) (Provider, error) {
	settings, err := eachSecret(nil, p.settings, func(path []string, s *setting) (err error) {
		if s.sealed == nil {
			s.sealed, err = keys.Seal(s.text, f.place(path))
			s.text = ""
		}
		return err
	})
	return Provider{settings}, err
}

// sealedAway returns 1 for a function that has a secret which the keys do not open, whatever is in it, and 0 for all else.
func (r *Rules) sealedAway(rec any) int {
	if f, ok := rec.(*Function); ok && containsSealedAway(f.Provider.settings, r.keys) {
		return 1
	}
	return 0
}

func containsSealedAway(settings []setting, keys *keyring.Keys) bool {
	for i := range settings {
		if s := &settings[i]; s.sealed != nil && !keys.Has(keyring.KeyID(s.sealed)) || containsSealedAway(s.members, keys) {
			return true
		}
	}
	return false
}

// place is what a secret is bound to. None of its parts can have a zero byte but the last, the name of a header.
func (f *Function) place(path []string) string {
	return f.Space + "\x00" + f.ID + "\x00" + strings.Join(path, "\x00")
}

// eachSecret returns a copy of settings in which change has changed the secrets that this version knows.
func eachSecret(path []string, settings []setting, change func(path []string, s *setting) error) ([]setting, error) {
	settings = slices.Clone(settings)
	for i := range settings {
		s := &settings[i]
		at := append(slices.Clone(path), s.name)
		var err error
		if s.members != nil {
			s.members, err = eachSecret(at, s.members, change)
		} else if s.secret && s.raw == nil {
			if err = change(at, s); err != nil {
				err = fmt.Errorf("provider.%s: %w", strings.Join(at, "."), err)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return settings, nil
}
