package handlers

import (
	"context"

	"github.com/event-gateway/event-gateway/store"
)

func corsRecords() resource[*store.CORS] {
	return resource[*store.CORS]{
		plural:   "cors",
		list:     (*store.Snapshot).CORSRecords,
		get:      (*store.Config).CORSRecord,
		metadata: func(c *store.CORS) map[string]string { return c.Metadata },
		rev:      func(c *store.CORS) store.Rev { return c.Rev },
		id:       func(c *store.CORS) string { return c.ID },
		delete:   (*store.Config).DeleteCORS,
		create: func(config *store.Config, ctx context.Context, space string, body []byte) (*store.CORS, error) {
			c, err := config.Rules().DecodeCORS(body, space)
			if err != nil {
				return nil, err
			}
			return config.CreateCORS(ctx, c)
		},
		update: func(config *store.Config, ctx context.Context, space, id string, body []byte, match store.Match) (*store.CORS, error) {
			c, err := config.Rules().DecodeCORS(body, space)
			if err != nil {
				return nil, err
			}
			return config.UpdateCORS(ctx, id, c, match)
		},
	}
}
