package invoke

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/invoke/queue"
	"github.com/event-gateway/event-gateway/store"
)

const (
	// backlogBytes bounds the memory of the events in the backlog.
	backlogBytes = 256 << 20
	// deliveryBytes is what a delivery of an empty event is taken to cost.
	deliveryBytes = 1 << 10
	// laneWidth is how many async deliveries to one function are under way at once.
	laneWidth = 32
)

// Fanout is an event and all the targets that get it later.
type Fanout struct {
	Event   *event.Event
	Targets []store.Target
}

// Enqueue takes events for all their targets, or fails with an error of package queue. Each target gets its event once, or from a durable queue at least once. wait has to be
// called before the sender is answered: in a frozen process without a durable queue it returns when all deliveries have ended, which is when ctx ends at the latest. s is the snapshot that
// the targets are of.
func (d *Dispatcher) Enqueue(ctx context.Context, s *store.Snapshot, fanouts ...Fanout) (wait func(), err error) {
	return d.enqueue(ctx, d.queue.Add, s, true, fanouts...)
}

// add is one of the two ways into a queue.
type add func(ctx context.Context, messages ...*queue.Message) error

// enqueue does it; watched says whether others may be told of the deliveries.
func (d *Dispatcher) enqueue(ctx context.Context, add add, s *store.Snapshot, watched bool, fanouts ...Fanout) (wait func(), err error) {
	messages := make([]*queue.Message, 0, len(fanouts))
	for _, f := range fanouts {
		if len(f.Targets) > 0 {
			messages = append(messages, d.message(f, s, watched))
		}
	}
	switch {
	case len(messages) == 0:
		return noWait, nil
	case d.options.Frozen && d.options.Durable == nil:
		return d.deliverNow(ctx, messages), nil
	}
	if err := add(ctx, messages...); err != nil {
		d.dropAll(fanouts)
		return nil, err
	}
	return noWait, nil
}

func (d *Dispatcher) dropAll(fanouts []Fanout) {
	for _, f := range fanouts {
		for _, t := range f.Targets {
			d.metrics.dropped(t)
		}
	}
}

// begun is a delivery that has not left the process. Each is by itself, so that one that has to wait keeps no other in memory.
type begun struct {
	queue.Delivery
	local
}

// message returns what the queue gets of an event.
func (d *Dispatcher) message(f Fanout, s *store.Snapshot, watched bool) *queue.Message {
	m := &queue.Message{Event: f.Event, Deliveries: make([]*queue.Delivery, len(f.Targets))}
	shared, bytes := &encodings{}, cost(f.Event, len(f.Targets))
	for i, t := range f.Targets {
		t.Names, t.Values = slices.Clone(t.Names), slices.Clone(t.Values) // those of t are the next request's, too
		b := &begun{local: local{target: t, shared: shared}, Delivery: queue.Delivery{
			Event: f.Event, Space: t.Subscription.Space, Subscription: t.Subscription.ID, Function: t.Subscription.FunctionID,
			Params: event.Params{Names: t.Names, Values: t.Values}, Bytes: bytes,
		}}
		b.Local = &b.local
		if watched && s != nil && s.HasSystem() {
			b.snapshot = s // which it keeps in memory
		}
		if d.options.Durable != nil {
			b.ID = uuid.NewString()
			if s != nil {
				b.Revision = uint64(s.Head.Rev)
			}
		}
		m.Deliveries[i] = &b.Delivery
	}
	return m
}

// deliverNow makes the deliveries that otherwise a queue would hold, some of them at once.
func (d *Dispatcher) deliverNow(ctx context.Context, messages []*queue.Message) (wait func()) {
	var all []*queue.Delivery
	for _, m := range messages {
		all = append(all, m.Deliveries...)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(len(all), laneWidth) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(all)); i = next.Add(1) - 1 {
				if ctx.Err() == nil {
					d.deliver(ctx, all[i])
				} else {
					d.lose(all[i], "an event was not delivered: there was no more time")
				}
			}
		})
	}
	return wg.Wait
}

// cost returns how much memory one of n deliveries of an event keeps. All share the event and, but for plain HTTP requests, its encoded
// form, which is at most a third larger where it is base64, and more where text has to be escaped.
func cost(ev *event.Event, n int) int {
	encoded := ev.Size + max(ev.Size/3, ev.Escapes)
	if ev.Kind == event.Plain {
		return deliveryBytes + ev.Size/max(n, 1) + encoded
	}
	return deliveryBytes + (ev.Size+encoded)/max(n, 1)
}

// Run makes the deliveries that are in a durable queue, until ctx ends or the dispatcher drains.
func (d *Dispatcher) Run(ctx context.Context) { d.queue.Run(ctx) }

// Backlog returns how many async deliveries wait or are under way in this process.
func (d *Dispatcher) Backlog() int { return d.queue.Len() }

// Drain makes the deliveries of this process until ctx ends, and returns how many were lost. It logs each.
func (d *Dispatcher) Drain(ctx context.Context) int {
	for _, q := range d.queue.Drain(ctx) {
		d.lose(q, "an event was not delivered: there was no more time")
	}
	d.told.Do(d.tellNoMore)
	d.egress.Close()
	return int(d.lost.Load())
}

func (d *Dispatcher) lose(q *queue.Delivery, how string) {
	d.lost.Add(1)
	d.metrics.lost(q.Local.(*local).target)
	d.log.Error(how, "space", q.Space, "function", q.Function, "event", q.Event.ID, "type", q.Event.Type)
}
