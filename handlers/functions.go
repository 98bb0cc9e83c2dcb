package handlers

import (
	"context"

	"github.com/event-gateway/event-gateway/store"
)

func functions() resource[*store.Function] {
	return resource[*store.Function]{
		plural:   "functions",
		list:     (*store.Snapshot).Functions,
		get:      (*store.Config).Function,
		metadata: func(f *store.Function) map[string]string { return f.Metadata },
		rev:      func(f *store.Function) store.Rev { return f.Rev },
		id:       func(f *store.Function) string { return f.ID },
		delete:   (*store.Config).DeleteFunction,
		create: func(config *store.Config, ctx context.Context, space string, body []byte) (*store.Function, error) {
			f, err := config.Rules().DecodeFunction(body, space, "")
			if err != nil {
				return nil, err
			}
			return config.CreateFunction(ctx, f)
		},
		update: func(config *store.Config, ctx context.Context, space, id string, body []byte, match store.Match) (*store.Function, error) {
			f, err := config.Rules().DecodeFunction(body, space, id)
			if err != nil {
				return nil, err
			}
			return config.UpdateFunction(ctx, f, match)
		},
	}
}
