package invoke

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/store"
)

// Arrival is an event that a request brought, and where it goes.
type Arrival struct {
	Event    *event.Event
	Snapshot *store.Snapshot // that the targets are of
	Targets  []store.Target  // all of them
	Space    string          // that the event belongs to if it has no targets
	Path     string          // of the request
	Header   http.Header     // of the request
}

// spaces returns the spaces that the event belongs to: those of its targets, each once.
func (a *Arrival) spaces() []string {
	var spaces []string
	for _, t := range a.Targets {
		if space := t.Space(); !slices.Contains(spaces, space) {
			spaces = append(spaces, space)
		}
	}
	if len(spaces) == 0 {
		return []string{a.Space}
	}
	return spaces
}

// Received tells those who subscribed to the system event event.received. wait is as that of Enqueue.
func (d *Dispatcher) Received(ctx context.Context, a *Arrival) (wait func()) {
	if !a.Snapshot.HasSystem() {
		return noWait
	}
	return d.tell(ctx, a.Snapshot, a.spaces(), &event.System{Name: event.Received, Path: a.Path, Headers: event.CopyHeaders(a.Header), Event: a.Event})
}

// stopped tells of a loop, in the log, the metrics and by the system event event.dropped: at most once a minute of each event of a space.
func (d *Dispatcher) stopped(ctx context.Context, a *Arrival, why string) (wait func()) {
	space, eventType := a.Space, ""
	if len(a.Targets) > 0 {
		space, eventType = a.Targets[0].Space(), a.Targets[0].EventType()
	}
	d.metrics.loop(a.Targets)
	if !d.loops.first(eventOf{space, eventType}, time.Now()) {
		return noWait
	}
	d.log.Error("a loop was stopped: its events are refused", "space", space, "type", a.Event.Type, "event", a.Event.ID, "path", a.Path, "reason", why)
	if !a.Snapshot.HasSystem() {
		return noWait
	}
	return d.tell(ctx, a.Snapshot, a.spaces(), &event.System{Name: event.Dropped, Path: a.Path, Headers: event.CopyHeaders(a.Header), Reason: why, Event: a.Event})
}

// invoking tells that a function is about to be called. What it returns has to be called afterwards, and tells how that ended.
func (d *Dispatcher) invoking(ctx context.Context, s *store.Snapshot, ev *event.Event, t store.Target) (ended func(*Answer, error)) {
	if s == nil || !s.HasSystem() { // of a system event there is no snapshot: it never causes others
		return untold
	}
	about := event.System{
		Name: event.Invoking, Space: t.Function.Space, FunctionID: t.Function.ID, Event: ev,
		Params: event.Params{Names: slices.Clone(t.Names), Values: slices.Clone(t.Values)}, // those of t are the next request's, too
	}
	spaces := []string{t.Function.Space}
	began := about
	wait := d.tell(ctx, s, spaces, &began)
	return func(a *Answer, err error) {
		if err != nil {
			about.Name, about.Error = event.InvocationFailed, named(err, t.Function).Message
		} else {
			about.Name, about.Result = event.Invoked, a.Body
		}
		d.tell(ctx, s, spaces, &about)()
		wait()
	}
}

func noWait()               {}
func untold(*Answer, error) {}

// tell sends a system event on its way to the subscribers of some spaces. There may be no room for it: that is counted, and stops nothing else.
func (d *Dispatcher) tell(ctx context.Context, s *store.Snapshot, spaces []string, about *event.System) (wait func()) {
	if d.options.Compat && s.Realm == store.Shared {
		spaces = spaces[:1] // any of them stands for all, as in 2018
	}
	var seed, v09 []store.Target
	for _, space := range spaces {
		for _, t := range s.System(about.Name, space, nil) {
			if t.Subscription.Shape == store.Seed {
				seed = append(seed, t)
			} else {
				v09 = append(v09, t)
			}
		}
	}
	if len(seed)+len(v09) == 0 {
		return noWait
	}
	old, now := event.NewSystem(about, d.options.Compat, time.Now())
	old.Lineage, now.Lineage = about.Event.Lineage, about.Event.Lineage
	fanouts := []Fanout{{old, seed}, {now, v09}}
	send := func(ctx context.Context) (wait func()) {
		wait, err := d.enqueue(ctx, d.queue.Follow, s, false, fanouts...)
		if err != nil {
			d.log.Warn("a system event was dropped", "type", now.Type, "spaces", spaces, "error", err)
			return noWait
		}
		return wait
	}
	if d.options.Durable == nil {
		return send(ctx)
	}
	select {
	case d.telling <- struct{}{}:
		return d.beside(ctx, send)
	default: // the queue is slow, or away
		d.dropAll(fanouts)
		d.log.Warn("a system event was dropped: there are too many on their way", "type", now.Type, "spaces", spaces)
		return noWait
	}
}

// maxBeside is how many system events may be on their way into a durable queue at once.
const maxBeside = 1000

// beside has send called beside the request that it tells of, which does not wait for a durable queue. A frozen process has to wait in the end. It gives back a place in telling.
func (d *Dispatcher) beside(ctx context.Context, send func(context.Context) func()) (wait func()) {
	if !d.options.Frozen {
		ctx = context.WithoutCancel(ctx) // a sender who goes away does not stop it
	}
	sent := make(chan struct{})
	go func() { // Drain waits for it
		defer func() { <-d.telling }()
		defer close(sent)
		send(ctx)
	}()
	if !d.options.Frozen {
		return noWait
	}
	return func() { <-sent }
}

// tellNoMore waits for the system events on their way, and lets no more begin.
func (d *Dispatcher) tellNoMore() {
	for range maxBeside {
		d.telling <- struct{}{}
	}
}
