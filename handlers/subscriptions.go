package handlers

import (
	"context"

	"github.com/event-gateway/event-gateway/store"
)

func subscriptions() resource[*store.Subscription] {
	return resource[*store.Subscription]{
		plural:   "subscriptions",
		list:     (*store.Snapshot).Subscriptions,
		get:      (*store.Config).Subscription,
		metadata: func(s *store.Subscription) map[string]string { return s.Metadata },
		rev:      func(s *store.Subscription) store.Rev { return s.Rev },
		id:       func(s *store.Subscription) string { return s.ID },
		delete:   (*store.Config).DeleteSubscription,
		create: func(config *store.Config, ctx context.Context, space string, body []byte) (*store.Subscription, error) {
			s, err := config.Rules().DecodeSubscription(body, space)
			if err != nil {
				return nil, err
			}
			return config.CreateSubscription(ctx, s)
		},
		update: func(config *store.Config, ctx context.Context, space, id string, body []byte, match store.Match) (*store.Subscription, error) {
			s, err := config.Rules().DecodeSubscription(body, space)
			if err != nil {
				return nil, err
			}
			return config.UpdateSubscription(ctx, id, s, match)
		},
	}
}
