package store

import "context"

// CreateCORS adds a CORS record for requests that the space has none for yet.
func (c *Config) CreateCORS(ctx context.Context, rec *CORS) (*CORS, error) {
	t := corsThing(rec.Space, rec.ID)
	return create(ctx, c, t, rec, errorf(Exists, "%s already exists.", t.name), func(s *Snapshot) error { return s.corsFree(rec) })
}

// UpdateCORS replaces what may change of the CORS record with the given id.
func (c *Config) UpdateCORS(ctx context.Context, id string, rec *CORS, match Match) (*CORS, error) {
	return replace(ctx, c, corsThing(rec.Space, id), match, func(old *CORS) (*CORS, error) {
		rec.Extra = old.Extra
		return rec, rec.checkUpdate(old)
	})
}

// DeleteCORS removes a CORS record.
func (c *Config) DeleteCORS(ctx context.Context, space, id string, match Match) (Rev, error) {
	return remove[*CORS](ctx, c, corsThing(space, id), match, func(*Snapshot) error { return nil })
}
