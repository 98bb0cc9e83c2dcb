package zookeeper_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest"
)

// counter counts the requests that clients send.
type counter struct {
	addr string

	mu              sync.Mutex
	requests, pings int
}

// countRequests starts a proxy that counts.
func countRequests(t *testing.T, to string) *counter {
	t.Helper()
	c := &counter{}
	c.addr = storetest.Forward(t, to, c.copy, io.Copy)
	return c
}

// copy passes requests on. The first of a connection opens the session.
func (c *counter) copy(to io.Writer, from io.Reader) (n int64, err error) {
	for first := true; err == nil; first = false {
		frame := make([]byte, 4)
		if _, err = io.ReadFull(from, frame); err != nil {
			break
		}
		frame = append(frame, make([]byte, binary.BigEndian.Uint32(frame))...)
		if _, err = io.ReadFull(from, frame[4:]); err != nil {
			break
		}
		c.mu.Lock()
		if ping := int32(binary.BigEndian.Uint32(frame[4:])) == -2; ping {
			c.pings++
		} else if !first {
			c.requests++
		}
		c.mu.Unlock()
		_, err = to.Write(frame)
	}
	return n, err
}

func (c *counter) read() (requests, pings int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests, c.pings
}

func TestQuietWaitReadsOnce(t *testing.T) {
	t.Parallel()
	addr := server(t)
	count := countRequests(t, addr)
	s, other := open(t, count.addr), open(t, addr)
	w := &storetest.Writer{T: t}
	w.Commit(other, 1)
	head := w.Head
	known := map[store.Realm]store.Rev{"r": head.Rev, "nobodys": 0}
	wait := func() {
		t.Helper()
		if commits, got, err := s.Changes(t.Context(), "r", head.Rev, 50*time.Millisecond); len(commits) != 0 || got != head || err != nil {
			t.Fatalf("got %v, %v, %v; want %v", commits, got, err, head)
		}
		if moved, err := s.Heads(t.Context(), known, 50*time.Millisecond); len(moved) != 0 || err != nil {
			t.Fatalf("got %v, %v", moved, err)
		}
	}
	// A transaction that changes nothing for each, and two reads.
	deadline := time.Now().Add(20 * time.Second)
	for requests := 0; requests != 4; { // the first ones find the watch not running yet
		if time.Now().After(deadline) {
			t.Fatalf("after 20 s: %d requests at the end of two waits in which nothing happened, want 4", requests)
		}
		before, _ := count.read()
		wait()
		requests, _ = count.read()
		requests -= before
	}
	// The watch brings a commit with its head; only a large one is read again.
	for _, value := range [][]byte{[]byte("w"), make([]byte, 4<<10)} {
		before, _ := count.read()
		c := store.Commit{ID: fmt.Sprint("id", len(value)), Ops: []store.Op{{Key: "k", Was: head.Rev, Value: value}}}
		type result struct {
			commits []store.Commit
			head    store.Head
			err     error
		}
		woken := make(chan result)
		go func() {
			commits, at, err := s.Changes(t.Context(), "r", head.Rev, time.Minute)
			woken <- result{commits, at, err}
		}()
		next, err := other.Commit(t.Context(), "r", head, c)
		if err != nil {
			t.Fatal(err)
		}
		got := <-woken
		if got.err != nil || got.head != next || len(got.commits) != 1 || got.commits[0].ID != c.ID ||
			!bytes.Equal(got.commits[0].Ops[0].Value, value) {
			t.Errorf("%d bytes: got %d commits at %v, %v", len(value), len(got.commits), got.head, got.err)
		}
		want := 2 // the head and the entry
		if len(value) > 1 {
			want += 2 // the watch has brought the head
		}
		if after, _ := count.read(); after-before != want {
			t.Errorf("%d requests for one change of %d bytes, want %d", after-before, len(value), want)
		}
		head = next
	}
}

// TestCommitIsOneRequest: what the session has seen it does not ask for.
func TestCommitIsOneRequest(t *testing.T) {
	t.Parallel()
	count := countRequests(t, server(t))
	s := open(t, count.addr)
	w := &storetest.Writer{T: t}
	w.Commit(s, 1)
	for i := range 3 {
		before, _ := count.read()
		c := storetest.Commit("k", w.Head.Rev)
		if i > 0 {
			c.Ops = append(c.Ops, store.Op{Key: "..", Value: []byte("v")}) // in another bucket
		}
		if i > 1 {
			c.Ops[1].Was = w.Head.Rev
		}
		head, err := s.Commit(t.Context(), "r", w.Head, c)
		if err != nil {
			t.Fatal(err)
		}
		w.Head = head
		after, _ := count.read()
		if want := []int{1, 2, 1}[i]; after-before != want {
			t.Errorf("commit %d took %d requests, want %d", i, after-before, want)
		}
	}
}

// TestIdleTraffic counts what an instance sends that waits in shared mode while nothing happens. One request comes to it at the end of each
// wait, which lasts 30 seconds, as TestQuietWaitReadsOnce counts.
func TestIdleTraffic(t *testing.T) {
	t.Parallel()
	const idle = 8 * time.Second
	count := countRequests(t, server(t))
	s := open(t, count.addr)
	w := &storetest.Writer{T: t}
	f := storetest.Follow(t, s)
	w.Commit(s, 1)
	f.Reaches(w)
	_, _, err := s.Changes(t.Context(), "r", 1, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	requests, pings := count.read()
	time.Sleep(idle)
	r, p := count.read()
	r, p = r-requests, p-pings
	if r != 0 || p < 1 || p > 3 {
		t.Errorf("%d requests and %d pings in %v; want none and a ping every 3.3 seconds", r, p, idle)
	}
	t.Logf("%d requests and %d pings in %v", r, p, idle)
}
