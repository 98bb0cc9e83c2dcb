//go:build unix

package main

import (
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/event-gateway/event-gateway/invoke/queue/sqs/sqstest"
)

// TestQueueKilled: a Lambda is killed at each step between the sender and the deletion of the message, or does not get on until AWS kills it. What was accepted arrives at each subscriber, and
// what arrives twice has the same id.
func TestQueueKilled(t *testing.T) {
	tests := map[string]func(*testing.T, *sqstest.Queue){}
	for _, step := range []string{
		"SendMessage", "SendMessage answered", // the event is added
		"ReceiveMessage answered", "called", "timed out", // a subscriber is called
		"again", "again answered", // the failed delivery goes back
		"DeleteMessageBatch", // the function has answered
	} {
		tests[step] = func(t *testing.T, q *sqstest.Queue) { killAt(t, q, step) }
	}
	eachQueue(t, tests)
}

func killAt(t *testing.T, q *sqstest.Queue, step string) {
	r, _ := startQueue(t, q, "")
	var killed atomic.Bool
	reached := make(chan struct{})
	kill := func(how syscall.Signal) { // whatever runs, once
		if killed.CompareAndSwap(false, true) {
			for _, pid := range r.Processes("events") {
				_ = syscall.Kill(pid, how)
			}
			close(reached)
		}
	}
	good := sqstest.NewSubscriber(t, func() {
		switch step {
		case "called":
			kill(syscall.SIGKILL)
		case "timed out":
			kill(syscall.SIGSTOP)
		}
	})
	r.subscribe("good", good.URL)
	flaky := r.subscriber("flaky")
	flaky.Answers(func(n int) int { return map[bool]int{true: 500, false: 200}[n == 1] })
	q.Listen(func(operation, body string, answered bool) {
		if operation == "SendMessage" && strings.Contains(body, "attempts") {
			operation = "again"
		}
		if answered {
			operation += " answered"
		}
		if operation == step {
			kill(syscall.SIGKILL)
		}
	})
	r.consume("events", sqs.New(sqs.Options{Region: sqstest.Region, BaseEndpoint: &q.Endpoint, Credentials: someone}), q.URL)
	sent := 0
	for accepted := false; !accepted; sent++ { // who gets no answer sends it again
		a, err := r.try("events", "POST", "/", "hello", "event: order.paid")
		if accepted = err == nil && a.Status == 202; !accepted {
			<-reached
		}
		if accepted && strings.HasPrefix(step, "SendMessage") && !killed.Load() {
			t.Fatal("202 before the event was in the queue")
		}
	}
	select {
	case <-reached:
	case <-time.After(30 * time.Second):
		t.Fatal("this step was not reached")
	}
	within(t, 60*time.Second, "not all arrived", func() bool { return good.Count(200) >= 1 && flaky.Count(200) >= 1 })
	emptied(t, q)
	for name, s := range map[string]*sqstest.Subscriber{"good": good, "flaky": flaky} {
		if ids := s.IDs(); len(ids) > sent || ids[0] == "" || len(s.Calls()) > 2+sent {
			t.Errorf("%s got %v of what was sent %d times", name, s.Calls(), sent)
		}
	}
	if left := q.Take(q.DeadLetter); len(left) != 0 {
		t.Errorf("dead: %v", left)
	}
	failure := map[string]string{"called": "signal: killed", "timed out": "Task timed out"}[step]
	if log := r.Log("events"); !strings.Contains(log, failure) {
		t.Errorf("no %q in %s", failure, log)
	}
}
