package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/store"
)

const (
	callTurns = 20
	callsEach = 1_000 // one after another
)

// measureAWSLambda compares what a call of a function of type awslambda costs with what the bare SDK's costs.
func measureAWSLambda(ctx context.Context) ([]row, error) { return compareAWS(ctx, "awslambda") }

// measureAWS does so for streams and queues.
func measureAWS(ctx context.Context) ([]row, error) {
	return compareAWS(ctx, "awskinesis", "awsfirehose", "awssqs")
}

func compareAWS(ctx context.Context, types ...string) (rows []row, err error) {
	server, err := start(ctx, "aws")
	if err != nil {
		return nil, err
	}
	defer server.stop()
	for _, name := range types {
		r, err := compareWithSDK(ctx, name, server.hello)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", name, err)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func compareWithSDK(ctx context.Context, name, url string) (none row, err error) {
	gateway, err := start(ctx, "awsfunction", name, url)
	if err != nil {
		return none, err
	}
	defer gateway.stop()
	sdk, err := start(ctx, "sdk", name, url)
	if err != nil {
		return none, err
	}
	defer sdk.stop()
	var ours, theirs, ratios []float64
	for i := range callTurns + 1 {
		g, err := callCost(gateway)
		if err != nil {
			return none, err
		}
		s, err := callCost(sdk)
		if err != nil {
			return none, err
		}
		if i > 0 { // the first is to warm up
			ours, theirs, ratios = append(ours, g), append(theirs, s), append(ratios, g/s)
		}
	}
	return row{
		name: name + " function, CPU of a call against the bare SDK", measured: median(ratios), limit: 1.25, unit: "x",
		note: fmt.Sprintf("%.1f us against %.1f us; %d calls each; slices from %.2fx to %.2fx",
			median(ours)/1e3, median(theirs)/1e3, callTurns*callsEach, quantile(ratios, 0), quantile(ratios, 1)),
	}, nil
}

// callCost returns the CPU time, in nanoseconds, that a call takes of the process that makes it.
func callCost(p *process) (float64, error) {
	before, err := p.number("cpu")
	if err != nil {
		return 0, err
	}
	if said, err := p.ask("calls"); err != nil || said != "done" {
		return 0, errors.Join(errors.New(said), err)
	}
	after, err := p.number("cpu")
	return (after - before) / callsEach, err
}

// caller returns what a process answers that makes calls, each of which says whether it went well.
func caller(call func(context.Context) error) func(string) string {
	return func(string) string {
		for range callsEach {
			if err := call(context.Background()); err != nil {
				return err.Error()
			}
		}
		return "done"
	}
}

// playAWS is a server in place of AWS. What tells the services apart is a header, which Lambda does not have.
func playAWS([]string) (string, func(string) string, error) {
	answers := map[string]string{
		"":                            string(answer),
		"Kinesis_20131202.PutRecord":  `{"SequenceNumber":"49590338271490256608559692538361571095921575989136588898","ShardId":"shardId-000000000000"}`,
		"Firehose_20150804.PutRecord": `{"Encrypted":false,"RecordId":"` + strings.Repeat("x", 200) + `"}`,
		"AmazonSQS.SendMessage":       `{"MessageId":"5fea7756-0ea4-451a-a703-a558b933e274"}`,
	}
	url, err := serve(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("X-Amzn-Requestid", "4f5a8f26-3f1c-4d1e-9d2b-6a1c0e8b7d90")
		_, _ = io.WriteString(w, answers[r.Header.Get("X-Amz-Target")])
	})
	return url, nil, err
}

// What both sides call, and with what.
const (
	lambdaName = "hello"
	streamName = "orders"
	queueURL   = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"
	awsRegion  = "eu-west-1"
	keyID      = "AKIDEXAMPLE"
	secretKey  = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

// playAWSFunction calls a function of a type as the gateway does, from an event to its answer.
func playAWSFunction(args []string) (string, func(string) string, error) {
	// What this machine has set for AWS is not part of it.
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": args[1], "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_PROFILE": "", "AWS_CA_BUNDLE": "",
	} {
		if err := os.Setenv(name, value); err != nil {
			return "", nil, err
		}
	}
	setting := map[string][2]string{
		"awslambda": {"arn", lambdaName}, "awskinesis": {"streamName", streamName}, "awsfirehose": {"deliveryStreamName", streamName}, "awssqs": {"queueUrl", queueURL},
	}[args[0]]
	f, err := newRules().DecodeFunction(fmt.Appendf(nil,
		`{"functionId":"f","type":%q,"provider":{%q:%q,"region":%q,"awsAccessKeyId":%q,"awsSecretAccessKey":%q}}`,
		args[0], setting[0], setting[1], awsRegion, keyID, secretKey), "default", "")
	if err != nil {
		return "", nil, err
	}
	d, ev, target := newDispatcher(), order(), store.Target{Function: f}
	return "ready", caller(func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx) // as each sender's request has one
		defer cancel()
		_, err := d.Invoke(ctx, nil, ev, target)
		return err
	}), nil
}

// transport is an HTTP client as the gateway's is: without what http.Client does besides.
type transport struct{ *http.Transport }

func (t transport) Do(r *http.Request) (*http.Response, error) { return t.RoundTrip(r) }

// playSDK calls it as the SDK does, with as little as it can be told to do.
func playSDK(args []string) (string, func(string) string, error) {
	c := aws.Config{
		Region: awsRegion, BaseEndpoint: &args[1], Credentials: credentials.NewStaticCredentialsProvider(keyID, secretKey, ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		HTTPClient: transport{&http.Transport{ // as the gateway's
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConns: 10_000, MaxIdleConnsPerHost: 256,
			IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: 64 << 10, DisableCompression: true,
		}},
	}
	call := bareCall(args[0], c)
	return "ready", caller(func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		return call(ctx)
	}), nil
}

// bareCall sends the same event, with the same that goes beside it.
func bareCall(name string, c aws.Config) func(context.Context) error {
	ev := order()
	body := ev.Append(nil, event.CloudEvents, event.Params{})
	switch name {
	case "awskinesis":
		client := kinesis.NewFromConfig(c)
		return func(ctx context.Context) error {
			_, err := client.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: aws.String(streamName), PartitionKey: aws.String(ev.ID), Data: body})
			return err
		}
	case "awsfirehose":
		client := firehose.NewFromConfig(c)
		line := append(body, '\n')
		return func(ctx context.Context) error {
			_, err := client.PutRecord(ctx, &firehose.PutRecordInput{DeliveryStreamName: aws.String(streamName), Record: &types.Record{Data: line}})
			return err
		}
	case "awssqs":
		client, text := sqs.NewFromConfig(c), string(body)
		return func(ctx context.Context) error {
			input := &sqs.SendMessageInput{QueueUrl: aws.String(queueURL), MessageBody: &text, MessageAttributes: map[string]sqstypes.MessageAttributeValue{}}
			for name, value := range ev.Attributes() {
				input.MessageAttributes["ce-"+name] = sqstypes.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
			}
			_, err := client.SendMessage(ctx, input)
			return err
		}
	}
	client := lambda.NewFromConfig(c)
	return func(ctx context.Context) error {
		_, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(lambdaName), Payload: body})
		return err
	}
}
