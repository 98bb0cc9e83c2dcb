package consul

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

// Inspect asks the agent for its version, if the token may, and reads what the token has to be allowed to read.
func (s *Store) Inspect(ctx context.Context) (string, error) {
	version, err := s.version(ctx)
	if err != nil {
		return "", err
	}
	name := "consul (the token may not ask for its version)"
	if version != "" {
		if name, err = backend.AtLeast("consul", version, 1, 14); err != nil {
			return "", err
		}
	}
	if _, err := s.read(ctx, get(s.layout.head(store.Shared))); err != nil {
		return "", err
	}
	return name, nil
}

// version returns "" if the token may not ask for it.
func (s *Store) version(ctx context.Context) (string, error) {
	var agent struct{ Config struct{ Version string } }
	err := s.call(ctx, request{method: http.MethodGet, path: "/v1/agent/self"}, func(resp *http.Response) error {
		return json.UnmarshalRead(resp.Body, &agent)
	})
	if r := (*refusal)(nil); errors.As(err, &r) && r.status == http.StatusForbidden {
		return "", nil
	}
	return agent.Config.Version, err
}

// Realms lists the heads.
func (s *Store) Realms(ctx context.Context) ([]store.Realm, error) {
	pairs, err := s.read(ctx, get(s.layout.heads()), getTree(s.layout.heads()))
	if err != nil {
		return nil, err
	}
	var realms []store.Realm
	for _, p := range pairs[1:] {
		if realm, ok := s.layout.realm(p.Key); ok {
			realms = append(realms, realm)
		}
	}
	return realms, nil
}
