//go:build unix

package invoke_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	firehosetypes "github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/event-gateway/event-gateway/invoke"
)

// BenchmarkAWS compares, for each type and size, an Invoker with the bare SDK: it may cost 1.25 times the CPU, the server included in both.
func BenchmarkAWS(b *testing.B) {
	for _, kind := range awsKinds() {
		for _, size := range []int{1 << 10, 100 << 10} {
			body := `{"body":"` + strings.Repeat("x", size) + `"}`
			answer := kind.took
			if kind.target == "" {
				answer = body
			}
			at := fmt.Sprintf("%s/%dKB", kind.name, size>>10)
			b.Run(at+"/Invoke", func(b *testing.B) {
				benchRegion(b, answer)
				call := mustOpen(b, awsRecord(b, kind.name, kind.settings+","+ownKeys))
				benchCalls(b, func(ctx context.Context) error {
					_, err := call(ctx, invoke.Payload{Body: []byte(body), Delivery: "d-1"})
					return err
				})
			})
			b.Run(at+"/SDK", func(b *testing.B) { benchCalls(b, bareCall(b, kind.name, benchRegion(b, answer), body)) })
		}
	}
}

// benchRegion keeps nothing of what it is sent.
func benchRegion(b *testing.B, answer string) (url string) {
	r := newRegion(b, nil)
	r.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	})
	return r.URL
}

// bareCall returns the SDK's own call. Now and then it fails, in the way that the Invoker avoids; then it is made again.
func bareCall(b *testing.B, kind, url, body string) func(context.Context) error {
	transport := &http.Transport{
		DialContext: (&net.Dialer{Timeout: 3 * time.Second}).DialContext, ForceAttemptHTTP2: true, Proxy: http.ProxyFromEnvironment,
		MaxIdleConns: 10_000, MaxIdleConnsPerHost: 256, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10, DisableCompression: true,
	}
	b.Cleanup(transport.CloseIdleConnections)
	c := aws.Config{
		Region: "eu-west-1", BaseEndpoint: &url, Retryer: func() aws.Retryer { return aws.NopRetryer{} }, HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("AKIDOWN", "own/secret+key", "own+token//=="),
	}
	var call func(context.Context) error
	switch kind {
	case "awslambda":
		client := lambda.NewFromConfig(c)
		call = func(ctx context.Context) error {
			_, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("hello"), InvocationType: lambdatypes.InvocationTypeRequestResponse, Payload: []byte(body)})
			return err
		}
	case "awskinesis":
		client := kinesis.NewFromConfig(c)
		call = func(ctx context.Context) error {
			_, err := client.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: aws.String("s"), PartitionKey: aws.String("d-1"), Data: []byte(body)})
			return err
		}
	case "awsfirehose":
		client := firehose.NewFromConfig(c)
		call = func(ctx context.Context) error {
			_, err := client.PutRecord(ctx, &firehose.PutRecordInput{DeliveryStreamName: aws.String("s"), Record: &firehosetypes.Record{Data: []byte(body)}})
			return err
		}
	case "awssqs":
		client := sqs.NewFromConfig(c)
		call = func(ctx context.Context) error {
			_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String("https://sqs.eu-west-1.amazonaws.com/123456789012/q"), MessageBody: aws.String(string([]byte(body)))})
			return err
		}
	}
	return func(ctx context.Context) error {
		if call(ctx) == nil {
			return nil
		}
		return call(ctx)
	}
}

func benchCalls(b *testing.B, call func(context.Context) error) {
	before := cpu(b)
	for b.Loop() {
		if err := call(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
	b.ReportAllocs()
}

// cpu returns how much CPU time this process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Skip(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
