package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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

// subscriber is a function that sees the ids of its deliveries.
type subscriber struct {
	*httptest.Server
	status atomic.Pointer[func(n int) int] // of the answer to call n; nil: 200

	mu  sync.Mutex
	ids []string // of all deliveries
	ok  int      // of them answered with 200
}

func newSubscriber(t *testing.T, called func()) *subscriber {
	s := &subscriber{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		called()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ids = append(s.ids, r.Header.Get("Webhook-Id"))
		status := 200
		if f := s.status.Load(); f != nil {
			status = (*f)(len(s.ids))
		}
		if status == 200 {
			s.ok++
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *subscriber) answers(f func(n int) int) { s.status.Store(&f) }

// seen returns the ids of all deliveries, and how many of those were answered with 200.
func (s *subscriber) seen() (ids []string, ok int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.ids...), s.ok
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
	t.Parallel()
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
	good := newSubscriber(t, func() {
		if step == "called" {
			kill()
		}
	})
	flaky := newSubscriber(t, func() {})
	flaky.answers(func(n int) int { return map[bool]int{true: 500, false: 200}[n == 1] })
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
	args := []string{"-dev", "-queue", q.Option("&visibility=3s")}
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
		_, a := good.seen()
		_, b := flaky.seen()
		return a >= 1 && b >= 1
	})
	time.Sleep(4 * time.Second) // what comes again does so by now
	for name, s := range map[string]*subscriber{"good": good, "flaky": flaky} {
		ids, _ := s.seen()
		different := map[string]bool{}
		for _, id := range ids {
			different[id] = true
		}
		if len(different) > sent || different[""] || len(ids) > 2+sent {
			t.Errorf("%s got deliveries with the ids %v of what was sent %d times", name, ids, sent)
		}
	}
	if code := p.signal(syscall.SIGTERM); code != 0 {
		t.Error(code, p.stderr.String())
	}
	if left := q.Take(q.DeadLetter); len(left) != 0 {
		t.Errorf("dead: %v", left)
	}
}
