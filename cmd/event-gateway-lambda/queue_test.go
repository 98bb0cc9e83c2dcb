package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/go-json-experiment/json"

	"github.com/event-gateway/event-gateway/invoke/lambdatest"
	"github.com/event-gateway/event-gateway/invoke/queue/sqs/sqstest"
	"github.com/event-gateway/event-gateway/store/storetest/dynamodb"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// visible is after how long a message that was not deleted comes again. It is longer than the time-out of the functions, as AWS asks for.
const visible = 6 * time.Second

// TestQueue: the real program with a queue, of two emulators of SQS, and an event source mapping between the two.
func TestQueue(t *testing.T) {
	eachQueue(t, map[string]func(*testing.T, *sqstest.Queue){
		"later": queueLater, "dead": queueDead, "away": queueAway, "large": queueLarge, "slow": queueSlow, "old": queueOld, "hosted": queueHosted, "foreign": queueForeign,
		"partial": queuePartial, "all": queueAll,
	})
}

// eachQueue runs tests with queues of both emulators, all at once: they wait most of the time.
func eachQueue(t *testing.T, tests map[string]func(*testing.T, *sqstest.Queue)) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for emulator, endpoint := range map[string]string{
		"moto": servers.Moto(t), "fauxqs": servers.Node(t, "../../invoke/testdata/awspeers", "serve.mjs", "fauxqs"),
	} {
		for name, test := range tests {
			wg.Go(func() {
				t.Run(emulator+"/"+name, func(t *testing.T) { test(t, sqstest.New(t, endpoint)) })
			})
		}
	}
}

// startQueue starts a region whose gateways share a table and the queue.
func startQueue(t *testing.T, q *sqstest.Queue, parameters string, env ...string) (*region, *dynamodb.Server) {
	t.Helper()
	table := dynamodb.Start(t)
	table.CreateTable(tableName)
	env = append(env, "EVENT_GATEWAY_QUEUE="+q.Option(parameters), "EVENT_GATEWAY_SECRET_KEYS="+secretKeys(t))
	return startRegion(t, "dynamodb://"+tableName+"?endpoint="+table.URL(), env...), table
}

// consume has a function take what is in the queue from now on.
func (r *region) consume(function string, client *sqs.Client, queue string) (stop func()) {
	r.t.Helper()
	stop, err := r.Map(r.t.Context(), lambdatest.Mapping{Function: function, Client: client, Queue: queue, Visible: visible})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(stop)
	return stop
}

// subscriber starts a function, whose deliveries are signed, and subscribes it.
func (r *region) subscriber(id string) *sqstest.Subscriber {
	r.t.Helper()
	s := sqstest.NewSubscriber(r.t, func() {})
	r.subscribe(id, s.URL)
	return s
}

func (r *region) subscribe(id, url string) {
	r.t.Helper()
	r.configure("POST", "/functions", fmt.Sprintf(`{"functionId":%q,"type":"http","provider":{"url":%q,"signing":{"a":"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"}}}`, id, url))
	r.configure("POST", "/subscriptions", fmt.Sprintf(`{"functionId":%q,"event":"order.paid","path":"/"}`, id))
}

// pay sends the event that all are subscribed to.
func (r *region) pay(function string, headers ...string) {
	r.t.Helper()
	if a := r.send(function, "POST", "/", "hello", append(headers, "event: order.paid")...); a.Status != 202 {
		r.t.Fatalf("%d %s", a.Status, a.Body)
	}
}

func within(t *testing.T, d time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(d); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v: %s", d, what)
		}
	}
}

// got wants a subscriber to get so many deliveries, of one event.
func got(t *testing.T, name string, s *sqstest.Subscriber, n int) {
	t.Helper()
	within(t, 30*time.Second, name+" did not get all", func() bool { return len(s.Calls()) >= n && s.Count(200) >= 1 })
	if calls := s.Calls(); len(calls) != n || len(s.IDs()) != 1 || calls[0].ID == "" {
		t.Errorf("%s got %v, want %d deliveries with one id", name, calls, n)
	}
}

// left returns how many messages the queue has, also those that somebody has in hand.
func left(t *testing.T, q *sqstest.Queue) (n int) {
	t.Helper()
	out, err := q.Client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &q.URL, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"", "NotVisible", "Delayed"} {
		count, _ := strconv.Atoi(out.Attributes["ApproximateNumberOfMessages"+state])
		n += count
	}
	return n
}

func emptied(t *testing.T, q *sqstest.Queue) {
	t.Helper()
	within(t, 30*time.Second, "the queue is not empty", func() bool { return left(t, q) == 0 })
}

// queueLater: 202 when the event is in the queue. Whoever failed is called again, and nobody else.
func queueLater(t *testing.T, q *sqstest.Queue) {
	r, _ := startQueue(t, q, "")
	flaky, one, two := r.subscriber("flaky"), r.subscriber("one"), r.subscriber("two")
	flaky.Answers(func(n int) int { return map[bool]int{true: 500, false: 200}[n == 1] })
	var taken atomic.Bool
	q.Listen(func(operation, _ string, answered bool) {
		if answered && operation == "SendMessage" && !taken.Load() {
			time.Sleep(300 * time.Millisecond)
			taken.Store(true)
		}
	})
	if r.pay("events"); !taken.Load() {
		t.Error("202 before the event is in the queue")
	}
	r.freeze("events", 5*time.Second)
	if n := len(one.Calls()) + len(two.Calls()) + len(flaky.Calls()); n != 0 {
		t.Errorf("%d deliveries without a consumer", n)
	}
	r.consume("events", q.Client, q.URL)
	got(t, "flaky", flaky, 2)
	emptied(t, q)
	got(t, "one", one, 1)
	got(t, "two", two, 1)
	if calls := flaky.Calls(); calls[1].At.Sub(calls[0].At) < 4500*time.Millisecond { // SQS counts whole seconds
		t.Errorf("it was tried again too soon: %v", calls)
	}
	if slices.Equal(one.IDs(), two.IDs()) {
		t.Error("two deliveries have the same id")
	}
	if n := len(r.Processes("events")); n != 1 {
		t.Errorf("%d processes, want 1", n)
	}
}

// queueDead: what is given up is in the dead-letter queue with the reason. A subscription that is gone is given up without a word.
func queueDead(t *testing.T, q *sqstest.Queue) {
	r, _ := startQueue(t, q, "&attempts=2", "EVENT_GATEWAY_MAX_STALENESS=3s")
	failing, denying, gone, good := r.subscriber("failing"), r.subscriber("denying"), r.subscriber("gone"), r.subscriber("good")
	failing.Answers(func(int) int { return 500 })
	denying.Answers(func(int) int { return 403 })
	r.pay("events")
	r.configure("DELETE", "/subscriptions/order.paid,gone,%2F", "")
	r.freeze("events", 3*time.Second)
	r.consume("events", q.Client, q.URL)
	got(t, "good", good, 1)
	emptied(t, q)
	var dead []string
	for _, text := range q.Take(q.DeadLetter) {
		var m struct {
			Event      struct{ Type string }
			Deliveries []struct {
				Subscription string `json:"subscriptionId"`
				Attempts     int
				Reason       string
			}
		}
		if err := json.Unmarshal([]byte(text), &m, json.MatchCaseInsensitiveNames(true)); err != nil || m.Event.Type != "order.paid" {
			t.Error(text, err)
		}
		for _, d := range m.Deliveries {
			dead = append(dead, fmt.Sprintf("%s %d %s", d.Subscription, d.Attempts, d.Reason))
		}
	}
	slices.Sort(dead)
	if len(dead) != 2 || !strings.HasPrefix(dead[0], "order.paid,denying,%2F 1 attempt 1 of at most 2: denied: ") || dead[1] != "order.paid,failing,%2F 2 attempt 2 of at most 2: function: it answered with status 500" {
		t.Errorf("dead letters: %q", dead)
	}
	if a, b, c := len(failing.Calls()), len(denying.Calls()), len(gone.Calls()); a != 2 || b != 1 || c != 0 {
		t.Errorf("calls: %d, %d, %d", a, b, c)
	}
	r.logs("events", "a delivery was cancelled: its subscription is gone")
}

// queueAway: while the queue is silent or away, nothing is accepted.
func queueAway(t *testing.T, q *sqstest.Queue) {
	r, _ := startQueue(t, q, "")
	s := r.subscriber("f")
	refused := func(why string) {
		t.Helper()
		if a := r.send("events", "POST", "/", "hello", "event: order.paid"); a.Status != 503 || a.Headers["Retry-After"] == "" { // before the Lambda's time is over
			t.Errorf("%s: %d %v %s", why, a.Status, a.Headers, a.Body)
		}
	}
	over := make(chan struct{})
	release := sync.OnceFunc(func() { close(over) })
	t.Cleanup(release)
	q.Listen(func(string, string, bool) { <-over })
	refused("silent")
	q.Away()
	release()
	refused("away")
	if n := len(r.Processes("events")); n != 1 || len(s.Calls()) != 0 {
		t.Errorf("%d processes, %v", n, s.Calls())
	}
}

// queueLarge: an event that the queue cannot take is refused for good.
func queueLarge(t *testing.T, q *sqstest.Queue) {
	r, _ := startQueue(t, q, "")
	s := r.subscriber("f")
	if a := r.send("events", "POST", "/", strings.Repeat("x", 250<<10), "event: order.paid"); a.Status != 413 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if a := r.send("events", "POST", "/", strings.Repeat("x", 245<<10), "event: order.paid"); a.Status != 202 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	r.consume("events", q.Client, q.URL)
	got(t, "f", s, 1)
}

// queueSlow: a function that is slower than the Lambda may be is called again later, the others are not. AWS does not have to kill anything, also if SQS takes its time.
func queueSlow(t *testing.T, q *sqstest.Queue) {
	r, _ := startQueue(t, q, "")
	slow, fast := r.subscriber("slow"), r.subscriber("fast")
	slow.Answers(func(n int) int {
		if n == 1 {
			time.Sleep(6 * time.Second)
		}
		return 200
	})
	q.Listen(func(_, body string, answered bool) {
		if strings.Contains(body, "attempts") && !answered {
			time.Sleep(1500 * time.Millisecond)
		}
	})
	r.pay("events")
	r.consume("events", q.Client, q.URL)
	got(t, "slow", slow, 2)
	emptied(t, q)
	got(t, "fast", fast, 1)
	if n, log := len(r.Processes("events")), r.Log("events"); n != 1 || strings.Contains(log, "event source mapping") {
		t.Errorf("%d processes; %s", n, log)
	}
}

// queueOld: a process whose configuration is older than the event's does not take a subscription for deleted that it does not know yet.
func queueOld(t *testing.T, q *sqstest.Queue) {
	r, table := startQueue(t, q, "")
	r.get("/", 404)
	late := r.subscriber("late")
	r.pay("all")
	stop := r.consume("events", q.Client, q.URL)
	got(t, "late", late, 1)
	stop()

	later := r.subscriber("later") // and the store does not answer
	r.Kill("all")
	r.pay("all")
	over := befall(table, dynamodb.Throttle, 0, reads...)
	r.consume("events", q.Client, q.URL)
	within(t, 30*time.Second, "it was not tried again", func() bool { return strings.Contains(r.Log("events"), "the event came with revision") })
	over()
	got(t, "later", later, 1)
	emptied(t, q)
	if n := len(late.IDs()); n != 2 {
		t.Errorf("late got %d events", n)
	}
	if log := r.Log("events"); strings.Contains(log, "cancelled") {
		t.Error(log)
	}
}

// queueHosted: a delivery of a space that the process has not loaded.
func queueHosted(t *testing.T, q *sqstest.Queue) {
	r, _ := startQueue(t, q, "", "EVENT_GATEWAY_HOSTED_DOMAIN=a.test", "EVENT_GATEWAY_EGRESS_ALLOW=127.0.0.0/8")
	subscribers := map[string]*sqstest.Subscriber{}
	for _, space := range []string{"one", "two"} {
		r.space = space
		subscribers[space] = r.subscriber("f")
	}
	r.send("events", "GET", "/", "", "host: two.a.test")
	r.pay("all", "host: one.a.test")
	r.consume("events", q.Client, q.URL)
	got(t, "one", subscribers["one"], 1)
	emptied(t, q)
	if calls := subscribers["two"].Calls(); len(calls) != 0 {
		t.Errorf("another space got %v", calls)
	}
}

// queueForeign: messages of another queue, and those that come to the Config API, are a failure, and stay where they are.
func queueForeign(t *testing.T, q *sqstest.Queue) {
	r, _ := startQueue(t, q, "")
	s := r.subscriber("f")
	r.pay("events")
	texts := q.Take(q.URL)
	if len(texts) != 1 {
		t.Fatal(texts)
	}
	q.Put(texts[0])
	stop := r.consume("config", q.Client, q.URL)
	r.logs("config", "but this function takes none: EVENT_GATEWAY_QUEUE names the queue, and EVENT_GATEWAY_ROLE has to be events or all")
	stop()
	if n := left(t, q); n != 1 {
		t.Errorf("%d messages are left", n)
	}
	// The dead-letter queue is another queue, too.
	if _, err := q.Client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.DeadLetter, MessageBody: &texts[0]}); err != nil {
		t.Fatal(err)
	}
	r.consume("events", q.Client, q.DeadLetter)
	r.logs("events", fmt.Sprintf(`but EVENT_GATEWAY_QUEUE names %s`, strconv.Quote(strconv.Quote(q.Name))[1:]))
	if len(s.Calls()) != 0 {
		t.Errorf("deliveries: %v", s.Calls())
	}
	within(t, 2*visible, "it does not come again", func() bool { return strings.Count(r.Log("events"), "EVENT_GATEWAY_QUEUE names") == 2 })
}

// queuePartial: of two messages one cannot be read, and goes to the dead-letter queue as soon as that is there. The other one is delivered once.
func queuePartial(t *testing.T, q *sqstest.Queue) {
	r, _ := startQueue(t, q, "")
	s := r.subscriber("f")
	r.pay("events")
	q.Put("unreadable")
	if _, err := q.Client.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: &q.DeadLetter}); err != nil {
		t.Fatal(err)
	}
	r.consume("events", q.Client, q.URL)
	got(t, "f", s, 1)
	unread := func() int {
		return strings.Count(r.Log("events"), "a message of the queue cannot be read, and goes to the dead-letter queue")
	}
	within(t, 3*visible, "the message did not come again", func() bool { return unread() == 2 })
	if _, err := q.Client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(q.Name + "-dead")}); err != nil {
		t.Fatal(err)
	}
	emptied(t, q)
	if dead := q.Take(q.DeadLetter); !slices.Equal(dead, []string{"unreadable"}) {
		t.Errorf("dead letters: %q", dead)
	}
	got(t, "f", s, 1)
	if log := r.Log("events"); strings.Contains(log, "event source mapping") {
		t.Error(log)
	}
}

// queueAll: one function has both APIs and takes the messages.
func queueAll(t *testing.T, q *sqstest.Queue) {
	r, _ := startQueue(t, q, "")
	s := r.subscriber("f")
	r.route("f", "/f")
	r.pay("all")
	if n := left(t, q); n != 1 || len(s.Calls()) != 0 {
		t.Errorf("%d messages, %v", n, s.Calls())
	}
	r.consume("all", q.Client, q.URL)
	got(t, "f", s, 1)
	emptied(t, q)
	if a := r.send("all", "GET", "/-/config/v1/spaces/default/functions/f", "", "authorization: Bearer "+token); a.Status != 200 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if a := r.send("all", "GET", "/f", ""); a.Status/100 == 4 || len(s.Calls()) != 2 {
		t.Errorf("a sync call: %d %s", a.Status, a.Body)
	}
}
