package handlers

import (
	"context"

	"github.com/event-gateway/event-gateway/store"
)

func eventTypes() resource[store.RegisteredType] {
	return resource[store.RegisteredType]{
		plural:   "eventTypes",
		list:     (*store.Snapshot).RegisteredTypes,
		get:      (*store.Config).EventType,
		metadata: func(t store.RegisteredType) map[string]string { return t.Metadata },
		rev:      func(t store.RegisteredType) store.Rev { return t.Rev },
		id:       func(t store.RegisteredType) string { return t.Name },
		delete:   (*store.Config).DeleteEventType,
		create: func(config *store.Config, ctx context.Context, space string, body []byte) (none store.RegisteredType, err error) {
			t, err := config.Rules().DecodeEventType(body, space, "")
			if err != nil {
				return none, err
			}
			return config.CreateEventType(ctx, t)
		},
		update: func(config *store.Config, ctx context.Context, space, name string, body []byte, match store.Match) (none store.RegisteredType, err error) {
			t, err := config.Rules().DecodeEventType(body, space, name)
			if err != nil {
				return none, err
			}
			return config.UpdateEventType(ctx, t, match)
		},
	}
}
