package sqs_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/event-gateway/event-gateway/invoke/queue"
	"github.com/event-gateway/event-gateway/invoke/queue/queuetest"
	"github.com/event-gateway/event-gateway/invoke/queue/sqs"
	"github.com/event-gateway/event-gateway/invoke/queue/sqs/sqstest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_CA_BUNDLE": "", "AWS_REGION": "", "AWS_ENDPOINT_URL": "",
	} {
		if value == "" {
			os.Unsetenv(name)
		} else {
			os.Setenv(name, value)
		}
	}
	goleak.VerifyTestMain(m)
}

// TestMoto, TestFauxqs: the suite, with two ideas of SQS.
func TestMoto(t *testing.T) {
	t.Parallel()
	suite(t, servers.Moto(t), true) // its ReceiveMessage has no lock between finding a message and hiding it
}

func TestFauxqs(t *testing.T) {
	t.Parallel()
	suite(t, servers.Node(t, "../../testdata/awspeers", "serve.mjs", "fauxqs"), false)
}

func suite(t *testing.T, endpoint string, repeats bool) {
	queuetest.Run(t, func(t *testing.T) *queuetest.Place {
		q, o := newQueue(t, endpoint)
		return &queuetest.Place{
			Open: func(t *testing.T, deliver queue.Deliver) queue.Queue {
				return sqs.New(o, deliver, slog.New(slog.NewTextHandler(t.Output(), nil)))
			},
			Durable: &queuetest.Durable{
				Put:  func(_ *testing.T, text string) { q.Put(text) },
				Dead: func(*testing.T) []string { return q.Take(q.DeadLetter) },
				Away: func(*testing.T) { q.Away() },

				Repeats: repeats,
			},
		}
	})
}

func newQueue(t *testing.T, endpoint string) (*sqstest.Queue, sqs.Options) {
	t.Helper()
	q := sqstest.New(t, endpoint)
	o, err := sqs.ParseURL(q.Option("&visibility=20s"))
	if err != nil {
		t.Fatal(err)
	}
	return q, o
}

// TestURL has each part of a URL, and what is wrong with others.
func TestURL(t *testing.T) {
	t.Parallel()
	f := func(raw string, want sqs.Options) {
		t.Helper()
		want.Attempts, want.Visibility = max(want.Attempts, 8), max(want.Visibility, 2*time.Minute)
		if got, err := sqs.ParseURL(raw); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", raw, got, err, want)
		}
	}
	const ireland = "https://sqs.eu-west-1.amazonaws.com/123456789012/"
	f("sqs://sqs.eu-west-1.amazonaws.com/123456789012/events?dead-letter=dead", sqs.Options{URL: ireland + "events", DeadLetter: ireland + "dead", Region: "eu-west-1"})
	f("sqs://https://sqs.eu-west-1.amazonaws.com/123456789012/events?dead-letter=dead", sqs.Options{URL: ireland + "events", DeadLetter: ireland + "dead", Region: "eu-west-1"})
	f("sqs://sqs.eu-west-1.amazonaws.com/123456789012/events?dead-letter=dead&region=eu-west-1&attempts=9&visibility=5m", sqs.Options{
		URL: ireland + "events", DeadLetter: ireland + "dead", Region: "eu-west-1", Attempts: 9, Visibility: 5 * time.Minute,
	})
	f("sqs://q.example.com/1/events?dead-letter=dead&region=eu-west-2", sqs.Options{URL: "https://q.example.com/1/events", DeadLetter: "https://q.example.com/1/dead", Region: "eu-west-2"})
	f("sqs://vpce-1.sqs.cn-north-1.vpce.amazonaws.com.cn/1/e?dead-letter=d", sqs.Options{
		URL: "https://vpce-1.sqs.cn-north-1.vpce.amazonaws.com.cn/1/e", DeadLetter: "https://vpce-1.sqs.cn-north-1.vpce.amazonaws.com.cn/1/d", Region: "cn-north-1",
	})
	f("sqs://http://127.0.0.1:5000/1/e?dead-letter=d&endpoint=http://127.0.0.1:5000", sqs.Options{
		URL: "http://127.0.0.1:5000/1/e", DeadLetter: "http://127.0.0.1:5000/1/d", Endpoint: "http://127.0.0.1:5000",
	})
	bad := func(raw, want string) {
		t.Helper()
		if _, err := sqs.ParseURL(raw); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %s", raw, err, want)
		}
	}
	const start = "sqs://sqs.eu-west-1.amazonaws.com/1/e"
	bad("", "it is not like sqs://")
	bad("sqs:", "it is not like sqs://")
	bad("sqs://", "it is not like sqs://")
	bad("sqs://events", "it is not like sqs://")
	bad("https://sqs.eu-west-1.amazonaws.com/1/e", "it is not like sqs://")
	bad("sqs://h/1/e.fifo?dead-letter=d", "it is a FIFO queue")
	bad(start+"?dead-letter=d&region=eu-west-2", "region is eu-west-2, but the queue is in eu-west-1")
	bad("sqs://h/1/e?dead-letter=d.fifo", "no FIFO queue")
	bad("sqs://id:hunter2@h/1/e?dead-letter=d", "credentials come from")
	bad("sqs://id:hunter2@h/%zz", "it is not like sqs://")
	bad(start, "it needs dead-letter=NAME")
	bad(start+"?dead-letter=", "dead-letter is not")
	bad(start+"?dead-letter=e", "the queue itself")
	bad(start+"?dead-letter=d&dead-letter=f", "dead-letter is there twice")
	bad(start+"?dead-letter=d&attempts=0", "attempts is not")
	bad(start+"?dead-letter=d&attempts=101", "attempts is not")
	bad(start+"?dead-letter=d&visibility=10500ms", "visibility is not")
	bad(start+"?dead-letter=d&visibility=9s", "visibility is not")
	bad(start+"?dead-letter=d&visibility=13h", "visibility is not")
	bad(start+"?dead-letter=d&region=x@y", "region is not")
	bad(start+"?dead-letter=d&endpoint=http://id:hunter2@h", "endpoint is not")
	bad(start+"?dead-letter=d&hidden=1", `no parameter "hidden"`)
}

// TestConsume: those are named that could not be settled.
func TestConsume(t *testing.T) {
	t.Parallel()
	p, o := newQueue(t, servers.Moto(t))
	var late atomic.Int64
	q := sqs.New(o, func(ctx context.Context, d *queue.Delivery) queue.Verdict {
		if end, ok := ctx.Deadline(); !ok || time.Until(end) > 8*time.Second {
			late.Add(1)
		}
		if d.Subscription == "s" {
			return queue.Verdict{}
		}
		return queue.Verdict{Again: time.Second}
	}, slog.New(slog.DiscardHandler))
	defer q.Drain(t.Context())
	const text = `{"event":{"kind":"named","id":"e","source":"/","type":"t","received":"2026-01-02T03:04:05Z"},"deliveries":[{"id":"1","space":"default","subscriptionId":"s"}]}`
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	failing := strings.Replace(text, `"s"}`, `"other"}`, 1)
	if failed := q.Consume(ctx, []sqs.Record{{ID: "a", Body: text}, {ID: "b", Body: "nonsense"}, {ID: "c", Body: failing}}); len(failed) > 0 || late.Load() > 0 {
		t.Errorf("%v, %d without time to say what became of them", failed, late.Load())
	}
	if dead := p.Take(p.DeadLetter); len(dead) != 1 || dead[0] != "nonsense" {
		t.Errorf("%q", dead)
	}
	time.Sleep(1500 * time.Millisecond)
	if left := p.Take(p.URL); len(left) != 1 || !strings.Contains(left[0], `"subscriptionId":"other","attempts":1`) {
		t.Errorf("%q", left)
	}
	p.Away()
	if failed := q.Consume(ctx, []sqs.Record{{ID: "a", Body: text}, {ID: "b", Body: "nonsense"}, {ID: "c", Body: failing}}); strings.Join(failed, " ") != "b c" {
		t.Errorf("%v", failed)
	}
}
