package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/invoke/queue/sqs/sqstest"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// emulators are two ideas of SQS, started once for all tests of a function.
func emulators(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"moto":   servers.Moto(t),
		"fauxqs": servers.Node(t, "../../invoke/testdata/awspeers", "serve.mjs", "fauxqs"),
	}
}

// awsEnv has the credentials that emulators take.
func awsEnv() []string {
	return []string{"AWS_ACCESS_KEY_ID=AKIDTEST", "AWS_SECRET_ACCESS_KEY=secret", "AWS_EC2_METADATA_DISABLED=true", "AWS_CA_BUNDLE=", "AWS_REGION=", "AWS_ENDPOINT_URL=",
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null"}
}

// subscribe registers the function of a server, whose deliveries are signed, and subscribes it.
func (p *process) subscribe(id, url string) {
	p.t.Helper()
	p.configure(201, "POST", "functions", fmt.Sprintf(`{"functionId":%q,"type":"http","provider":{"url":%q,"signing":{"a":"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"}}}`, id, url))
	p.configure(201, "POST", "subscriptions", fmt.Sprintf(`{"functionId":%q,"event":"order.paid","path":"/"}`, id))
}

func within(t *testing.T, d time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(d); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v: %s", d, what)
		}
	}
}

// TestQueueKilled: a gateway is killed at each step between the sender and the deletion of the message. What was accepted arrives at each subscriber, and
// what arrives twice has the same id.
func TestQueueKilled(t *testing.T) {
	var wg sync.WaitGroup // all wait most of the time
	defer wg.Wait()
	for emulator, endpoint := range emulators(t) {
		for _, step := range []string{
			"SendMessage", "SendMessage answered", // the event is added
			"ReceiveMessage answered", "called", // a subscriber is called
			"again", "again answered", // the failed delivery goes back
			"DeleteMessage", "DeleteMessage answered",
		} {
			wg.Go(func() {
				t.Run(emulator+"/"+step, func(t *testing.T) { killAt(t, sqstest.New(t, endpoint), step) })
			})
		}
	}
}

func killAt(t *testing.T, q *sqstest.Queue, step string) {
	var killed atomic.Bool
	var gateway atomic.Pointer[process]
	reached := make(chan struct{})
	kill := func() { // the first gateway, once
		if killed.CompareAndSwap(false, true) {
			p := gateway.Load()
			_ = p.Process.Kill()
			_, _ = p.Process.Wait()
			close(reached)
		}
	}
	good := sqstest.NewSubscriber(t, func() {
		if step == "called" {
			kill()
		}
	})
	flaky := sqstest.NewSubscriber(t, func() {})
	flaky.Answers(func(n int) int { return map[bool]int{true: 500, false: 200}[n == 1] })
	q.Listen(func(operation, body string, answered bool) {
		if operation == "SendMessage" && strings.Contains(body, "attempts") {
			operation = "again"
		}
		if answered {
			operation += " answered"
		}
		if operation == step {
			kill()
		}
	})
	dir := t.TempDir()
	args := []string{"-dev", "-queue", q.Option("&visibility=10s")}
	p := startWith(t, awsEnv(), dir, args...)
	gateway.Store(p)
	p.subscribe("good", good.URL)
	p.subscribe("flaky", flaky.URL)
	sent, accepted := 0, false
	for !accepted {
		sent++
		r, err := http.NewRequest("POST", p.events+"/", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Event", "order.paid")
		response, err := http.DefaultClient.Do(r)
		if err == nil {
			_ = response.Body.Close()
			accepted = response.StatusCode == 202
		}
		if accepted && strings.HasPrefix(step, "SendMessage") && !killed.Load() {
			t.Fatal("202 before the event was in the queue")
		}
		if !accepted { // it was killed before: the sender tries again
			<-reached
			p = startWith(t, awsEnv(), dir, args...)
		}
	}
	select {
	case <-reached:
	case <-time.After(30 * time.Second):
		t.Fatal("this step was not reached")
	}
	if p == gateway.Load() {
		p = startWith(t, awsEnv(), dir, args...)
	}
	within(t, 60*time.Second, "not all arrived", func() bool {
		return good.Count(200) >= 1 && flaky.Count(200) >= 1
	})
	within(t, 60*time.Second, "something is left in the queue", func() bool { return q.Left() == 0 })
	for name, s := range map[string]*sqstest.Subscriber{"good": good, "flaky": flaky} {
		if ids := s.IDs(); len(ids) > sent || ids[0] == "" || len(s.Calls()) > 2+sent {
			t.Errorf("%s got %v of what was sent %d times", name, s.Calls(), sent)
		}
	}
	if code := p.signal(syscall.SIGTERM); code != 0 {
		t.Error(code, p.stderr.String())
	}
	if left := q.Take(q.DeadLetter); len(left) != 0 {
		t.Errorf("dead: %v", left)
	}
}

// TestQueue is the way of events through the queue of a server: to those who take them, to the dead letters, and into nothing if nobody is there any more.
func TestQueue(t *testing.T) {
	t.Parallel()
	for emulator, endpoint := range emulators(t) {
		t.Run(emulator, func(t *testing.T) {
			t.Parallel()
			throughQueue(t, sqstest.New(t, endpoint))
		})
	}
}

func throughQueue(t *testing.T, q *sqstest.Queue) {
	nobody := func() {}
	failing, refusing, gone, watcher := sqstest.NewSubscriber(t, nobody), sqstest.NewSubscriber(t, nobody), sqstest.NewSubscriber(t, nobody), sqstest.NewSubscriber(t, nobody)
	failing.Answers(func(int) int { return 500 })
	refusing.Answers(func(int) int { return 403 })
	p := startWith(t, awsEnv(), t.TempDir(), "-dev", "-queue", q.Option("&visibility=10s&attempts=2"))
	for id, s := range map[string]*sqstest.Subscriber{"failing": failing, "refusing": refusing, "gone": gone} {
		p.subscribe(id, s.URL)
	}
	p.configure(201, "POST", "functions", fmt.Sprintf(`{"functionId":"watcher","type":"http","provider":{"url":%q}}`, watcher.URL))
	p.configure(201, "POST", "subscriptions", `{"functionId":"watcher","event":"gateway.event.received","path":"/"}`)
	q.Listen(func(operation, _ string, answered bool) { // one subscription goes while the event is on its way
		if operation == "SendMessage" && !answered {
			r, err := http.NewRequest("DELETE", p.config+"/v1/spaces/default/subscriptions/order.paid,gone,%2F", nil)
			if err == nil {
				if response, err := http.DefaultClient.Do(r); err == nil {
					_ = response.Body.Close()
				}
			}
		}
	})
	p.send(202, "POST", p.events+"/", "hello", "Event: order.paid", "Authorization: Bearer of-the-sender")
	var dead []string
	within(t, 30*time.Second, "dead letters and deliveries are missing", func() bool {
		dead = append(dead, q.Take(q.DeadLetter)...)
		return len(dead) == 2 && watcher.Count(200) == 1 && p.result("cancelled") == 1
	})
	all := strings.Join(dead, "\n")
	for _, want := range []string{
		`"subscriptionId":"order.paid,failing,%2F"`, `"attempts":2,"reason":"attempt 2 of at most 2: function: it answered with status 500"`,
		`"subscriptionId":"order.paid,refusing,%2F"`, `"attempts":1,"reason":"attempt 1 of at most 2: denied: it answered with status 403"`, `"text":"hello"`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is not in\n%s", want, all)
		}
	}
	if calls := failing.Calls(); len(calls) != 2 || len(failing.IDs()) != 1 {
		t.Errorf("the failing function got %v", calls)
	}
	if calls := gone.Calls(); len(calls) > 0 {
		t.Errorf("the function without a subscription got %v", calls)
	}
	if got := []float64{p.result("delivered"), p.result("deadlettered"), p.result("failed"), p.result("lost"), p.metric("eventgateway_delivery_retries_total")}; fmt.Sprint(got) != "[1 2 0 0 1]" {
		t.Errorf("delivered, dead, failed, lost and tried again: %v", got)
	}
	large := strings.Repeat(`\`, 200_000)
	if answer := p.send(413, "POST", p.events+"/", large, "Event: order.paid"); !strings.Contains(answer, "too large for the queue") {
		t.Error(answer)
	}
	p.send(404, "POST", p.events+"/", large)
	q.Away()
	if answer := p.send(503, "POST", p.events+"/", "hello", "Event: order.paid"); !strings.Contains(answer, "queue for events cannot be reached") {
		t.Error(answer)
	}
	if code := p.signal(syscall.SIGTERM); code != 0 {
		t.Error(code, p.stderr.String())
	}
	if log := p.stderr.String(); strings.Contains(log, "of-the-sender") || strings.Contains(log, "goroutine") {
		t.Error(log)
	}
}

// result returns how many async deliveries ended in a way.
func (p *process) result(how string) float64 {
	return p.metric(`eventgateway_deliveries_total\{result="` + how + `"\}`)
}

// TestQueueTerminated: what a server has no time for is delivered by the next one.
func TestQueueTerminated(t *testing.T) {
	t.Parallel()
	q := sqstest.New(t, servers.Moto(t))
	release := make(chan struct{})
	slow := sqstest.NewSubscriber(t, func() { <-release })
	dir := t.TempDir()
	args := []string{"-dev", "-drain-timeout=1s", "-queue", q.Option("&visibility=30s")}
	p := startWith(t, awsEnv(), dir, args...)
	p.configure(201, "POST", "functions", fmt.Sprintf(`{"functionId":"slow","type":"http","provider":{"url":%q,"timeout":"40s","signing":{"a":"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"}}}`, slow.URL))
	p.configure(201, "POST", "subscriptions", `{"functionId":"slow","event":"order.paid","path":"/"}`)
	p.send(202, "POST", p.events+"/", "hello", "Event: order.paid")
	within(t, 10*time.Second, "nothing is under way", func() bool { return p.metric("eventgateway_events_backlog") == 1 })
	began := time.Now()
	if code := p.signal(syscall.SIGTERM); code != 0 || time.Since(began) > 10*time.Second {
		t.Error(code, time.Since(began), p.stderr.String())
	}
	close(release)
	startWith(t, awsEnv(), dir, args...)
	within(t, 60*time.Second, "it did not come again", func() bool { return slow.Count(200) == 2 })
	if ids := slow.IDs(); len(ids) != 1 || ids[0] == "" {
		t.Errorf("%v", slow.Calls())
	}
}

// TestQueueRefused: a queue that is not there, or a URL that is none, is told at the start.
func TestQueueRefused(t *testing.T) {
	t.Parallel()
	q := sqstest.New(t, servers.Moto(t))
	f := func(option, want string) {
		t.Helper()
		cmd := exec.Command(binary, "-events-port=0", "-config-port=0", "-store=memory:", "-queue", option)
		cmd.Env = append(os.Environ(), awsEnv()...)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 2 || !strings.Contains(string(out), want) || strings.Contains(string(out), "hunter2") {
			t.Errorf("%s: exit code %d: %s", option, code, out)
		}
	}
	f("nats://h/q", `-queue: there is no queue of the kind "nats"`)
	f("sqs://id:hunter2@sqs.eu-west-1.amazonaws.com/1/q?dead-letter=d", "-queue: the URL of the queue: it has a user")
	f("sqs://h:1/1/q?dead-letter=d", "-queue: no region is given")
	f(strings.Replace(q.Option(""), "-dead", "-dad", 1), "-queue: there is no dead-letter queue http://127.0.0.1")
	f(strings.Replace(q.Option(""), "/events-", "/event-", 1), "-queue: there is no queue http://127.0.0.1")
}

// TestQueueSlow: a function that is slow does not hold up events for others.
func TestQueueSlow(t *testing.T) {
	t.Parallel()
	q := sqstest.New(t, servers.Moto(t))
	release := make(chan struct{})
	var most, now atomic.Int64
	slow := sqstest.NewSubscriber(t, func() {
		for n := now.Add(1); n > most.Load(); n = now.Load() {
			most.Store(n)
		}
		<-release
		now.Add(-1)
	})
	defer close(release)
	quick := sqstest.NewSubscriber(t, func() {})
	p := startWith(t, awsEnv(), t.TempDir(), "-dev", "-queue", q.Option(""))
	p.configure(201, "POST", "functions", fmt.Sprintf(`{"functionId":"slow","type":"http","provider":{"url":%q,"timeout":"50s"}}`, slow.URL))
	p.configure(201, "POST", "subscriptions", `{"functionId":"slow","event":"slow","path":"/"}`)
	p.subscribe("quick", quick.URL)
	for range 250 { // more than are in hand at once
		p.send(202, "POST", p.events+"/", "hello", "Event: slow")
	}
	p.send(202, "POST", p.events+"/", "hello", "Event: order.paid")
	within(t, 25*time.Second, "the quick function got nothing", func() bool { return quick.Count(200) == 1 })
	if most.Load() > 32 {
		t.Errorf("%d deliveries to the slow function were under way at once", most.Load())
	}
}
