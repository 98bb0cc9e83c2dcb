package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"
)

const (
	queueTurns   = 15
	queueBatches = 150 // in a turn
	batchSize    = 10
)

// measureQueue compares what an event costs the Lambda that AWS hands over in a batch of ten with what one costs that is sent to it. Both go to the same function.
func measureQueue(ctx context.Context) ([]row, error) {
	sqs := &sqsStub{}
	server := httptest.NewServer(sqs)
	defer server.Close()
	r := &region{env: []string{"EVENT_GATEWAY_QUEUE=sqs://sqs.us-east-1.amazonaws.com/123456789012/" + queueName + "?dead-letter=dead&endpoint=" + server.URL}}
	defer r.stop()
	db, err := startEtcd(ctx)
	if err != nil {
		return nil, err
	}
	r.db = db
	if err := r.open(ctx, db.url(), 100, map[string]string{gatewayLambda: db.url()}); err != nil {
		return nil, err
	}
	if err := subscribeLater(ctx, db.url()); err != nil {
		return nil, err
	}
	batch, err := r.fillBatch(ctx, sqs)
	if err != nil {
		return nil, err
	}
	compared, err := r.compareBatches(ctx, batch)
	return []row{compared}, err
}

// subscribeLater subscribes the function a second time, as an async one.
func subscribeLater(ctx context.Context, storeURL string) error {
	g, err := startGateway(ctx, storeURL)
	if err != nil {
		return err
	}
	defer g.stop()
	if err := g.create("eventtypes", `{"name":"http.request"}`); err != nil {
		return err
	}
	return g.create("subscriptions", `{"functionId":"f","eventType":"http.request","type":"async","method":"POST","path":"/later/:id"}`)
}

// sqsStub confirms each message, and keeps it.
type sqsStub struct{ messages []string }

func (s *sqsStub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct{ MessageBody string }
	if err := json.UnmarshalRead(r.Body, &in); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.messages = append(s.messages, in.MessageBody)
	fmt.Fprintf(w, `{"MessageId":"%d","MD5OfMessageBody":"%x"}`, len(s.messages), md5.Sum([]byte(in.MessageBody)))
}

// fillBatch has the gateway make the messages of ten events, and returns them as AWS hands them over.
func (r *region) fillBatch(ctx context.Context, s *sqsStub) ([]byte, error) {
	var batch events.SQSEvent
	for i := range batchSize {
		res, err := r.host.Invoke(ctx, gatewayLambda, bytes.ReplaceAll(userEvent, []byte("/users/42"), []byte("/later/42")))
		switch {
		case err != nil:
			return nil, err
		case len(s.messages) != i+1:
			return nil, fmt.Errorf("an event is not in the queue: %s\n%s", res.Payload, r.host.Log(gatewayLambda))
		}
		body := s.messages[i]
		batch.Records = append(batch.Records, events.SQSMessage{
			MessageId: fmt.Sprintf("5fea7756-0ea4-451a-a703-a558b933e27%d", i), ReceiptHandle: string(bytes.Repeat([]byte("AQEB"), 45)), Body: body, Md5OfBody: fmt.Sprintf("%x", md5.Sum([]byte(body))),
			Attributes: map[string]string{
				"ApproximateReceiveCount": "1", "SentTimestamp": "1763881200000", "SenderId": "AROAEXAMPLE:events", "ApproximateFirstReceiveTimestamp": "1763881200010",
			},
			MessageAttributes: map[string]events.SQSMessageAttribute{}, EventSource: "aws:sqs", EventSourceARN: "arn:aws:sqs:us-east-1:123456789012:" + queueName, AWSRegion: "us-east-1",
		})
	}
	return marshal(batch), nil
}

const queueName = "events"

// compareBatches takes turns.
func (r *region) compareBatches(ctx context.Context, batch []byte) (none row, err error) {
	ofBatch := func() error {
		res, err := r.host.Invoke(ctx, gatewayLambda, batch)
		if err == nil && string(res.Payload) != `{"batchItemFailures":[]}` {
			err = fmt.Errorf("the answer to a batch is wrong: %s\n%s", res.Payload, r.host.Log(gatewayLambda))
		}
		return err
	}
	direct := func() error {
		for range batchSize {
			if err := r.invoke(ctx, gatewayLambda); err != nil {
				return err
			}
		}
		return nil
	}
	var batches, directs, ratios []float64
	var batchBytes, directBytes float64
	for i := range queueTurns + 1 {
		var b, d float64
		if b, batchBytes, err = r.eventCost(ofBatch); err != nil {
			return none, err
		}
		if d, directBytes, err = r.eventCost(direct); err != nil {
			return none, err
		}
		if i > 0 { // the first is to warm up
			batches, directs, ratios = append(batches, b), append(directs, d), append(ratios, b/d)
		}
	}
	return row{
		name: "SQS batch of 10 events to one HTTP function, CPU against 10 direct calls", measured: median(ratios), limit: 1.5, unit: "x",
		note: fmt.Sprintf("%.0f us against %.0f us an event; %.0f and %.0f bytes to the function; %d events each; turns from %.2fx to %.2fx",
			median(batches)/1e3, median(directs)/1e3, batchBytes, directBytes, queueTurns*queueBatches*batchSize, quantile(ratios, 0), quantile(ratios, 1)),
	}, nil
}

// eventCost returns the CPU time, in nanoseconds, that the gateway's process takes for an event, if f makes it take ten, and the size of one as the function gets it.
func (r *region) eventCost(f func() error) (cost, size float64, err error) {
	const n = queueBatches * batchSize
	called, err := r.function.number("calls")
	if err != nil {
		return 0, 0, err
	}
	before, err := r.cpu()
	if err != nil {
		return 0, 0, err
	}
	for range queueBatches {
		if err := f(); err != nil {
			return 0, 0, err
		}
	}
	after, err := r.cpu()
	if err != nil {
		return 0, 0, err
	}
	calls, err := r.function.number("calls")
	if err == nil && calls-called != n {
		err = fmt.Errorf("the function got %.0f of %d events", calls-called, n)
	}
	if err == nil {
		size, err = r.function.number("size")
	}
	return (after - before) / n, size, err
}

// cpu returns how many nanoseconds the one process of the gateway has used, in user and kernel mode. Linux tells it in hundredths of a second.
func (r *region) cpu() (float64, error) {
	pids := r.host.Processes(gatewayLambda)
	if len(pids) != 1 {
		return 0, fmt.Errorf("the gateway has %d processes", len(pids))
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pids[0]))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]) // from the third one on
	if len(fields) < 13 {
		return 0, errors.New("/proc has no times of a process")
	}
	user, err := strconv.ParseFloat(string(fields[11]), 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseFloat(string(fields[12]), 64)
	return (user + system) * 1e7, err
}
