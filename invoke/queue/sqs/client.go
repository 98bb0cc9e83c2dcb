package sqs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	"golang.org/x/sync/errgroup"
)

// maxPause is how long the SDK waits before it tries again: all tries have to fit into the time of a request.
const maxPause = 300 * time.Millisecond

// dial returns the client. It is made at the first call, since that reads files, which may come and be put right later.
func (q *Queue) dial(ctx context.Context) (*sqs.Client, error) {
	if c := q.client.Load(); c != nil {
		return c, nil
	}
	q.dialing.Lock()
	defer q.dialing.Unlock()
	if c := q.client.Load(); c != nil {
		return c, nil
	}
	quickly := func() aws.Retryer { return retry.AddWithMaxBackoffDelay(retry.NewStandard(), maxPause) }
	sources := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{}), config.WithRetryer(quickly)}
	if q.options.Region != "" {
		sources = append(sources, config.WithRegion(q.options.Region))
	}
	c, err := config.LoadDefaultConfig(ctx, sources...)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the AWS settings (environment, shared files) cannot be read: %w", err)
	case c.Region == "":
		return nil, errors.New("no region is given: add region=... to the URL of the queue, or set AWS_REGION")
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if own, ok := c.HTTPClient.(*awshttp.BuildableClient); ok { // it knows AWS_CA_BUNDLE
		transport = own.GetTransport()
	} else {
		transport = awshttp.NewBuildableClient().GetTransport()
	}
	transport.MaxIdleConnsPerHost = 64
	q.idle = transport.CloseIdleConnections
	client := sqs.NewFromConfig(c, func(o *sqs.Options) {
		o.HTTPClient = sender{transport}
		if q.options.Endpoint != "" {
			o.BaseEndpoint = &q.options.Endpoint
		}
	})
	q.client.Store(client)
	return client, nil
}

// checkLimit bounds the question whether the queues are there.
const checkLimit = 5 * time.Second

// Check returns an error if there is no such queue or dead-letter queue, or the AWS settings cannot be used. That SQS does not answer, or does not say, is none: it may later.
func (q *Queue) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	client, err := q.dial(ctx)
	if err != nil {
		return err
	}
	for what, url := range map[string]string{"queue": q.options.URL, "dead-letter queue": q.options.DeadLetter} {
		_, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn}})
		var missing *types.QueueDoesNotExist
		switch {
		case errors.As(err, &missing):
			return fmt.Errorf("there is no %s %s in the region %s", what, url, client.Options().Region)
		case err != nil:
			q.log.Warn("the "+what+" could not be looked at; going on", "queue", url, "error", shorter(err))
			return nil
		}
	}
	return nil
}

// sender sends the SDK's requests, and bounds the answers.
type sender struct{ transport *http.Transport }

// largestAnswer is more than ten messages of the largest size have as JSON.
const largestAnswer = 32 << 20

// Do implements sqs.HTTPClient.
func (s sender) Do(r *http.Request) (*http.Response, error) {
	response, err := s.transport.RoundTrip(r)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, largestAnswer)
	}
	return response, err
}

// send sends texts as messages, as many as fit in each request, and some requests at once. Its errors are ErrAway: if there are several messages, some may have been taken.
func (q *Queue) send(ctx context.Context, to string, texts []string, after time.Duration) error {
	if len(texts) == 0 {
		return nil
	}
	client, err := q.dial(ctx)
	if err != nil {
		return away(err)
	}
	seconds := int32(after.Round(time.Second) / time.Second)
	var requests errgroup.Group
	requests.SetLimit(sendsAtOnce)
	for len(texts) > 0 {
		n, size := 1, len(texts[0])
		for n < len(texts) && n < maxBatch && size+len(texts[n]) <= maxMessage {
			size += len(texts[n])
			n++
		}
		part := texts[:n]
		texts = texts[n:]
		requests.Go(func() error {
			if len(part) > 1 {
				return sendBatch(ctx, client, to, part, seconds)
			}
			_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &to, MessageBody: &part[0], DelaySeconds: seconds})
			return err
		})
	}
	if err := requests.Wait(); err != nil {
		return away(shorter(err))
	}
	return nil
}

// sendsAtOnce is how many requests of one Add are under way at once.
const sendsAtOnce = 16

// maxBatch is how many messages there are in a request at most.
const maxBatch = 10

func sendBatch(ctx context.Context, client *sqs.Client, to string, texts []string, seconds int32) error {
	entries := make([]types.SendMessageBatchRequestEntry, len(texts))
	for i, text := range texts {
		entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &text, DelaySeconds: seconds}
	}
	out, err := client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &to, Entries: entries})
	switch {
	case err != nil:
		return err
	case len(out.Failed) > 0:
		return fmt.Errorf("%d of %d messages were not taken: %.100s", len(out.Failed), len(texts), aws.ToString(out.Failed[0].Code))
	case len(out.Successful) != len(texts):
		return fmt.Errorf("%d of %d messages were confirmed", len(out.Successful), len(texts))
	}
	return nil
}

// shorter returns what is worth to be known of an error of the SDK. What is said of wrong credentials is not shown, as it may repeat them.
func shorter(err error) error {
	var api smithy.APIError
	var operation *smithy.OperationError
	switch {
	case errors.As(err, &api):
		return fmt.Errorf("SQS refuses it (%.100s)", api.ErrorCode())
	case errors.As(err, &operation):
		return operation.Err
	}
	return err
}
