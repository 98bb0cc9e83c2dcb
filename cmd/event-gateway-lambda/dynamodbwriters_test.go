package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/event-gateway/event-gateway/store/storetest/dynamodb"
)

// TestTableWriters: two Config APIs, of several processes each, create records at once, some of them the same. Each is created once, and none is lost.
func TestTableWriters(t *testing.T) {
	t.Parallel()
	table := dynamodb.Start(t)
	table.CreateTable(tableName)
	r := startRegion(t, "dynamodb://"+tableName+"?endpoint="+table.URL())
	const writers, rounds = 4, 5 // writers of each Lambda
	var created [rounds]atomic.Int64
	var want []string
	var wg sync.WaitGroup
	for _, surface := range []string{"config", "all"} {
		for w := range writers {
			wg.Go(func() {
				for round := range rounds {
					switch a := r.create(surface, fmt.Sprint("same-", round)); a.Status {
					case 201:
						created[round].Add(1)
					case 409:
					default:
						t.Errorf("the same: %d %s after %v", a.Status, a.Body, a.took)
					}
					if a := r.create(surface, fmt.Sprintf("%s-%d-%d", surface, w, round)); a.Status != 201 {
						t.Errorf("its own: %d %s after %v", a.Status, a.Body, a.took)
					}
				}
			})
			for round := range rounds {
				want = append(want, fmt.Sprintf("functions/default/%s-%d-%d", surface, w, round))
			}
		}
	}
	wg.Wait()
	for round := range rounds {
		if n := created[round].Load(); n != 1 {
			t.Errorf("same-%d was created %d times", round, n)
		}
		want = append(want, fmt.Sprint("functions/default/same-", round))
	}
	holds(t, table.URL(), want...)
	if n := table.Calls("TransactWriteItems"); n == len(want) {
		t.Error("nobody was in the way of anybody: the test tests nothing")
	}
}

// TestTableConflicts: a change that another one is quicker than is checked once more, and made if it still can be.
func TestTableConflicts(t *testing.T) {
	t.Parallel()
	table := dynamodb.Start(t)
	table.CreateTable(tableName)
	slow := startFront(t, table.URL())
	r, other := startRegion(t, slow.store()), startRegion(t, "dynamodb://"+tableName+"?endpoint="+table.URL())
	other.function("zero", "http://127.0.0.1:1/")
	f := func(id, quicker string, status, writes int) {
		t.Helper()
		var once sync.Once
		slow.hold(func(operation string) {
			if operation == "TransactWriteItems" {
				once.Do(func() {
					if a := other.create("config", quicker); a.Status != 201 {
						t.Errorf("%s: %d %s", quicker, a.Status, a.Body)
					}
				})
			}
		})
		before := slow.count("TransactWriteItems")
		if a := r.create("config", id); a.Status != status {
			t.Errorf("%s, after %s: %d %s", id, quicker, a.Status, a.Body)
		}
		if n := slow.count("TransactWriteItems") - before; n != writes {
			t.Errorf("%s: %d transactions, want %d", id, n, writes)
		}
		slow.hold(nil)
	}
	f("one", "two", 201, 2) // ConditionalCheckFailed: the head has moved
	f("three", "three", 409, 1)

	over := befall(table, dynamodb.Conflict, 3, "TransactWriteItems")
	before := slow.count("TransactWriteItems")
	if a := r.create("config", "four"); a.Status != 201 {
		t.Errorf("four: %d %s", a.Status, a.Body)
	}
	if n := slow.count("TransactWriteItems") - before; n != 4 {
		t.Errorf("TransactionConflict three times: %d transactions, want 4", n)
	}
	over()
	holds(t, table.URL(), "functions/default/zero", "functions/default/one", "functions/default/two", "functions/default/three", "functions/default/four")
}
