package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/event-gateway/event-gateway/store/keyring"
)

// Resealed is what Reseal did.
type Resealed struct {
	Functions int     // that have secrets
	Written   int     // of them, whose secrets are now sealed with the primary key
	Failed    []error // one for each that could not be, in any order
}

// errNewer is why a function is not sealed anew.
var errNewer = errors.New("it was written by a newer version, or cannot be read, and may have secrets that this version does not know")

// Reseal seals the secrets of all functions of a realm with the primary key of the rules, also those that were stored before secrets were sealed.
func Reseal(ctx context.Context, s Store, realm Realm, rules *Rules) (Resealed, error) {
	var done Resealed
	live := NewLive(s, realm, rules, slog.New(slog.DiscardHandler))
	if err := live.CatchUp(ctx); err != nil {
		return done, err
	}
	config := NewConfig(s, live, rules)
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(MaxOps) // the writer makes one commit of those that wait at once
	live.Snapshot().items.Scan(func(key string, rec any) bool {
		f, isFunction := rec.(*Function)
		if strings.HasPrefix(key, functionKind+"/") && (!isFunction || f.hasRaw()) { // if an old key goes, nothing may need it any more
			done.Failed = append(done.Failed, fmt.Errorf("%s: %w", key, errNewer))
		}
		return true
	})
	for f := range list[*Function](live.Snapshot(), functionKind+"/") {
		secrets, current := f.secrets(rules.keys)
		if secrets > 0 {
			done.Functions++
		}
		if secrets == current {
			continue
		}
		g.Go(func() error {
			err := config.reseal(ctx, f.Space, f.ID)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				done.Failed = append(done.Failed, fmt.Errorf("function %q of the space %q: %w", f.ID, f.Space, err))
			} else {
				done.Written++
			}
			return nil
		})
	}
	return done, g.Wait()
}

// reseal writes a function with its secrets sealed anew. One that is gone meanwhile is no error.
func (c *Config) reseal(ctx context.Context, space, id string) error {
	_, err := replace(ctx, c, functionThing(space, id), nil, func(old *Function) (*Function, error) {
		open, err := old.Open(c.rules.keys)
		if err != nil {
			return nil, err
		}
		return c.sealed(old.with(open.Provider), &Function{})
	})
	if c.live.Snapshot().Function(space, id) == nil {
		return nil
	}
	return err
}

// hasRaw says whether f has settings that this version does not know.
func (f *Function) hasRaw() bool {
	return len(f.Extra) > 0 || containsRaw(f.Provider.settings)
}

func containsRaw(settings []setting) bool {
	return slices.ContainsFunc(settings, func(s setting) bool { return s.raw != nil || containsRaw(s.members) })
}

// secrets returns how many secrets f has, and how many of them are sealed with the primary key.
func (f *Function) secrets(keys *keyring.Keys) (all, current int) {
	_, _ = eachSecret(nil, f.Provider.settings, func(_ []string, s *setting) error {
		all++
		if s.sealed != nil && keyring.KeyID(s.sealed) == keys.Primary() {
			current++
		}
		return nil
	})
	return all, current
}
