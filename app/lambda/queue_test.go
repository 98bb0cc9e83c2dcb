package lambda

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/invoke/queue/sqs"
)

// TestQueue: messages of the queue are consumed, and those that have to come again are named.
func TestQueue(t *testing.T) {
	t.Parallel()
	var got []sqs.Record
	var left time.Duration
	begun, ended := 0, 0
	a := New(http.NotFoundHandler(), Options{Queue: "events", Consume: func(ctx context.Context, records []sqs.Record) []string {
		got = records
		end, _ := ctx.Deadline()
		left = time.Until(end)
		if records[0].Body == "good" {
			return nil
		}
		return []string{"2"}
	}, Begin: func() func() { begun++; return func() { ended++ } }})
	const arn = `"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-west-1:123456789012:events"`
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	out, err := a.Invoke(ctx, []byte(`{"Records":[{"messageId":"1","body":"a \u00e4",`+arn+`,"attributes":{}},{"messageId":"2","body":"b",`+arn+`}]}`))
	if err != nil || string(out) != `{"batchItemFailures":[{"itemIdentifier":"2"}]}` || fmt.Sprint(got) != "[{1 a \u00e4} {2 b}]" {
		t.Errorf("%s, %v, %v", out, err, got)
	}
	if left > 9500*time.Millisecond || left < 8*time.Second {
		t.Errorf("there were %v left of 10 s", left)
	}
	if out, err = a.Invoke(ctx, []byte(`{"Records":[{"messageId":"1","body":"good",`+arn+`}]}`)); err != nil || string(out) != `{"batchItemFailures":[]}` {
		t.Errorf("%s, %v", out, err)
	}
	if begun != 2 || ended != 2 {
		t.Errorf("%d began, %d ended", begun, ended)
	}
	got = nil
	f := func(a *Adapter, record, want string) {
		t.Helper()
		if out, err := a.Invoke(ctx, []byte(`{"Records":[`+record+`]}`)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") || got != nil {
			t.Errorf("%s: %s, %v, %v", record, out, err, got)
		}
	}
	f(a, `{"messageId":"1","body":"secret","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-west-1:123456789012:other"}`, `EVENT_GATEWAY_QUEUE names "events"`)
	f(a, `{"messageId":"1","body":"secret","eventSource":"aws:sqs"}`, `EVENT_GATEWAY_QUEUE names "events"`)
	f(a, `{"messageId":"1","body":"secret","eventSource":"aws:kinesis"}`, "neither an HTTP request nor a message of the queue")
	f(New(http.NotFoundHandler(), Options{}), `{"messageId":"1","body":"secret",`+arn+`}`, "this function takes none")
}
