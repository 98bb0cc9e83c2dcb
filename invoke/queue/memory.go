// Package queue holds what is to be delivered later.
package queue

import (
	"context"
	"errors"
	"sync"
)

var (
	// ErrFull is returned when there is no room. Nothing of what was to be added is in the queue.
	ErrFull = errors.New("the queue is full")
	// ErrClosed is returned once the queue drains.
	ErrClosed = errors.New("the queue is closed")
)

// Options bound a Memory.
type Options struct {
	Size  int // deliveries that wait or are under way
	Bytes int // what their payloads take together
	Lane  int // deliveries of one lane that are under way at once
}

// Item is one delivery. Items of a lane, which is a function, begin in the order they were added; lanes do not wait for each other.
type Item[K comparable, T any] struct {
	Lane  K
	Bytes int // of memory that it keeps
	Value T
}

// Memory is a bounded queue in memory. What it took is delivered, or returned by Drain. It starts goroutines when there is
// work, and they end with it.
type Memory[K comparable, T any] struct {
	options Options
	deliver func(context.Context, T)
	ctx     context.Context
	stop    context.CancelFunc

	mu        sync.Mutex
	lanes     map[K]*lane[K, T]
	size      int
	bytes     int
	closed    bool
	abandoned bool          // nothing begins any more
	idle      chan struct{} // closed when size falls to 0 after closed was set
	wg        sync.WaitGroup
}

type lane[K comparable, T any] struct {
	items   []Item[K, T] // that wait
	held    int          // that wait or are under way
	bytes   int          // of those
	running int          // goroutines
}

// NewMemory returns a queue that hands each item to deliver, whose ctx ends when there is no more time.
func NewMemory[K comparable, T any](o Options, deliver func(context.Context, T)) *Memory[K, T] {
	ctx, stop := context.WithCancel(context.Background())
	return &Memory[K, T]{
		options: o, deliver: deliver, ctx: ctx, stop: stop,
		lanes: map[K]*lane[K, T]{}, idle: make(chan struct{}),
	}
}

// Add takes all items or none.
func (q *Memory[K, T]) Add(items []Item[K, T]) error { return q.add(items, false) }

// Follow is Add for items that follow from a delivery that is under way: they are taken also while the queue drains.
func (q *Memory[K, T]) Follow(items []Item[K, T]) error { return q.add(items, true) }

func (q *Memory[K, T]) add(items []Item[K, T], follow bool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed && (!follow || q.size == 0 || q.abandoned) {
		return ErrClosed
	}
	for i, item := range items {
		if !q.fits(item) {
			q.take(items[:i])
			return ErrFull
		}
		q.push(item)
	}
	for _, item := range items {
		q.start(item.Lane)
	}
	return nil
}

// Len returns how many items wait or are under way.
func (q *Memory[K, T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.size
}

// Drain takes nothing more and waits until all is delivered. When ctx ends, it ends what is under way and returns what had not begun.
func (q *Memory[K, T]) Drain(ctx context.Context) []T {
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

// fits says whether there is room for one more item. A lane may hold at most as many, and as much, as is still free: a function that is
// slow takes half of the queue, a second one half of what is left, and others still find room.
func (q *Memory[K, T]) fits(item Item[K, T]) bool {
	free, freeBytes := q.options.Size-q.size, q.options.Bytes-q.bytes
	if free <= 0 || item.Bytes > freeBytes {
		return false
	}
	l := q.lanes[item.Lane]
	return l == nil || l.held == 0 || l.held < free && l.bytes+item.Bytes <= freeBytes
}

func (q *Memory[K, T]) push(item Item[K, T]) {
	l := q.lanes[item.Lane]
	if l == nil {
		l = &lane[K, T]{}
		q.lanes[item.Lane] = l
	}
	l.items = append(l.items, item)
	l.held++
	l.bytes += item.Bytes
	q.size++
	q.bytes += item.Bytes
}

// take removes items that were just pushed.
func (q *Memory[K, T]) take(items []Item[K, T]) {
	for _, item := range items {
		l := q.lanes[item.Lane]
		last := len(l.items) - 1
		l.items[last] = Item[K, T]{}
		l.items = l.items[:last]
		q.forget(item, l)
	}
}

func (q *Memory[K, T]) start(key K) {
	if l := q.lanes[key]; l.running < q.options.Lane && l.running < l.held {
		l.running++
		q.wg.Go(func() { q.run(key, l) })
	}
}

// run delivers the items of a lane until none waits.
func (q *Memory[K, T]) run(key K, l *lane[K, T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(l.items) > 0 {
		item := l.items[0]
		l.items[0] = Item[K, T]{} // let go of the payload
		l.items = l.items[1:]
		q.mu.Unlock()
		q.deliver(q.ctx, item.Value)
		q.mu.Lock()
		q.forget(item, l)
	}
	l.running--
	if l.held == 0 && l.running == 0 {
		delete(q.lanes, key)
	}
}

// forget gives back the room of an item.
func (q *Memory[K, T]) forget(item Item[K, T], l *lane[K, T]) {
	q.size--
	q.bytes -= item.Bytes
	l.bytes -= item.Bytes
	if l.held--; l.held == 0 && l.running == 0 {
		delete(q.lanes, item.Lane)
	}
	if q.closed && q.size == 0 {
		close(q.idle)
	}
}

// abandon empties the lanes.
func (q *Memory[K, T]) abandon() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.abandoned = true
	var left []T
	for _, l := range q.lanes {
		for _, item := range l.items {
			left = append(left, item.Value)
			q.size--
			q.bytes -= item.Bytes
		}
		l.items = nil
	}
	return left
}
