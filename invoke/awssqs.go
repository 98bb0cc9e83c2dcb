package invoke

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/store"
)

func awsSQSType(c Credentials) store.FunctionType {
	own := []store.Field{{Name: "queueUrl", Required: true}, {Name: "messageGroupId"}, {Name: "deduplicationId"}}
	return awsType("awssqs", "AWS SQS function", own, c, checkQueue)
}

func checkQueue(p store.Provider) error {
	u, err := url.Parse(p.Text("queueUrl"))
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "":
		return errors.New("provider.queueUrl is not the URL of a queue, such as https://sqs.us-east-1.amazonaws.com/123456789012/name")
	case u.User != nil:
		return errors.New("provider.queueUrl must not contain a user or a password: it is shown to everybody who may read the configuration")
	case !inRegion(strings.ToLower(u.Hostname()), p.Text("region")):
		return fmt.Errorf("provider.region is %s, but provider.queueUrl is in another: they must be the same", p.Text("region"))
	case !isFIFO(p) && (p.Text("messageGroupId") != "" || p.Text("deduplicationId") != ""):
		return errors.New("provider.messageGroupId and provider.deduplicationId are for FIFO queues, whose URL ends in .fifo")
	}
	return cmp.Or(checkAttribute(p, "messageGroupId"), checkAttribute(p, "deduplicationId"))
}

// inRegion says whether a host is not AWS's, or of the region. The oldest name of all has none in it.
func inRegion(host, region string) bool {
	labels := strings.Split(host, ".")
	switch {
	case host == "queue.amazonaws.com":
		return region == "us-east-1"
	case slices.Contains(labels, "amazonaws"), strings.HasSuffix(host, ".api.aws"):
		return slices.Contains(labels, region)
	}
	return true
}

func isFIFO(p store.Provider) bool { return strings.HasSuffix(p.Text("queueUrl"), ".fifo") }

// sqsQueue is a queue that gets events as messages.
type sqsQueue struct {
	*awsFunction
	client    *sqs.Client
	url       string // a name: nothing is sent there
	fifo      bool
	group     string // the attribute that becomes the message group
	function  string // the group if there is none
	duplicate string // the attribute that becomes the deduplication id
}

func openSQS(s store.Settings, e *Egress) (Invoker, error) {
	c, f, err := e.awsFunction(s, awsService{
		name: "AWS SQS", denied: "the call was denied", busy: "takes no more events for the queue for now",
		needs: "sqs:SendMessage on the queue", noSuch: "queue", failed: "could not take the event",
	})
	if err == nil {
		err = checkQueue(s.Provider)
	}
	if err != nil {
		return nil, err
	}
	q := &sqsQueue{
		awsFunction: f, client: sqs.NewFromConfig(c), url: s.Text("queueUrl"), fifo: isFIFO(s.Provider),
		group: s.Text("messageGroupId"), function: s.Function, duplicate: s.Text("deduplicationId"),
	}
	return q.invoke, nil
}

func (q *sqsQueue) invoke(ctx context.Context, p Payload) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, awsTimeout)
	defer cancel()
	call, err := q.begin(ctx)
	if err != nil {
		return nil, err
	}
	input := &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String(string(p.Body)), MessageAttributes: messageAttributes(p.Event)}
	if q.fifo {
		input.MessageGroupId = fifoID(p.attribute(q.group), q.function)
		input.MessageDeduplicationId = fifoID(p.attribute(q.duplicate), p.DeliveryID())
	}
	out, err := q.client.SendMessage(ctx, input, func(o *sqs.Options) { o.HTTPClient, o.Credentials = call, call })
	if err != nil {
		return nil, call.failure(ctx, err)
	}
	return call.taken(out.MessageId, struct {
		MessageID      string `json:"messageId"`
		SequenceNumber string `json:"sequenceNumber,omitempty"`
	}{aws.ToString(out.MessageId), aws.ToString(out.SequenceNumber)})
}

const (
	maxFIFOID            = 128
	maxMessageAttributes = 10
)

// fifoID returns the first id that there is, in a form that FIFO queues take: no white space, and only ASCII.
func fifoID(ids ...string) *string {
	id := cmp.Or(ids...)
	if len(id) > maxFIFOID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		id = digest(id)
	}
	return &id
}

// messageAttributes returns the attributes of an event as those of a message, so far as SQS takes them.
func messageAttributes(ev *event.Event) map[string]types.MessageAttributeValue {
	if ev == nil {
		return nil
	}
	kind, all := aws.String("String"), make(map[string]types.MessageAttributeValue, maxMessageAttributes)
	for name, value := range ev.Attributes() {
		if name = "ce-" + name; len(name) > 256 || value == "" || strings.ContainsFunc(value, refusedBySQS) {
			continue
		}
		all[name] = types.MessageAttributeValue{DataType: kind, StringValue: &value}
		if len(all) == maxMessageAttributes {
			break
		}
	}
	return all
}

// refusedBySQS says which characters no message may have (docs.aws.amazon.com/AWSSimpleQueueService, "SendMessage").
func refusedBySQS(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\ufffe' || r == '\uffff'
}
