package queue

import (
	"context"
	"sync"
)

// Options bound a Memory.
type Options struct {
	Size  int // deliveries that wait or are under way
	Bytes int // what they keep in memory together
	Lane  int // deliveries to one function that are under way at once
}

// Memory is a bounded queue in memory. It makes one attempt: what it took is delivered, or failed, or is returned by Drain. Deliveries to a function begin in the
// order they were added; functions do not wait for each other. It starts goroutines when there is work, and they end with it.
type Memory struct {
	options Options
	deliver Deliver
	ctx     context.Context
	stop    context.CancelFunc

	mu        sync.Mutex
	lanes     map[function]*lane
	size      int
	bytes     int
	closed    bool
	abandoned bool          // nothing begins any more
	idle      chan struct{} // closed when size falls to 0 after closed was set
	wg        sync.WaitGroup
}

// function is what a lane is for.
type function struct{ space, id string }

type lane struct {
	waiting []*Delivery
	held    int // that wait or are under way
	bytes   int // of those
	running int // goroutines
}

// NewMemory returns a queue that hands each delivery to deliver, whose ctx ends when there is no more time. Its verdict is that the delivery is over.
func NewMemory(o Options, deliver Deliver) *Memory {
	ctx, stop := context.WithCancel(context.Background())
	return &Memory{options: o, deliver: deliver, ctx: ctx, stop: stop, lanes: map[function]*lane{}, idle: make(chan struct{})}
}

// Add implements Queue.
func (q *Memory) Add(_ context.Context, messages ...*Message) error { return q.add(messages, false) }

// Follow implements Queue.
func (q *Memory) Follow(_ context.Context, messages ...*Message) error { return q.add(messages, true) }

// Run implements Queue.
func (q *Memory) Run(context.Context) {}

func (q *Memory) add(messages []*Message, follow bool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed && (!follow || q.size == 0 || q.abandoned) {
		return ErrClosed
	}
	for i, m := range messages {
		for j, d := range m.Deliveries {
			if q.fits(d) {
				q.push(d)
				continue
			}
			q.take(m.Deliveries[:j])
			for _, before := range messages[:i] {
				q.take(before.Deliveries)
			}
			return ErrFull
		}
	}
	for _, m := range messages {
		for _, d := range m.Deliveries {
			q.start(d.lane())
		}
	}
	return nil
}

func (d *Delivery) lane() function { return function{d.Space, d.Function} }

// Len implements Queue.
func (q *Memory) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.size
}

// Drain implements Queue.
func (q *Memory) Drain(ctx context.Context) []*Delivery {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		if q.size == 0 {
			close(q.idle)
		}
	}
	q.mu.Unlock()
	select {
	case <-q.idle:
	case <-ctx.Done():
	}
	left := q.abandon()
	q.stop()
	q.wg.Wait()
	return left
}

// fits says whether there is room for one more delivery. A lane may hold at most as many, and as much, as is still free: a function that is
// slow takes half of the queue, a second one half of what is left, and others still find room.
func (q *Memory) fits(d *Delivery) bool {
	free, freeBytes := q.options.Size-q.size, q.options.Bytes-q.bytes
	if free <= 0 || d.Bytes > freeBytes {
		return false
	}
	l := q.lanes[d.lane()]
	return l == nil || l.held == 0 || l.held < free && l.bytes+d.Bytes <= freeBytes
}

func (q *Memory) push(d *Delivery) {
	l := q.lanes[d.lane()]
	if l == nil {
		l = &lane{}
		q.lanes[d.lane()] = l
	}
	l.waiting = append(l.waiting, d)
	l.held++
	l.bytes += d.Bytes
	q.size++
	q.bytes += d.Bytes
}

// take removes deliveries that were just pushed.
func (q *Memory) take(deliveries []*Delivery) {
	for _, d := range deliveries {
		l := q.lanes[d.lane()]
		last := len(l.waiting) - 1
		l.waiting[last] = nil
		l.waiting = l.waiting[:last]
		q.forget(d, l)
	}
}

func (q *Memory) start(key function) {
	if l := q.lanes[key]; l.running < q.options.Lane && l.running < l.held {
		l.running++
		q.wg.Go(func() { q.run(key, l) })
	}
}

// run makes the deliveries of a lane until none waits.
func (q *Memory) run(key function, l *lane) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(l.waiting) > 0 {
		d := l.waiting[0]
		l.waiting[0] = nil // let go of the payload
		l.waiting = l.waiting[1:]
		q.mu.Unlock()
		q.deliver(q.ctx, d)
		q.mu.Lock()
		q.forget(d, l)
	}
	l.running--
	if l.held == 0 && l.running == 0 {
		delete(q.lanes, key)
	}
}

// forget gives back the room of a delivery.
func (q *Memory) forget(d *Delivery, l *lane) {
	q.size--
	q.bytes -= d.Bytes
	l.bytes -= d.Bytes
	if l.held--; l.held == 0 && l.running == 0 {
		delete(q.lanes, d.lane())
	}
	if q.closed && q.size == 0 {
		close(q.idle)
	}
}

// abandon empties the lanes.
func (q *Memory) abandon() []*Delivery {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.abandoned = true
	var left []*Delivery
	for _, l := range q.lanes {
		for _, d := range l.waiting {
			left = append(left, d)
			q.size--
			q.bytes -= d.Bytes
		}
		l.waiting = nil
	}
	return left
}
