// Package queue holds deliveries until they are made: in memory, or in a queue that outlives the process, of which each kind has a package of its own.
package queue

import (
	"context"
	"errors"
	"time"

	"github.com/event-gateway/event-gateway/invoke/event"
)

// Queue hands each delivery to the Deliver that it was made with. It is safe for concurrent use. Package queuetest says in tests what this comment says in words.
type Queue interface {
	// Add takes messages. ErrFull, ErrClosed and ErrTooLarge say that it took none. An ErrAway says that nobody knows: of several messages, or of one that is too
	// large for one place, some may have been taken. What a durable queue has taken is delivered at least once or is dead, whatever happens to the process.
	Add(ctx context.Context, messages ...*Message) error
	// Follow is Add for what follows from a delivery that is under way: it is taken also while the queue drains.
	Follow(ctx context.Context, messages ...*Message) error
	// Run hands out what other processes have added, too, until ctx ends or the queue drains. A queue of this process only needs no Run, which then returns at once.
	Run(ctx context.Context)
	// Len returns how many deliveries wait or are under way, so far as this process knows.
	Len() int
	// Drain takes nothing more, and waits until nothing of this process is left to be done. When ctx ends, it ends what is under way. It returns what is lost then.
	Drain(ctx context.Context) (lost []*Delivery)
}

var (
	// ErrFull is returned when there is no room. Nothing of what was to be added is in the queue.
	ErrFull = errors.New("the queue is full")
	// ErrClosed is returned once the queue drains.
	ErrClosed = errors.New("the queue is closed")
	// ErrTooLarge is returned for an event that the queue cannot take, whenever it is sent.
	ErrTooLarge = errors.New("the event is too large for the queue")
	// ErrAway is returned when the queue does not answer, or not as it should.
	ErrAway = errors.New("the queue cannot be reached")
)

// Message is an event, and all its deliveries.
type Message struct {
	Event      *event.Event
	Deliveries []*Delivery
}

// Delivery is one event on its way to one subscription.
type Delivery struct {
	// ID is the same each time that the delivery is tried. Only a durable queue has need of one.
	ID    string
	Event *event.Event
	// Space, Subscription and Function name the subscription and its function. A durable queue keeps no function: the subscription tells.
	Space, Subscription, Function string
	// Params are the path parameters of the route.
	Params event.Params
	// Revision is that of the configuration that the event was routed by.
	Revision uint64
	// Attempts is how often the delivery was tried.
	Attempts int
	// Reason is why the delivery is dead.
	Reason string

	// Bytes is how much memory the delivery keeps.
	Bytes int
	// Local is what the process knows of the delivery, as long as that has not left it.
	Local any
}

// Deliver makes one attempt, and says what is to become of the delivery. It never panics.
type Deliver func(ctx context.Context, d *Delivery) Verdict

// Verdict is what is to become of a delivery after an attempt. The zero value says that it is over.
type Verdict struct {
	// Again is how long it waits for the next attempt.
	Again time.Duration
	// Uncounted says that this was no attempt: there was no time for it, or no way.
	Uncounted bool
	// Dead says why it is not tried again. A durable queue keeps it for people to look at.
	Dead string
}
