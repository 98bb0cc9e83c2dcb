package app

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/event-gateway/event-gateway/invoke/queue"
	"github.com/event-gateway/event-gateway/invoke/queue/sqs"
)

// openQueue opens a queue that outlives the process.
type openQueue func(deliver queue.Deliver) queue.Queue

// readQueue reads the URL of the queue, if there is one.
func (o *Options) readQueue() (err error) {
	switch scheme, _, _ := strings.Cut(o.Queue, ":"); {
	case o.Queue == "":
		return nil
	case scheme != "sqs":
		return fmt.Errorf("%s: there is no queue of the kind %.20q: it looks like sqs://sqs.us-east-1.amazonaws.com/123456789012/NAME?dead-letter=NAME", o.named("queue"), scheme)
	}
	if o.queue, err = sqs.ParseURL(o.Queue); err != nil {
		return fmt.Errorf("%s: %w", o.named("queue"), err)
	}
	return nil
}

// checkQueue says what is wrong with the queue, if there is one, for the person who starts a server.
func checkQueue(ctx context.Context, o *Options, log *slog.Logger) error {
	if o.Queue == "" {
		return nil
	}
	q := sqs.New(o.queue, nil, log)
	defer q.Drain(ctx)
	if err := q.Check(ctx); err != nil {
		return fmt.Errorf("%s: %w", o.named("queue"), err)
	}
	return nil
}

// queueOf returns how the queue of the options is opened, or nil if there is none. opened returns it afterwards.
func queueOf(o *Options, log *slog.Logger) (open openQueue, opened func() *sqs.Queue) {
	var q *sqs.Queue
	if o.Queue != "" && o.Role != "config" { // the Config API takes no events
		open = func(deliver queue.Deliver) queue.Queue {
			q = sqs.New(o.queue, deliver, log)
			return q
		}
	}
	return open, func() *sqs.Queue { return q }
}
