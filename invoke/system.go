package invoke

import (
	"context"
	"net/http"
	"time"

	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/store"
)

// Received tells those who subscribed to the system event event.received. The event belongs to the spaces of its targets or, if it has none, to the given one. wait
// is as that of Enqueue.
func (d *Dispatcher) Received(ctx context.Context, s *store.Snapshot, ev *event.Event, h http.Header, path, space string, targets []store.Target) (wait func()) {
	if !s.HasSystem() {
		return noWait
	}
	spaces := spacesOf(targets)
	if len(spaces) == 0 {
		spaces = []string{space}
	}
	return d.tell(ctx, s, spaces, &event.System{Name: event.Received, Path: path, Headers: event.CopyHeaders(h), Event: ev})
}

// stopped tells of a loop, in the log, the metrics and by the system event event.dropped: at most once a minute of each event of a space.
func (d *Dispatcher) stopped(ctx context.Context, s *store.Snapshot, ev *event.Event, h http.Header, path, why string, targets []store.Target) (wait func()) {
	first := targets[0]
	d.metrics.loop(first)
	if !d.loops.first(eventOf{first.Space(), ev.Type}, time.Now()) {
		return noWait
	}
	d.log.Error("a loop was stopped: its events are refused", "space", first.Space(), "type", ev.Type, "event", ev.ID, "path", path, "reason", why)
	if !s.HasSystem() {
		return noWait
	}
	return d.tell(ctx, s, spacesOf(targets), &event.System{Name: event.Dropped, Path: path, Headers: event.CopyHeaders(h), Reason: why, Event: ev})
}

// invoking tells that a function is about to be called. What it returns has to be called afterwards, and tells how that ended.
func (d *Dispatcher) invoking(ctx context.Context, s *store.Snapshot, ev *event.Event, t store.Target) (ended func(*Answer, error)) {
	if s == nil || !s.HasSystem() || ev.Kind == event.SystemEvent { // a system event never causes others
		return untold
	}
	about := event.System{
		Name: event.Invoking, Space: t.Function.Space, FunctionID: t.Function.ID, Event: ev,
		Params: event.Params{Names: t.Names, Values: t.Values},
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
	wait, err := d.Enqueue(ctx, nil, Fanout{old, seed}, Fanout{now, v09})
	if err != nil {
		d.log.Warn("a system event was dropped", "type", now.Type, "spaces", spaces, "error", err)
		return noWait
	}
	return wait
}

// spacesOf returns the spaces of targets, each once.
func spacesOf(targets []store.Target) []string {
	var spaces []string
	seen := map[string]bool{}
	for _, t := range targets {
		if space := t.Space(); !seen[space] {
			seen[space] = true
			spaces = append(spaces, space)
		}
	}
	return spaces
}
