package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/go-json-experiment/json"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
)

// A realm to measure: 50 spaces with 20 functions and 10 event types each, and as many subscriptions as wanted, half of them
// in each shape, half of them sync, on paths with parameters.
const (
	spaces     = 50
	functions  = 20
	eventTypes = 10
)

func newRules() *store.Rules {
	return store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil)
}

func newLive(s store.Store) *store.Live {
	return store.NewLive(s, store.Shared, newRules(), slog.Default())
}

// subscriptionBody is what a client sends to create the i-th subscription.
func subscriptionBody(i int) (space, body string) {
	n := i / spaces // in its space
	space = fmt.Sprintf("team-%02d", i%spaces)
	function, event := fmt.Sprintf("function-%02d", n%functions), fmt.Sprintf("order.event%d", n/4%eventTypes)
	switch n % 4 {
	case 0:
		return space, fmt.Sprintf(`{"functionId":%q,"event":"http","method":"GET","path":"/%s/shops/%d/orders/:order"}`, function, space, n)
	case 1:
		return space, fmt.Sprintf(`{"functionId":%q,"event":%q,"path":"/%s/shops/%d"}`, function, event, space, n)
	case 2:
		return space, fmt.Sprintf(`{"functionId":%q,"type":"sync","eventType":"http.request","method":"POST","path":"/%s/shops/%d/items/:item/reviews"}`, function, space, n)
	}
	return space, fmt.Sprintf(`{"functionId":%q,"type":"async","eventType":%q,"method":"POST","path":"/%s/customers/%d"}`, function, event, space, n)
}

// fill writes a realm with n subscriptions to s, which is empty, as the gateway itself would store it.
func fill(ctx context.Context, s store.Store, n int) error {
	ops := surroundings()
	rules := newRules()
	for i := range n {
		space, body := subscriptionBody(i)
		sub, err := rules.DecodeSubscription([]byte(body), space)
		if err != nil {
			return err
		}
		record, err := json.Marshal(sub)
		if err != nil {
			return err
		}
		ops = append(ops, store.Op{Key: "subscriptions/" + space + "/" + sub.ID, Value: record})
	}
	var head store.Head
	for i := 0; i < len(ops); i += store.MaxOps {
		var err error
		c := store.Commit{ID: fmt.Sprint(i), Ops: ops[i:min(i+store.MaxOps, len(ops))]}
		if head, err = s.Commit(ctx, store.Shared, head, c); err != nil {
			return err
		}
	}
	return nil
}

// surroundings are the functions and event types.
func surroundings() []store.Op {
	var ops []store.Op
	for i := range spaces {
		space := fmt.Sprintf("team-%02d", i)
		for j := range functions {
			ops = append(ops, store.Op{Key: fmt.Sprintf("functions/%s/function-%02d", space, j), Value: fmt.Appendf(nil,
				`{"space":%q,"functionId":"function-%02d","type":"http","provider":{"url":"http://127.0.0.1:8080/%[1]s/%[2]d"}}`, space, j)})
		}
		for j := range eventTypes {
			ops = append(ops, eventTypeOp(space, fmt.Sprintf("order.event%d", j)))
		}
		ops = append(ops, eventTypeOp(space, store.HTTPRequest))
	}
	return ops
}

func eventTypeOp(space, name string) store.Op {
	return store.Op{Key: "eventtypes/" + space + "/" + name, Value: fmt.Appendf(nil, `{"space":%q,"name":%q}`, space, name)}
}
