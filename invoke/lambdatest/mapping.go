package lambdatest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Mapping is an event source mapping: messages of an SQS queue go to a function, up to ten in an invocation. It reports batch item failures.
type Mapping struct {
	Function string        // its name
	Client   *sqs.Client   // of the queue
	Queue    string        // its URL
	Visible  time.Duration // after which a message that was not deleted comes again; whole seconds
}

const (
	// batch is how many messages an invocation gets at most.
	batch = 10
	// together is how many invocations are under way at once: what AWS begins with.
	together = 5
)

// mapped is a Mapping at work.
type mapped struct {
	Mapping
	host *Host
	arn  string // of the queue
	wg   sync.WaitGroup
}

// Map begins with the mapping. The messages of an invocation that fails are not deleted, nor are those that its answer names. What fails is in the log of the function. It goes on until stop is
// called, which returns when no message is in hand, or until the host is closed.
func (h *Host) Map(ctx context.Context, m Mapping) (stop func(), err error) {
	if h.functions[m.Function] == nil {
		return nil, fmt.Errorf("there is no function %s", m.Function)
	}
	out, err := m.Client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &m.Queue, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn}})
	if err != nil {
		return nil, err
	}
	s := &mapped{Mapping: m, host: h, arn: out.Attributes[string(types.QueueAttributeNameQueueArn)]}
	ctx, cancel := context.WithCancel(h.ctx)
	over := make(chan struct{})
	h.spawn(func() {
		defer close(over)
		s.poll(ctx)
		s.wg.Wait()
	})
	return func() {
		cancel()
		select {
		case <-over:
		case <-h.ctx.Done():
			h.wg.Wait()
		}
	}, nil
}

// poll takes messages until ctx ends, and has each batch handled while it takes the next one.
func (s *mapped) poll(ctx context.Context) {
	slots := make(chan struct{}, together)
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		messages, err := s.receive(ctx)
		if err != nil || len(messages) == 0 {
			<-slots
			if err != nil && ctx.Err() == nil {
				s.note(err)
				time.Sleep(100 * time.Millisecond)
			}
			continue
		}
		s.wg.Go(func() {
			defer func() { <-slots }()
			if err := s.handle(messages); err != nil {
				s.note(err)
			}
		})
	}
}

func (s *mapped) receive(ctx context.Context) ([]types.Message, error) {
	out, err := s.Client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &s.Queue, MaxNumberOfMessages: batch, WaitTimeSeconds: 20, VisibilityTimeout: int32(s.Visible / time.Second),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		return nil, err
	}
	return out.Messages, nil
}

// handle invokes the function, and deletes what is done.
func (s *mapped) handle(messages []types.Message) error {
	res, err := s.host.Invoke(s.host.ctx, s.Function, s.payload(messages))
	switch {
	case err != nil:
		return err
	case res.FunctionError != "":
		return fmt.Errorf("the function failed: %.200s", res.Payload)
	}
	failed, err := failures(res.Payload, messages)
	if err != nil {
		return fmt.Errorf("%w: %.200s", err, res.Payload)
	}
	var done []types.DeleteMessageBatchRequestEntry
	for _, m := range messages {
		if !failed[aws.ToString(m.MessageId)] {
			done = append(done, types.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(len(done))), ReceiptHandle: m.ReceiptHandle})
		}
	}
	if len(done) == 0 {
		return nil
	}
	out, err := s.Client.DeleteMessageBatch(s.host.ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &s.Queue, Entries: done})
	if err == nil && len(out.Failed) > 0 {
		err = errors.New("messages could not be deleted")
	}
	return err
}

func (s *mapped) note(err error) {
	fmt.Fprintf(&s.host.functions[s.Function].log, "event source mapping of %s: %v\n", s.arn, err)
}
