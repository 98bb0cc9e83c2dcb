package dynamodb_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/dynamodb"
	"github.com/event-gateway/event-gateway/store/storetest"
	emulator "github.com/event-gateway/event-gateway/store/storetest/dynamodb"
)

const timeout = time.Second // of a request, in these tests

// impatient opens a store with the timeout.
func impatient(t testing.TB, endpoint string) *dynamodb.Store {
	t.Helper()
	o := options(endpoint)
	o.Timeout = timeout
	return openWith(t, o)
}

// befalls sets what befalls the calls of an operation.
func befalls(s *emulator.Server, kind emulator.Kind, times int, operation string) {
	s.Set(emulator.Faults{List: []emulator.Fault{{Kind: kind, Times: times, Ops: []string{operation}}}})
}

// TestUnknownOutcome: a commit that landed without an answer is an error, is not tried again by anybody else than the caller, who finds
// out from the conflict and the log.
func TestUnknownOutcome(t *testing.T) {
	t.Parallel()
	for _, kind := range []emulator.Kind{emulator.CloseAfter, emulator.HangAfter, emulator.InternalAfter} {
		server := start(t)
		s := impatient(t, server.URL())
		befalls(server, kind, 1, "TransactWriteItems")
		c := storetest.Commit("k", 0)
		_, err := s.Commit(t.Context(), "r", store.Head{}, c)
		if err == nil || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrUnusable) {
			t.Errorf("fault %d: got %v", kind, err)
		}
		if n := server.Calls("TransactWriteItems"); n != 1 {
			t.Errorf("fault %d: tried %d times", kind, n)
		}
		if _, err = s.Commit(t.Context(), "r", store.Head{}, c); !errors.Is(err, store.ErrConflict) {
			t.Errorf("fault %d: the second time: got %v, want ErrConflict", kind, err)
		}
		if commits, _, err := s.Changes(t.Context(), "r", 0, 0); err != nil || len(commits) != 1 || commits[0].ID != c.ID {
			t.Errorf("fault %d: got %v, %v", kind, commits, err)
		}
	}
}

// TestNotBegun: a commit that DynamoDB did not begin with is tried again for a while.
func TestNotBegun(t *testing.T) {
	t.Parallel()
	for _, kind := range []emulator.Kind{emulator.Throttle, emulator.ThrottleRequests, emulator.Conflict} {
		server := start(t)
		s := impatient(t, server.URL())
		befalls(server, kind, 3, "TransactWriteItems")
		head, err := s.Commit(t.Context(), "r", store.Head{}, storetest.Commit("k", 0))
		if n := server.Calls("TransactWriteItems"); err != nil || n != 4 {
			t.Errorf("fault %d: got %v after %d tries", kind, err, n)
		}
		befalls(server, kind, 0, "TransactWriteItems")
		begin := time.Now()
		_, err = s.Commit(t.Context(), "r", head, storetest.Commit("k", 1))
		if err == nil || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrUnusable) || !strings.Contains(err.Error(), table) {
			t.Errorf("fault %d, without end: got %v", kind, err)
		}
		if took := time.Since(begin); took < timeout || took > timeout+5*time.Second {
			t.Errorf("fault %d, without end: failed after %v", kind, took)
		}
	}
}

// TestConflictIsLookedAt: once the other transaction has landed, the commit is not tried again.
func TestConflictIsLookedAt(t *testing.T) {
	t.Parallel()
	server := start(t)
	s := open(t, server.URL())
	w := &storetest.Writer{T: t}
	w.Commit(s, 1)
	before := server.Calls("TransactWriteItems")
	befalls(server, emulator.Conflict, 0, "TransactWriteItems")
	if _, err := s.Commit(t.Context(), "r", store.Head{}, storetest.Commit("k", 0)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("got %v, want ErrConflict", err)
	}
	if n := server.Calls("TransactWriteItems") - before; n != 1 {
		t.Errorf("tried %d times", n)
	}
}

// TestTooLarge: what DynamoDB will never take is an error at once.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	server := start(t)
	s := open(t, server.URL())
	c := store.Commit{ID: "id", Ops: []store.Op{{Key: "k", Value: make([]byte, 401<<10)}}}
	_, err := s.Commit(t.Context(), "r", store.Head{}, c)
	if err == nil || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrUnusable) {
		t.Errorf("got %v", err)
	}
	if n := server.Calls("TransactWriteItems"); n != 1 {
		t.Errorf("tried %d times", n)
	}
}

// TestReadsAreTriedAgain: what goes by is not seen by those who read.
func TestReadsAreTriedAgain(t *testing.T) {
	t.Parallel()
	server := start(t)
	s := open(t, server.URL())
	w := &storetest.Writer{T: t}
	w.Commit(s, 3)
	trim(t, plainClient(t, server.URL()), table, "r", 1)
	changes := func(after store.Rev, want int, trimmed bool) error {
		commits, head, err := s.Changes(t.Context(), "r", after, 0)
		if trimmed && errors.Is(err, store.ErrTrimmed) {
			return nil
		}
		if err == nil && (trimmed || len(commits) != want || head != w.Head) {
			err = fmt.Errorf("%d commits, %v", len(commits), head)
		}
		return err
	}
	known := map[store.Realm]store.Rev{"r": 1}
	for i := range 150 {
		known[store.Realm(fmt.Sprint("other", i))] = 0
	}
	reads := map[string]func() error{
		"GetItem":          func() error { return changes(3, 0, false) },
		"Query":            func() error { return changes(1, 2, false) },
		"TransactGetItems": func() error { return changes(0, 0, true) },
		"BatchGetItem": func() error {
			moved, err := s.Heads(t.Context(), known, 0)
			if err == nil && (len(moved) != 1 || moved["r"] != w.Head) {
				err = fmt.Errorf("moved: %v", moved)
			}
			return err
		},
		"Scan": func() error { _, err := s.Realms(t.Context()); return err },
	}
	for operation, read := range reads {
		kinds := []emulator.Kind{
			emulator.Throttle, emulator.ThrottleRequests, emulator.Internal, emulator.InternalAfter, emulator.Close, emulator.CloseAfter,
		}
		switch operation {
		case "TransactGetItems":
			kinds = append(kinds, emulator.Conflict)
		case "BatchGetItem":
			kinds = append(kinds, emulator.Unprocessed)
		}
		for _, kind := range kinds {
			befalls(server, kind, 2, operation)
			before := server.Calls(operation)
			if err := read(); err != nil {
				t.Errorf("%s, fault %d: %v", operation, kind, err)
			}
			if n := server.Calls(operation) - before; n < 3 {
				t.Errorf("%s, fault %d: called %d times", operation, kind, n)
			}
		}
	}
}

// TestThrottledLoad: whoever has nothing yet waits longer than the SDK would, and not without end.
func TestThrottledLoad(t *testing.T) {
	t.Parallel()
	server := start(t)
	s := impatient(t, server.URL())
	w := &storetest.Writer{T: t}
	w.Commit(s, 3)
	for _, operation := range []string{"GetItem", "Query"} {
		for _, kind := range []emulator.Kind{emulator.Throttle, emulator.ThrottleRequests} {
			befalls(server, kind, 10, operation)
			if _, head, err := s.Load(t.Context(), "r"); err != nil || head != w.Head {
				t.Errorf("%s, fault %d: got %v, %v", operation, kind, head, err)
			}
			befalls(server, kind, 0, operation)
			begin := time.Now()
			_, _, err := s.Load(t.Context(), "r")
			if took := time.Since(begin); err == nil || errors.Is(err, store.ErrUnusable) || took < timeout || took > timeout+5*time.Second {
				t.Errorf("%s, fault %d, without end: got %v after %v", operation, kind, err, took)
			}
		}
	}
}

// TestHang: each call ends in time, with a word on why, if DynamoDB does not answer.
func TestHang(t *testing.T) {
	t.Parallel()
	server := start(t)
	s := impatient(t, server.URL())
	server.Set(emulator.Faults{List: []emulator.Fault{{Kind: emulator.Hang}}})
	storetest.Away(t, s, 0, timeout, "does not answer: nothing within 1s")
}

// TestSeenOneByOne: a transaction's writes are not seen at once. Loads and changes are right all the same.
func TestSeenOneByOne(t *testing.T) {
	t.Parallel()
	server := start(t)
	server.Set(emulator.Faults{Hold: 20 * time.Millisecond})
	s := open(t, server.URL())
	var wg sync.WaitGroup
	defer wg.Wait()
	done := make(chan struct{})
	wg.Go(func() {
		defer close(done)
		var head store.Head
		was := make(map[string]store.Rev)
		for i := range 100 { // each changes, makes or deletes half of the records, and makes another one
			c := store.Commit{ID: fmt.Sprint(i), Ops: []store.Op{{Key: fmt.Sprint("only-", i), Value: []byte("v")}}}
			for n := range 20 {
				op := store.Op{Key: fmt.Sprint(2*n + i%2)}
				if op.Was = was[op.Key]; i/2%3 > 0 {
					op.Value = fmt.Append(nil, i)
				}
				if was[op.Key] = head.Rev + 1; op.Value == nil {
					delete(was, op.Key)
				}
				c.Ops = append(c.Ops, op)
			}
			var err error
			if head, err = s.Commit(t.Context(), "r", head, c); err != nil {
				t.Error(err)
				return
			}
		}
	})
	after := store.Head{}
	for loads, last := 0, false; !last; loads++ {
		select {
		case <-done:
			last = true
		default:
		}
		items, head, err := s.Load(t.Context(), "r")
		if err != nil {
			t.Fatal(err)
		}
		digest := store.Digest(0)
		for _, item := range items {
			digest = digest.With(item.Key, item.Rev)
		}
		if digest != head.Digest || head.Rev < after.Rev {
			t.Fatalf("load %d, at %v after %v: the items' digest is %x", loads, head, after, digest)
		}
		commits, head, err := s.Changes(t.Context(), "r", after.Rev, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range commits {
			after = after.Next(c)
		}
		if after != head {
			t.Fatalf("the changes lead to %v, the head is %v", after, head)
		}
	}
	if n := server.Calls("TransactGetItems"); n == 0 {
		t.Error("nothing was seen one by one: the test tests nothing")
	}
}
