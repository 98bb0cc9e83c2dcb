package sqs

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const (
	pollers = 2
	// atOnce is how many messages a server has in hand at once.
	atOnce = 100
	// wait is how long SQS waits for a message before it says that there is none.
	wait = 20 * time.Second
	// A queue that does not answer is asked again after a time that grows from the one to the other.
	firstPause, longestPause = 200 * time.Millisecond, 10 * time.Second
)

// Run implements queue.Queue. What it has in hand when it ends is delivered until Drain says otherwise.
func (q *Queue) Run(ctx context.Context) {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return
	}
	q.polling.Add(1)
	q.mu.Unlock()
	defer q.polling.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for range pollers {
		wg.Go(func() { q.poll(ctx, slots) })
	}
	select {
	case <-q.draining:
	case <-ctx.Done():
	}
	cancel()
	wg.Wait()
}

// poll takes messages until ctx ends. A message in hand takes a slot.
func (q *Queue) poll(ctx context.Context, slots chan struct{}) {
	pause := firstPause
	for {
		n := take(ctx, slots)
		if n == 0 {
			return
		}
		messages, err := q.receive(ctx, n)
		for range n - len(messages) {
			<-slots
		}
		for _, m := range messages {
			q.inHand.Go(func() {
				defer func() { <-slots }()
				q.consume(m)
			})
		}
		if err == nil {
			pause = firstPause
			continue
		}
		if ctx.Err() != nil {
			return
		}
		q.log.Warn("the queue cannot be read; trying again", "error", err, "pause", pause.String())
		select {
		case <-time.After(pause/2 + rand.N(pause/2)):
		case <-ctx.Done():
		}
		pause = min(2*pause, longestPause)
	}
}

// take waits for a slot, and takes up to as many as there are messages in an answer. It returns 0 when ctx ends.
func take(ctx context.Context, slots chan struct{}) int {
	if ctx.Err() != nil {
		return 0
	}
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return 0
	}
	for n := 1; n < maxBatch; n++ {
		select {
		case slots <- struct{}{}:
		default:
			return n
		}
	}
	return maxBatch
}

func (q *Queue) receive(ctx context.Context, n int) ([]types.Message, error) {
	client, err := q.dial(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, wait+10*time.Second)
	defer cancel()
	out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &q.options.URL, MaxNumberOfMessages: int32(n), WaitTimeSeconds: int32(wait.Seconds()), VisibilityTimeout: int32(q.options.Visibility.Seconds()),
	})
	if err != nil {
		return nil, shorter(err)
	}
	return out.Messages[:min(n, len(out.Messages))], nil
}

// consume does what a message asks for, and deletes it.
func (q *Queue) consume(m types.Message) {
	ctx, cancel := context.WithTimeout(q.ctx, q.options.Visibility-2*lastLimit)
	defer cancel()
	id := aws.ToString(m.MessageId)
	if !q.settle(ctx, id, aws.ToString(m.Body)) {
		return
	}
	ctx, cancelDelete := context.WithTimeout(context.Background(), lastLimit)
	defer cancelDelete()
	if _, err := q.client.Load().DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &q.options.URL, ReceiptHandle: m.ReceiptHandle}); err != nil {
		q.log.Warn("a message could not be deleted: its deliveries will be made once more", "message", id, "error", shorter(err))
	}
}

// Record is a message that AWS Lambda hands to the gateway.
type Record struct{ ID, Body string }

// Consume does what messages ask for, until shortly before ctx ends. It returns the ids of those that have to come again.
func (q *Queue) Consume(ctx context.Context, records []Record) (failed []string) {
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-min(lastLimit, time.Until(end)/2)))
		defer cancel()
	}
	done := make([]bool, len(records))
	var wg sync.WaitGroup
	for i, r := range records {
		wg.Go(func() { done[i] = q.settle(ctx, r.ID, r.Body) })
	}
	wg.Wait()
	for i, r := range records {
		if !done[i] {
			failed = append(failed, r.ID)
		}
	}
	return failed
}
