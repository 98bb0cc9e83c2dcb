package lambda

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"

	"github.com/event-gateway/event-gateway/invoke/queue/sqs"
)

// record is a message of SQS (docs.aws.amazon.com/lambda, "Using Lambda with Amazon SQS").
type record struct {
	MessageID      string `json:"messageId"`
	Body           string `json:"body"`
	EventSource    string `json:"eventSource"`
	EventSourceARN string `json:"eventSourceARN"`
}

// consume does what messages ask for, and says which have to come again. Those of another queue are a mistake in the set-up: all come again then.
func (a *Adapter) consume(ctx context.Context, records []record) ([]byte, error) {
	ctx, cancel := early(ctx)
	defer cancel()
	messages := make([]sqs.Record, len(records))
	for i, r := range records {
		queue := r.EventSourceARN[strings.LastIndexByte(r.EventSourceARN, ':')+1:]
		switch {
		case r.EventSource != "aws:sqs":
			return nil, errUnknown
		case a.options.Queue == "":
			return nil, fmt.Errorf("a message of the queue %.80q came, but this function takes none: EVENT_GATEWAY_QUEUE names the queue, and EVENT_GATEWAY_ROLE has to be events or all", queue)
		case queue != a.options.Queue:
			return nil, fmt.Errorf("a message of the queue %.80q came, but EVENT_GATEWAY_QUEUE names %q", queue, a.options.Queue)
		}
		messages[i] = sqs.Record{ID: r.MessageID, Body: r.Body}
	}
	answer := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, id := range a.options.Consume(ctx, messages) {
		answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: id})
	}
	return json.Marshal(answer)
}
