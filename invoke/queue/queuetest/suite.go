// Package queuetest is the suite that every queue passes: package queue says in words what it says in tests.
package queuetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/invoke/queue"
)

// Place is where a queue keeps messages.
type Place struct {
	// Open opens the queue, as a process does. A durable one is the same whenever it is opened.
	Open func(t *testing.T, deliver queue.Deliver) queue.Queue
	// Durable is nil if the queue ends with the process.
	Durable *Durable

	had sync.Map // attempts
}

// repeated says that an attempt was there before, where that can happen.
func (p *Place) repeated(d *queue.Delivery) bool {
	_, had := p.had.LoadOrStore(fmt.Sprint(d.ID, " ", d.Attempts), true)
	return had && p.Durable != nil && p.Durable.Repeats
}

// Durable is what tests do with a queue that outlives the process, behind its back.
type Durable struct {
	Put  func(t *testing.T, text string) // adds a message
	Dead func(t *testing.T) []string     // takes the messages of those that are dead
	Away func(t *testing.T)              // nobody reaches the queue from now on
	// Repeats says that the place may hand out a message to two that ask at the same time, which a queue that delivers at least once has to bear. Tests overlook it then.
	Repeats bool
}

// Run runs the suite. start makes an empty place.
func Run(t *testing.T, start func(t *testing.T) *Place) {
	run := func(name string, f func(t *testing.T, p *Place)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, start(t))
		})
	}
	run("all is delivered once", delivered)
	run("an event with many subscribers", many)
	run("from many sides", concurrent)
	run("drain", drain)
	if start(t).Durable == nil {
		return
	}
	run("it comes back as it was", same)
	run("tried again", again)
	run("dead", dead)
	run("put back", putBack)
	run("added by another process", handedOver)
	run("no time left", noTime)
	run("cannot be read", unreadable)
	run("too large", tooLarge)
	run("away", away)
}

// process is one that has a queue open.
type process struct {
	queue.Queue
	t    *testing.T
	stop func()

	mu  sync.Mutex
	got []seen
}

type seen struct {
	queue.Delivery
	at time.Time
}

// open opens the queue and runs it. decide says what becomes of a delivery; nil: it is over.
func open(t *testing.T, place *Place, decide func(ctx context.Context, d *queue.Delivery) queue.Verdict) *process {
	t.Helper()
	p := &process{t: t}
	p.Queue = place.Open(t, func(ctx context.Context, d *queue.Delivery) queue.Verdict {
		if !place.repeated(d) {
			p.mu.Lock()
			p.got = append(p.got, seen{*d, time.Now()})
			p.mu.Unlock()
		}
		if decide == nil {
			return queue.Verdict{}
		}
		return decide(ctx, d)
	})
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() { defer close(over); p.Run(ctx) }()
	p.stop = sync.OnceFunc(func() {
		bounded, cancelDrain := context.WithTimeout(ctx, 10*time.Second)
		defer cancelDrain()
		if lost := p.Drain(bounded); len(lost) > 0 {
			t.Errorf("%d deliveries were lost", len(lost))
		}
		cancel()
		<-over
	})
	t.Cleanup(p.stop)
	return p
}

// wait waits until there were n deliveries, and returns them.
func (p *process) wait(n int) []seen {
	p.t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if got := p.seen(); len(got) >= n {
			return got
		}
		if time.Now().After(end) {
			p.t.Fatalf("there were %d deliveries, want %d", len(p.seen()), n)
		}
	}
}

func (p *process) seen() []seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got[:len(p.got):len(p.got)]
}

func (p *process) add(messages ...*queue.Message) {
	p.t.Helper()
	if err := p.Add(p.t.Context(), messages...); err != nil {
		p.t.Fatal(err)
	}
}

// message returns one with a delivery for each id.
func message(ids ...string) *queue.Message {
	m := &queue.Message{Event: &event.Event{
		Kind: event.CloudEvent, ID: "e", Source: "/s", Type: "t", Received: time.Now(), ContentType: "application/json",
		Data: event.Data{Kind: event.JSON, Raw: []byte(`{"n": 1}`)},
	}}
	for _, id := range ids {
		m.Deliveries = append(m.Deliveries, &queue.Delivery{ID: id, Event: m.Event, Space: "default", Subscription: "s-" + id, Function: "f", Bytes: 1})
	}
	return m
}

// once says which ids were not delivered exactly once.
func once(t *testing.T, got []seen, want int) {
	t.Helper()
	times := map[string]int{}
	for _, d := range got {
		times[d.ID]++
	}
	for id, n := range times {
		if n != 1 {
			t.Errorf("%s was delivered %d times", id, n)
		}
	}
	if len(times) != want {
		t.Errorf("%d deliveries, want %d", len(times), want)
	}
}

func delivered(t *testing.T, place *Place) {
	p := open(t, place, nil)
	var messages []*queue.Message
	for i := range 25 { // more than a request of some queues takes
		messages = append(messages, message(fmt.Sprint("a", i), fmt.Sprint("b", i)))
	}
	p.add(messages...)
	p.add(message("c"))
	p.wait(51)
	time.Sleep(100 * time.Millisecond)
	once(t, p.seen(), 51)
	for _, d := range p.seen() {
		if d.Attempts != 0 || d.Reason != "" || d.Event.ID != "e" || d.Subscription != "s-"+d.ID {
			t.Errorf("%+v", d.Delivery)
		}
	}
	for end := time.Now().Add(5 * time.Second); p.Len() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d deliveries are left", p.Len())
		}
	}
}

func many(t *testing.T, place *Place) {
	p := open(t, place, nil)
	var ids []string
	for i := range 4000 {
		ids = append(ids, fmt.Sprintf("%0100d", i))
	}
	p.add(message(ids...))
	p.wait(len(ids))
	once(t, p.seen(), len(ids))
}

func concurrent(t *testing.T, place *Place) {
	processes := []*process{open(t, place, nil)}
	if place.Durable != nil {
		processes = append(processes, open(t, place, nil))
	}
	var wg sync.WaitGroup
	for side := range 8 {
		wg.Go(func() {
			for i := range 25 {
				if err := processes[side%len(processes)].Add(t.Context(), message(fmt.Sprint(side, "-", i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var got []seen
	for end := time.Now().Add(30 * time.Second); len(got) < 200 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		got = nil
		for _, p := range processes {
			got = append(got, p.seen()...)
		}
	}
	once(t, got, 200)
}

// drain: what is under way ends, and nothing more is taken.
func drain(t *testing.T, place *Place) {
	began, release := make(chan struct{}), make(chan struct{})
	p := open(t, place, func(_ context.Context, d *queue.Delivery) queue.Verdict {
		if d.ID == "a" {
			close(began)
			<-release
		}
		return queue.Verdict{}
	})
	p.add(message("a"))
	<-began
	stopped := make(chan struct{})
	go func() { p.stop(); close(stopped) }()
	for end := time.Now().Add(10 * time.Second); !errors.Is(p.Add(t.Context(), message("b")), queue.ErrClosed); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it still takes messages")
		}
	}
	select {
	case <-stopped:
		t.Error("it did not wait for what was under way")
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	<-stopped
}

// same: events of every kind, with all that a message can hold.
func same(t *testing.T, place *Place) {
	p := open(t, place, nil)
	strange := "\x00\t\u007f\u0085\u2028\ufffd\ufffe\uffff\U0010ffff<&>\"\\"
	m := &queue.Message{Event: &event.Event{
		Kind: event.Plain, ID: "e" + strange, Source: "/s", Type: "http.request", Received: time.Now().UTC().Truncate(time.Microsecond), ContentType: "text/plain",
		Data: event.Data{Kind: event.Text, Raw: []byte(strange + "\r\n ")}, Lineage: "token",
		HTTP: &event.HTTP{Method: "POST", Host: "h", Path: "/a/b", Headers: []event.Header{{Name: "X-Strange", Value: strange}}},
	}, Deliveries: []*queue.Delivery{{ID: "1", Space: "default", Subscription: strange, Params: event.Params{Names: []string{"id"}, Values: []string{strange}}, Revision: 1 << 60}}}
	binary := message("2")
	binary.Event.Data = event.Data{Kind: event.Binary, Raw: []byte{0, 1, 0xff, 0xfe}}
	p.add(m, binary)
	for _, got := range p.wait(2) {
		want := m
		if got.ID == "2" {
			want = binary
		}
		d := want.Deliveries[0]
		if got.Space != d.Space || got.Subscription != d.Subscription || fmt.Sprint(got.Params) != fmt.Sprint(d.Params) || got.Revision != d.Revision || got.Local != nil {
			t.Errorf("got %+v, want %+v", got.Delivery, d)
		}
		for _, f := range []event.Format{event.CloudEvents, event.CloudEvents01, event.Native} {
			if a, b := got.Event.Append(nil, f, got.Params), want.Event.Append(nil, f, d.Params); string(a) != string(b) {
				t.Errorf("got\n%s, want\n%s", a, b)
			}
		}
		if !got.Event.Received.Equal(want.Event.Received) || got.Event.Lineage != want.Event.Lineage {
			t.Errorf("%+v", got.Event)
		}
	}
}

// again: only those that failed are tried again, after their wait, with the same id.
func again(t *testing.T, place *Place) {
	p := open(t, place, func(_ context.Context, d *queue.Delivery) queue.Verdict {
		if d.ID == "good" || d.Attempts == 2 {
			return queue.Verdict{}
		}
		return queue.Verdict{Again: map[string]time.Duration{"quick": time.Second, "slow": 3 * time.Second}[d.ID]}
	})
	began := time.Now()
	p.add(message("good", "quick", "slow"))
	p.wait(7)
	time.Sleep(200 * time.Millisecond)
	attempts := map[string]int{}
	for _, d := range p.seen() {
		if d.Attempts != attempts[d.ID] {
			t.Errorf("%s: attempt %d, want %d", d.ID, d.Attempts, attempts[d.ID])
		}
		least := time.Duration(d.Attempts) * map[string]time.Duration{"quick": time.Second, "slow": 3 * time.Second}[d.ID]
		if took := d.at.Sub(began); took < least-50*time.Millisecond { // some queues keep whole seconds of the clock
			t.Logf("%s: attempt %d after %v, want %v at least", d.ID, d.Attempts, took, least)
			if took < least-time.Second {
				t.Error("that is too soon")
			}
		}
		attempts[d.ID]++
	}
	if attempts["good"] != 1 || attempts["quick"] != 3 || attempts["slow"] != 3 {
		t.Errorf("%v", attempts)
	}
}

// dead: it is kept, with the event and the reason, and not tried again.
func dead(t *testing.T, place *Place) {
	p := open(t, place, func(_ context.Context, d *queue.Delivery) queue.Verdict {
		switch {
		case d.ID == "good":
			return queue.Verdict{}
		case d.Attempts == 0 && d.ID == "later":
			return queue.Verdict{Again: time.Second}
		}
		return queue.Verdict{Dead: "it failed: " + d.ID}
	})
	p.add(message("good", "bad", "later"))
	p.wait(4)
	reasons := map[string]string{}
	for end := time.Now().Add(10 * time.Second); len(reasons) < 2 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for _, text := range place.Durable.Dead(t) {
			for _, id := range []string{"bad", "later"} {
				if strings.Contains(text, `"id":"`+id+`"`) && strings.Contains(text, `"type":"t"`) && strings.Contains(text, `{\"n\": 1}`) {
					reasons[id] = text
				}
			}
		}
	}
	if !strings.Contains(reasons["bad"], `"attempts":1,"reason":"it failed: bad"`) || !strings.Contains(reasons["later"], `"attempts":2,"reason":"it failed: later"`) {
		t.Errorf("%v", reasons)
	}
	if n := len(p.seen()); n != 4 {
		t.Errorf("%d deliveries", n)
	}
}

// putBack: a person had a look, and wants it to be tried again.
func putBack(t *testing.T, place *Place) {
	m := message("a")
	m.Deliveries[0].Attempts, m.Deliveries[0].Reason = 8, "it failed"
	p := open(t, place, nil)
	place.Durable.Put(t, string(m.Append(nil)))
	if d := p.wait(1)[0]; d.Attempts != 0 || d.Reason != "" || d.ID != "a" {
		t.Errorf("%+v", d.Delivery)
	}
}

// handedOver: what one process takes, another delivers.
func handedOver(t *testing.T, place *Place) {
	adder := place.Open(t, func(context.Context, *queue.Delivery) queue.Verdict { panic("it does not run") })
	for i := range 12 {
		if err := adder.Add(t.Context(), message(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if lost := adder.Drain(t.Context()); len(lost) > 0 {
		t.Errorf("%d deliveries were lost", len(lost))
	}
	p := open(t, place, nil)
	p.wait(12)
	once(t, p.seen(), 12)
}

// noTime: a process that has to end leaves the rest to another one. It may be handed out a last time to the process that is no longer there.
func noTime(t *testing.T, place *Place) {
	began := make(chan struct{}, 100)
	first := place.Open(t, func(ctx context.Context, d *queue.Delivery) queue.Verdict {
		began <- struct{}{}
		<-ctx.Done()
		return queue.Verdict{Again: time.Second}
	})
	var ids []string
	for i := range 50 { // more than are under way at once
		ids = append(ids, fmt.Sprint(i))
	}
	if err := first.Add(t.Context(), message(ids...)); err != nil {
		t.Fatal(err)
	}
	running := make(chan struct{})
	go func() { defer close(running); first.Run(t.Context()) }()
	<-began
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if lost := first.Drain(ctx); len(lost) > 0 {
		t.Errorf("%d deliveries were lost", len(lost))
	}
	<-running
	p := open(t, place, nil)
	tried := 0
	for _, d := range p.wait(50) {
		tried += d.Attempts
	}
	once(t, p.seen(), 50)
	if tried == 0 || tried == 50 {
		t.Errorf("%d of 50 count as tried: those that began should", tried)
	}
}

func unreadable(t *testing.T, place *Place) {
	p := open(t, place, nil)
	texts := []string{"nonsense", `{"event":{},"deliveries":[{"id":"1"}]}`, strings.Repeat("[", 20_000)}
	for _, text := range texts {
		place.Durable.Put(t, text)
	}
	p.add(message("a"))
	p.wait(1)
	var dead []string
	for end := time.Now().Add(10 * time.Second); len(dead) < len(texts) && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		dead = append(dead, place.Durable.Dead(t)...)
	}
	all := strings.Join(dead, "\n")
	for _, text := range texts {
		if !strings.Contains(all, text) {
			t.Errorf("%.40s is not among %d dead messages", text, len(dead))
		}
	}
	if len(p.seen()) != 1 {
		t.Errorf("%d deliveries", len(p.seen()))
	}
}

// tooLarge: an event that does not fit is refused as a whole, with all that came with it.
func tooLarge(t *testing.T, place *Place) {
	p := open(t, place, nil)
	large := message("large")
	large.Event.Data = event.Data{Kind: event.Text, Raw: []byte(strings.Repeat("x", 2<<20))}
	if err := p.Add(t.Context(), message("a"), large); !errors.Is(err, queue.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	p.add(message("b"))
	p.wait(1)
	time.Sleep(200 * time.Millisecond)
	if got := p.seen(); len(got) != 1 || got[0].ID != "b" {
		t.Errorf("%+v", got)
	}
}

// away: it is said in time.
func away(t *testing.T, place *Place) {
	p := open(t, place, nil)
	p.add(message("a"))
	p.wait(1)
	place.Durable.Away(t)
	began := time.Now()
	if err := p.Add(t.Context(), message("b")); !errors.Is(err, queue.ErrAway) || time.Since(began) > 8*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}
