package main

import (
	"context"
	"fmt"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/memory"
)

const creates = 2_000

// measureCreate compares creating a subscription in a large realm with creating one in a small realm. The stores are in memory, so
// that only the gateway's own work counts.
func measureCreate(ctx context.Context) ([]row, error) {
	small, err := newRealm(ctx, 100)
	if err != nil {
		return nil, err
	}
	large, err := newRealm(ctx, 20_000)
	if err != nil {
		return nil, err
	}
	var ofSmall, ofLarge []float64
	for i := range creates {
		s, err := small.create(ctx, i)
		if err != nil {
			return nil, err
		}
		l, err := large.create(ctx, i)
		if err != nil {
			return nil, err
		}
		ofSmall, ofLarge = append(ofSmall, float64(s)), append(ofLarge, float64(l))
	}
	return []row{{
		name: "creating a subscription, 20,000 in the realm against 100", measured: median(ofLarge) / median(ofSmall), limit: 2, unit: "x",
		note: fmt.Sprintf("%.1f us against %.1f us", median(ofLarge)/1e3, median(ofSmall)/1e3),
	}}, nil
}

// realm is the configuration that subscriptions are created in.
type realm struct{ config *store.Config }

func newRealm(ctx context.Context, n int) (*realm, error) {
	s := memory.New()
	if err := fill(ctx, s, n); err != nil {
		return nil, err
	}
	live := newLive(s)
	return &realm{store.NewConfig(s, live, newRules())}, live.CatchUp(ctx)
}

// create returns how long it takes to create a subscription, and deletes it: the realm keeps its size.
func (r *realm) create(ctx context.Context, i int) (time.Duration, error) {
	space, body := subscriptionBody(1_000_000 + i)
	began := time.Now()
	sub, err := r.config.Rules().DecodeSubscription([]byte(body), space)
	if err == nil {
		_, err = r.config.CreateSubscription(ctx, sub)
	}
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	_, err = r.config.DeleteSubscription(ctx, space, sub.ID, nil)
	return took, err
}
