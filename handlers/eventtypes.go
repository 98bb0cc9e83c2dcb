package handlers

import (
	"context"

	"github.com/event-gateway/event-gateway/store"
)

func eventTypes() resource[*store.EventType] {
	return resource[*store.EventType]{
		plural:   "eventTypes",
		list:     (*store.Snapshot).EventTypes,
		get:      (*store.Config).EventType,
		metadata: func(t *store.EventType) map[string]string { return t.Metadata },
		rev:      func(t *store.EventType) store.Rev { return t.Rev },
		id:       func(t *store.EventType) string { return t.Name },
		delete:   (*store.Config).DeleteEventType,
		create: func(config *store.Config, ctx context.Context, space string, body []byte) (*store.EventType, error) {
			t, err := config.Rules().DecodeEventType(body, space, "")
			if err != nil {
				return nil, err
			}
			return config.CreateEventType(ctx, t)
		},
		update: func(config *store.Config, ctx context.Context, space, name string, body []byte, match store.Match) (*store.EventType, error) {
			t, err := config.Rules().DecodeEventType(body, space, name)
			if err != nil {
				return nil, err
			}
			return config.UpdateEventType(ctx, t, match)
		},
	}
}
