// Package sqs is a queue in Amazon SQS. It outlives the process: what was taken is delivered at least once or goes to the dead-letter queue, where people find the event and the reason.
package sqs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/event-gateway/event-gateway/invoke/queue"
)

// Queue is a queue.Queue. Of an event it makes one message with the ids of all its subscriptions, or more if they do not fit into one.
type Queue struct {
	options Options
	deliver queue.Deliver
	log     *slog.Logger

	dialing sync.Mutex
	client  atomic.Pointer[sqs.Client]
	idle    func() // closes connections that are not in use

	ctx      context.Context // of deliveries
	stop     context.CancelFunc
	underWay atomic.Int64 // deliveries

	mu       sync.Mutex // guards what follows
	closed   bool
	draining chan struct{}
	polling  sync.WaitGroup // those who may begin to consume
	inHand   sync.WaitGroup // messages
}

const (
	// sendLimit bounds the sending of what was added, all tries of it together.
	sendLimit = 5 * time.Second
	// maxMessage is what SQS takes as a message, or as the messages of one request, by default.
	maxMessage = 256 << 10
	// fresh is how large a new message may be: later it also has attempts and a reason.
	fresh = maxMessage - 8<<10
	// most is how much one Add may send.
	most = 32 << 20
	// longest is how long SQS keeps a message back.
	longest = 15 * time.Minute
)

// New returns a queue that hands each delivery to deliver. SQS is asked when there is something to be asked for.
func New(o Options, deliver queue.Deliver, log *slog.Logger) *Queue {
	ctx, stop := context.WithCancel(context.Background())
	return &Queue{options: o, deliver: deliver, log: log, ctx: ctx, stop: stop, draining: make(chan struct{})}
}

// Add implements queue.Queue. It returns when SQS has confirmed all messages.
func (q *Queue) Add(ctx context.Context, messages ...*queue.Message) error {
	q.mu.Lock()
	closed := q.closed
	q.mu.Unlock()
	if closed {
		return queue.ErrClosed
	}
	return q.Follow(ctx, messages...)
}

// Follow implements queue.Queue.
func (q *Queue) Follow(ctx context.Context, messages ...*queue.Message) error {
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	var texts []string
	left := most
	for _, m := range messages {
		split, err := m.Split(fresh, left)
		if err != nil {
			return err
		}
		for _, text := range split {
			left -= len(text)
		}
		texts = append(texts, split...)
	}
	return q.send(ctx, q.options.URL, texts, 0)
}

// Len implements queue.Queue: it is what this process delivers now.
func (q *Queue) Len() int { return int(q.underWay.Load()) }

// Name returns the name of the queue.
func (q *Queue) Name() string { return name(q.options.URL) }

// Disconnect closes the connections to SQS that are not in use.
func (q *Queue) Disconnect() {
	q.dialing.Lock()
	defer q.dialing.Unlock()
	if q.idle != nil {
		q.idle()
	}
}

// Drain implements queue.Queue. Nothing is lost: what was not delivered comes again.
func (q *Queue) Drain(ctx context.Context) []*queue.Delivery {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.draining)
	}
	q.mu.Unlock()
	q.polling.Wait()
	over := make(chan struct{})
	go func() { q.inHand.Wait(); close(over) }()
	select {
	case <-over:
	case <-ctx.Done():
	}
	q.stop()
	<-over
	q.Disconnect()
	return nil
}

// settle makes the deliveries of a message until ctx ends, and says whether SQS can forget it: all that is left to do is in other messages then. That takes lastLimit at most.
func (q *Queue) settle(ctx context.Context, id, text string) (forget bool) {
	defer func() {
		if p := recover(); p != nil { // it would come again, to the next process
			forget = false
			q.log.Error("a panic ended a message of the queue", "message", id, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	m, err := queue.ParseMessage([]byte(text))
	if err != nil {
		q.log.Error("a message of the queue cannot be read, and goes to the dead-letter queue", "message", id, "error", err)
		return q.keep(id, []rest{{to: q.options.DeadLetter, texts: []string{text}}})
	}
	q.underWay.Add(int64(len(m.Deliveries)))
	defer q.underWay.Add(-int64(len(m.Deliveries)))
	again, dead := queue.Handle(ctx, m, q.deliver)
	var rests []rest
	if dead != nil {
		rests = append(rests, q.rest(q.options.DeadLetter, dead, 0, text))
	}
	for _, later := range again {
		rests = append(rests, q.rest(q.options.URL, later.Message, later.After, text))
	}
	return q.keep(id, rests)
}

// rest is what is left of a message, and where it goes.
type rest struct {
	to    string
	texts []string
	after time.Duration
}

// rest returns what becomes of a part of a message. One that is too large now, with attempts and reasons, is dead as it came: somebody else made it.
func (q *Queue) rest(to string, m *queue.Message, after time.Duration, came string) rest {
	texts, err := m.Split(maxMessage, most)
	if err != nil {
		return rest{to: q.options.DeadLetter, texts: []string{came}}
	}
	return rest{to, texts, spread(after)}
}

// lastLimit is how much time it takes at most to say what became of a message.
const lastLimit = 3 * time.Second

// keep sends what is left of a message, also if the time for its deliveries is over, and says whether all of it is kept.
func (q *Queue) keep(id string, rests []rest) bool {
	ctx, cancel := context.WithTimeout(context.Background(), lastLimit)
	defer cancel()
	errs := make([]error, len(rests))
	var wg sync.WaitGroup
	for i, r := range rests {
		wg.Go(func() { errs[i] = q.send(ctx, r.to, r.texts, r.after) })
	}
	wg.Wait()
	err := errors.Join(errs...)
	if err != nil {
		q.log.Error("what is left of a message cannot be kept: it comes again as a whole", "message", id, "error", err)
	}
	return err == nil
}

// spread makes a wait up to a quarter longer, so that not all that failed together comes together again. SQS knows whole seconds.
func spread(d time.Duration) time.Duration {
	if d == 0 {
		return 0
	}
	return min(max(time.Second, d+rand.N(d/4+1)), longest)
}

var _ queue.Queue = (*Queue)(nil)

func away(err error) error { return fmt.Errorf("%w: %w", queue.ErrAway, err) }
