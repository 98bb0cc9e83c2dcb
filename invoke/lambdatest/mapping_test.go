package lambdatest_test

import (
	"crypto/md5"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/event-gateway/event-gateway/invoke/lambdatest"
	"github.com/event-gateway/event-gateway/invoke/queue/sqs/sqstest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// TestMapping has messages of two emulators of SQS go to functions.
func TestMapping(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup // all wait most of the time
	defer wg.Wait()
	for emulator, endpoint := range map[string]string{
		"moto": servers.Moto(t), "fauxqs": servers.Node(t, "../testdata/awspeers", "serve.mjs", "fauxqs"),
	} {
		for name, test := range map[string]func(*testing.T, *sqstest.Queue){
			"records": mapRecords, "some fail": mapSome, "answers": mapAnswers, "stop": mapStop, "wrong": mapWrong,
		} {
			wg.Go(func() {
				t.Run(emulator+"/"+name, func(t *testing.T) { test(t, sqstest.New(t, endpoint)) })
			})
		}
	}
}

// mapTo maps the queue to a function that does as it is told. visible is how long it has for a message.
func mapTo(t *testing.T, q *sqstest.Queue, order string, visible time.Duration) (h *lambdatest.Host, stop func()) {
	t.Helper()
	h = host(t, lambdatest.Function{Env: []string{"ORDER=" + order}, Timeout: 1500 * time.Millisecond})
	stop, err := h.Map(t.Context(), lambdatest.Mapping{Function: "f", Client: q.Client, Queue: q.URL, Visible: visible})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return h, stop
}

// batches returns the events that the function has printed. That comes by another way than its answers: later, and maybe in pieces.
func batches(h *lambdatest.Host) (all []events.SQSEvent) {
	for line := range strings.Lines(h.Log("f")) {
		var e events.SQSEvent
		if json.Unmarshal([]byte(line), &e) == nil {
			all = append(all, e)
		}
	}
	return all
}

// left returns how many messages the queue has, also those that somebody has in hand.
func left(t *testing.T, q *sqstest.Queue) int {
	t.Helper()
	out, err := q.Client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &q.URL, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
	if err != nil {
		t.Fatal(err)
	}
	visible, _ := strconv.Atoi(out.Attributes["ApproximateNumberOfMessages"])
	hidden, _ := strconv.Atoi(out.Attributes["ApproximateNumberOfMessagesNotVisible"])
	return visible + hidden
}

func mapRecords(t *testing.T, q *sqstest.Queue) {
	var want []string
	for i := range 12 {
		want = append(want, fmt.Sprintf("%02d ä<>\"\n", i))
		q.Put(want[i])
	}
	h, stop := mapTo(t, q, `{"do":"batch"}`, 20*time.Second)
	soon(t, "an empty queue", func() bool { return left(t, q) == 0 })
	soon(t, "all messages", func() bool {
		n := 0
		for _, b := range batches(h) {
			n += len(b.Records)
		}
		return n >= len(want)
	})
	h.Close()
	stop() // it returns also then
	var got []string
	ids := map[string]bool{}
	for _, b := range batches(h) {
		if len(b.Records) > 10 {
			t.Errorf("a batch of %d", len(b.Records))
		}
		for _, r := range b.Records {
			got, ids[r.MessageId] = append(got, r.Body), true
			if r.Md5OfBody != fmt.Sprintf("%x", md5.Sum([]byte(r.Body))) || r.ReceiptHandle == "" || r.Attributes["ApproximateReceiveCount"] != "1" || r.Attributes["SentTimestamp"] == "" ||
				r.EventSource != "aws:sqs" || !strings.HasPrefix(r.EventSourceARN, "arn:aws:sqs:eu-west-1:") || !strings.HasSuffix(r.EventSourceARN, ":"+q.Name) || r.AWSRegion != "eu-west-1" {
				t.Errorf("a record: %+v", r)
			}
		}
	}
	if slices.Sort(got); !slices.Equal(got, want) || len(ids) != len(want) {
		t.Errorf("%q, with %d ids", got, len(ids))
	}
}

func mapSome(t *testing.T, q *sqstest.Queue) {
	for _, body := range []string{"one", "fail", "two"} {
		q.Put(body)
	}
	h, _ := mapTo(t, q, `{"do":"batch"}`, time.Second)
	counts := map[string]string{}
	soon(t, "the third time", func() bool {
		clear(counts)
		for _, b := range batches(h) {
			for _, r := range b.Records {
				counts[r.Body] += r.Attributes["ApproximateReceiveCount"]
			}
		}
		return strings.HasPrefix(counts["fail"], "123")
	})
	if counts["one"] != "1" || counts["two"] != "1" {
		t.Error(counts)
	}
	if n := left(t, q); n != 1 {
		t.Errorf("%d messages are left", n)
	}
}

// mapAnswers: what the answers of a function mean.
func mapAnswers(t *testing.T, q *sqstest.Queue) {
	f := func(order, why string) {
		t.Helper()
		q.Put("x")
		h, stop := mapTo(t, q, order, time.Second)
		if why == "" {
			soon(t, order+": an empty queue", func() bool { return left(t, q) == 0 })
		} else {
			soon(t, order+": a failure", func() bool { return strings.Contains(h.Log("f"), why) })
		}
		stop()
		h.Close()
		if log := h.Log("f"); why == "" && log != "" {
			t.Errorf("%s: %s", order, log)
		}
		if n := left(t, q); why != "" && n != 1 {
			t.Errorf("%s: %d messages are left", order, n)
		}
		if _, err := q.Client.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &q.URL}); err != nil {
			t.Fatal(err)
		}
	}
	raw := func(answer, why string) { t.Helper(); f(`{"do":"raw","raw":`+answer+`}`, why) }
	raw(`null`, "")
	raw(`{}`, "")
	raw(`{"batchItemFailures":null}`, "")
	raw(`{"batchItemFailures":[]}`, "")
	const whole = "the whole batch did"
	raw(`"fine"`, whole)
	raw(`{"batchItemFailures":{}}`, whole)
	raw(`{"batchItemFailures":[{"itemIdentifier":"x"}]}`, whole)
	raw(`{"batchItemFailures":[{"itemIdentifier":""}]}`, whole)
	raw(`{"batchItemFailures":[{"itemIdentifier":null}]}`, whole)
	raw(`{"batchItemFailures":[{"ItemIdentifier":"x"}]}`, whole)
	f(`{"do":"error"}`, "told to fail")
	f(`{"do":"exit","n":3}`, "exit status 3")
	f(`{"do":"sleep","n":9000}`, "timed out")
}

// mapStop: what is in hand is done before stop returns, and nothing afterwards.
func mapStop(t *testing.T, q *sqstest.Queue) {
	h, stop := mapTo(t, q, `{"do":"sleep","n":500}`, 20*time.Second)
	q.Put("x")
	soon(t, "an invocation", func() bool { return len(h.Processes("f")) == 1 })
	stop()
	if n := left(t, q); n != 0 || h.Log("f") != "" {
		t.Errorf("%d messages are left; %s", n, h.Log("f"))
	}
	q.Put("y")
	time.Sleep(1500 * time.Millisecond)
	if n := left(t, q); n != 1 {
		t.Errorf("%d messages are left after the end", n)
	}
}

func mapWrong(t *testing.T, q *sqstest.Queue) {
	h := host(t, lambdatest.Function{})
	for _, m := range []lambdatest.Mapping{{Function: "g", Client: q.Client, Queue: q.URL}, {Function: "f", Client: q.Client, Queue: q.URL + "-none"}} {
		if _, err := h.Map(t.Context(), m); err == nil {
			t.Errorf("%+v", m)
		}
	}
}
