package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest/dynamodb"
)

// What a DynamoDB with too much to do answers, and the operations that read and write.
var throttles = map[string]dynamodb.Kind{"ProvisionedThroughputExceeded": dynamodb.Throttle, "ThrottlingException": dynamodb.ThrottleRequests}

// befall has a fault befall the operations until the returned func is called.
func befall(s *dynamodb.Server, kind dynamodb.Kind, times int, operations ...string) (over func()) {
	s.Set(dynamodb.Faults{List: []dynamodb.Fault{{Kind: kind, Times: times, Ops: operations}}})
	return func() { s.Set(dynamodb.Faults{}) }
}

// TestTableThrottledReads: warm processes go on, cold ones wait or say when to come again.
func TestTableThrottledReads(t *testing.T) {
	t.Parallel()
	for name, kind := range throttles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			throttledReads(t, kind)
		})
	}
}

func throttledReads(t *testing.T, kind dynamodb.Kind) {
	table := dynamodb.Start(t)
	table.CreateTable(tableName)
	r := startRegion(t, "dynamodb://"+tableName+"?endpoint="+table.URL(), "EVENT_GATEWAY_MAX_STALENESS=4s")
	r.function("f", says(t, "f"))
	r.route("f", "/a")
	r.get("/a", 200)
	within := func(took, most time.Duration, what string) {
		t.Helper()
		if took > most {
			t.Errorf("%s took %v, want %v at most", what, took, most)
		}
	}
	over := befall(table, kind, 0, reads...)
	r.freeze("events", older)
	within(r.get("/a", 200).took, 1500*time.Millisecond, "an event with an older snapshot")
	within(r.get("/a", 200).took, 500*time.Millisecond, "the next one")
	r.freeze("events", 4*time.Second)
	within(r.get("/a", 200).took, 4500*time.Millisecond, "an event with a snapshot that is too old")

	r.Kill("events")
	a := r.get("/a", 503)
	within(a.took, 4900*time.Millisecond, "an event without a snapshot")
	over()
	seconds, err := strconv.Atoi(a.Headers["Retry-After"])
	if err != nil {
		t.Fatal(a.Headers)
	}
	r.freeze("events", time.Duration(seconds)*time.Second)
	r.get("/a", 200) // who does as told is not refused again
	if n := len(r.Processes("events")); n != 1 {
		t.Errorf("%d processes, want 1", n)
	}

	r.Kill("events")
	over = befall(table, kind, 0, reads...)
	time.AfterFunc(time.Second, over)
	within(r.get("/a", 200).took, 2500*time.Millisecond, "a cold start that was throttled for a second")
}

// TestTableThrottledWrites: a change lands, or is a 503, as a whole.
func TestTableThrottledWrites(t *testing.T) {
	t.Parallel()
	for name, kind := range throttles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			throttledWrites(t, kind)
		})
	}
}

func throttledWrites(t *testing.T, kind dynamodb.Kind) {
	table := dynamodb.Start(t)
	table.CreateTable(tableName)
	r := startRegion(t, "dynamodb://"+tableName+"?endpoint="+table.URL())
	r.function("before", "http://127.0.0.1:1/")

	over := befall(table, kind, 0, "TransactWriteItems")
	time.AfterFunc(time.Second, over)
	if a := r.create("config", "patient"); a.Status != 201 || a.took > 4*time.Second {
		t.Errorf("throttled for a second: %d %s after %v", a.Status, a.Body, a.took)
	}

	over = befall(table, kind, 0, "TransactWriteItems")
	a := r.create("config", "refused")
	if a.Status != 503 || a.Headers["Retry-After"] == "" || a.took > 4900*time.Millisecond {
		t.Errorf("throttled without end: %d %s after %v", a.Status, a.Body, a.took)
	}
	holds(t, table.URL(), "functions/default/before", "functions/default/patient")
	over()
	if a := r.create("config", "refused"); a.Status != 201 {
		t.Errorf("afterwards: %d %s", a.Status, a.Body)
	}
	holds(t, table.URL(), "functions/default/before", "functions/default/patient", "functions/default/refused")
}

// create creates a function by a Config API and returns the answer, whatever it is.
func (r *region) create(surface, id string) answer {
	r.t.Helper()
	path := map[string]string{"config": "/v1", "all": "/-/config/v1"}[surface]
	body := fmt.Sprintf(`{"functionId":%q,"type":"http","provider":{"url":"http://127.0.0.1:1/%s"}}`, id, surface)
	return r.send(surface, "POST", path+"/spaces/default/functions", body, "content-type: application/json", "authorization: Bearer "+token)
}

// holds wants the table to hold these records, and its head, its log and its records to agree.
func holds(t *testing.T, endpoint string, want ...string) {
	t.Helper()
	s := openTable(t, endpoint)
	items, head, err := s.Load(t.Context(), store.Shared)
	if err != nil {
		t.Fatal(err)
	}
	var records []string
	var digest store.Digest
	for _, item := range items {
		records, digest = append(records, item.Key), digest.With(item.Key, item.Rev)
	}
	slices.Sort(records)
	slices.Sort(want)
	if !slices.Equal(records, want) || digest != head.Digest {
		t.Errorf("the table holds %v, want %v; the digest of the records is %v, that of the head %v", records, want, digest, head.Digest)
	}
	commits, _, err := s.Changes(t.Context(), store.Shared, 0, 0)
	logged := map[string]bool{}
	var last store.Head
	for _, c := range commits {
		last = last.Next(c)
		for _, op := range c.Ops {
			logged[op.Key] = true
		}
	}
	if got := slices.Sorted(maps.Keys(logged)); err != nil || !slices.Equal(got, want) || last != head {
		t.Errorf("the log has %v and leads to %v, %v; the head is %v", got, last, err, head)
	}
}

// TestTableLostAnswers: a change that landed without an answer is found out, and answered as if there had been one.
func TestTableLostAnswers(t *testing.T) {
	t.Parallel()
	table := dynamodb.Start(t)
	table.CreateTable(tableName)
	r := startRegion(t, "dynamodb://"+tableName+"?endpoint="+table.URL())
	var want []string
	for name, kind := range map[string]dynamodb.Kind{"cut": dynamodb.CloseAfter, "silent": dynamodb.HangAfter, "failed": dynamodb.InternalAfter} {
		over := befall(table, kind, 1, "TransactWriteItems")
		if a := r.create("config", name); a.Status != 201 || !strings.Contains(a.Body, name) {
			t.Errorf("%s: %d %s after %v", name, a.Status, a.Body, a.took)
		}
		if n := table.Counts().Faults[kind]; n != 1 {
			t.Errorf("%s: %d answers were lost, want 1", name, n)
		}
		over()
		if a := r.create("config", name); a.Status != 409 {
			t.Errorf("%s once more: %d %s", name, a.Status, a.Body)
		}
		want = append(want, "functions/default/"+name)
	}
	holds(t, table.URL(), want...)
}
