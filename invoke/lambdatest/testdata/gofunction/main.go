// Command gofunction is a Lambda function that does what it is told: by the member "do" of the event, or of the "data" or "body" in it, or
// else by that of the environment variable ORDER, which is of JSON too.
//
//	echo      answers the event as the body; so does anything unknown
//	error     returns an error
//	panic     panics
//	exit      exits with the status "n"
//	sleep     sleeps for "n" milliseconds, then echoes
//	big       answers a body of "n" letters
//	raw       answers the member "raw" as it is, in place of an HTTP response
//	status    answers the HTTP status "n", and the event
//	ticks     answers how often a goroutine's ticker has ticked since the process started, about a thousand times a second
//	env       answers the environment, a variable a line
//	context   answers the request id, the ARN and the deadline in milliseconds
//	print     writes the event to stdout, then echoes
//	batch     writes the event to stdout, and answers that those messages of SQS failed whose body is "fail"
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// order is what the function is told.
type order struct {
	Do  string          `json:"do"`
	N   int             `json:"n"`
	Raw json.RawMessage `json:"raw"`
}

// response is what API Gateway and the event gateway take for an HTTP response.
type response struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
}

func main() {
	var ticks atomic.Int64
	go func() {
		for range time.Tick(time.Millisecond) {
			ticks.Add(1)
		}
	}()
	lambda.Start(func(ctx context.Context, event json.RawMessage) (any, error) {
		return do(ctx, event, &ticks)
	})
}

func do(ctx context.Context, event json.RawMessage, ticks *atomic.Int64) (any, error) {
	o := read(event)
	switch o.Do {
	case "error":
		return nil, errors.New("told to fail")
	case "panic":
		panic("told to panic")
	case "exit":
		os.Exit(o.N)
	case "sleep":
		time.Sleep(time.Duration(o.N) * time.Millisecond)
	case "big":
		return answer(200, strings.Repeat("x", o.N)), nil
	case "raw":
		return o.Raw, nil
	case "status":
		return answer(o.N, string(event)), nil
	case "ticks":
		return answer(200, fmt.Sprint(ticks.Load())), nil
	case "env":
		return answer(200, strings.Join(os.Environ(), "\n")), nil
	case "context":
		lc, _ := lambdacontext.FromContext(ctx)
		deadline, _ := ctx.Deadline()
		return answer(200, fmt.Sprintln(lc.AwsRequestID, lc.InvokedFunctionArn, deadline.UnixMilli())), nil
	case "print":
		fmt.Println(string(event))
	case "batch":
		fmt.Println(string(event))
		return batch(event)
	}
	return answer(200, string(event)), nil
}

func batch(event json.RawMessage) (any, error) {
	var in events.SQSEvent
	err := json.Unmarshal(event, &in)
	var out events.SQSEventResponse
	for _, m := range in.Records {
		if m.Body == "fail" {
			out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}
	return out, err
}

// read returns the order in the event, or else the one in the environment.
func read(event json.RawMessage) order {
	if o := find(event); o.Do != "" {
		return o
	}
	var o order
	_ = json.Unmarshal([]byte(os.Getenv("ORDER")), &o)
	return o
}

// find returns the order in the value: its own, or that in its data or body, which may be text.
func find(value json.RawMessage) order {
	var text string
	if json.Unmarshal(value, &text) == nil {
		value = json.RawMessage(text)
	}
	var v struct {
		order
		Data json.RawMessage `json:"data"`
		Body json.RawMessage `json:"body"`
	}
	if json.Unmarshal(value, &v) != nil || v.Do != "" {
		return v.order
	}
	for _, part := range []json.RawMessage{v.Data, v.Body} {
		if o := find(part); o.Do != "" {
			return o
		}
	}
	return order{}
}

func answer(status int, body string) response {
	return response{StatusCode: status, Headers: map[string]string{"Content-Type": "application/json"}, Body: body}
}
