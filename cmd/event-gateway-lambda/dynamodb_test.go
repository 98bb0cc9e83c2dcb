package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest/dynamodb"
	"github.com/event-gateway/event-gateway/store/storetest/servers"
)

// longPath returns one of many paths that make items as large as those of subscriptions can be.
func longPath(i int) string { return fmt.Sprintf("/%04d/%s", i, strings.Repeat("x", 240)) }

// TestTableColdStart: the first request of a process is routed by what others wrote, after as few requests as can be.
func TestTableColdStart(t *testing.T) {
	t.Parallel()
	table := dynamodb.Start(t)
	table.CreateTable(tableName)
	events, config := startFront(t, table.URL(), reads...), startFront(t, table.URL())
	r, operator := startRegion(t, events.store()), startRegion(t, config.store())
	operator.function("f", says(t, "hello"))
	operator.route("f", "/first")
	r.get("/first", 200)
	events.asked(requests{"GetItem": 2, "Query": 1})
	config.asked(requests{"GetItem": 3, "Query": 1, "TransactWriteItems": 2})

	const n = 2_600
	addRoutes(t, table.URL(), n)
	r.Kill("events")
	for _, i := range []int{0, n / 2, n - 1} {
		r.get(longPath(i), 200)
	}
	events.asked(requests{"GetItem": 2, "Query": 3}) // of three pages
}

// addRoutes writes subscriptions of the function f into the table, as the gateway itself would store them.
func addRoutes(t *testing.T, endpoint string, n int) {
	t.Helper()
	rules := store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil)
	s := openTable(t, endpoint)
	_, head, err := s.Load(t.Context(), store.Shared)
	if err != nil {
		t.Fatal(err)
	}
	c := store.Commit{}
	for i := range n {
		sub, err := rules.DecodeSubscription(fmt.Appendf(nil, `{"functionId":"f","event":"http","method":"GET","path":%q}`, longPath(i)), "default")
		if err != nil {
			t.Fatal(err)
		}
		record, err := json.Marshal(sub)
		if err != nil {
			t.Fatal(err)
		}
		c.Ops = append(c.Ops, store.Op{Key: "subscriptions/default/" + sub.ID, Value: record})
		if len(c.Ops) < store.MaxOps && i < n-1 {
			continue
		}
		c.ID = fmt.Sprint(i)
		if head, err = s.Commit(t.Context(), store.Shared, head, c); err != nil {
			t.Fatal(err)
		}
		c.Ops = nil
	}
}

// TestTableCatchUp: what each request of a warm process asks DynamoDB for, with permission to read only, and what it sees of changes.
func TestTableCatchUp(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) string{
		"project": func(t *testing.T) string { return dynamodb.Start(t).URL() },
		"moto":    func(t *testing.T) string { return servers.Moto(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tableCatchUp(t, start(t))
		})
	}
}

func tableCatchUp(t *testing.T, endpoint string) {
	createTable(t, endpoint)
	events, config := startFront(t, endpoint, reads...), startFront(t, endpoint)
	r, operator := startRegion(t, events.store(), "EVENT_GATEWAY_MAX_STALENESS=4s"), startRegion(t, config.store())
	operator.function("one", says(t, "one"))
	operator.function("two", says(t, "two"))
	operator.route("one", "/a")
	says := func(path, body string, want requests) {
		t.Helper()
		if a := r.get(path, 200); a.Body != body {
			t.Errorf("GET %s: %s, want %s", path, a.Body, body)
		}
		events.asked(want)
	}
	says("/a", "one", requests{"GetItem": 2, "Query": 1})
	says("/a", "one", requests{})

	operator.route("one", "/new")
	says("/new", "one", requests{"GetItem": 1, "Query": 1}) // young, but without a route

	r.freeze("events", older)
	says("/a", "one", requests{"GetItem": 1}) // nothing is new
	operator.configure("DELETE", "/subscriptions/http,GET,%2Fa", "")
	operator.route("two", "/a")
	says("/a", "one", requests{}) // young
	r.freeze("events", older)
	says("/a", "one", requests{"GetItem": 1, "Query": 1}) // catches up beside it
	says("/a", "two", requests{})

	operator.configure("DELETE", "/subscriptions/http,GET,%2Fa", "")
	r.freeze("events", 4*time.Second)
	r.get("/a", 404) // waits, since it is older than allowed
	events.asked(requests{"GetItem": 1, "Query": 1})

	operator.route("one", "/late") // and the process is frozen for longer than the log reaches back
	trimLog(t, endpoint)
	r.freeze("events", older)
	says("/late", "one", requests{"GetItem": 3, "Query": 2, "TransactGetItems": 1})
	r.logs("events", "the realm is loaded again")
	if n := len(r.Processes("events")); n != 1 {
		t.Errorf("%d processes, want 1", n)
	}
	events.used("GetItem", "Query", "TransactGetItems")
	config.used("GetItem", "Query", "TransactWriteItems")
}

// TestTablePermissions: each role works with the actions that docs/stores.md names for it, also where each space is a realm of its own.
func TestTablePermissions(t *testing.T) {
	t.Parallel()
	table := dynamodb.Start(t)
	table.CreateTable(tableName)
	table.Deny("BatchGetItem", "Scan", "UpdateItem", "ConditionCheckItem", "DescribeTable", "DescribeTimeToLive")
	events, config := startFront(t, table.URL(), reads...), startFront(t, table.URL())
	hosted := []string{"EVENT_GATEWAY_HOSTED_DOMAIN=a.test", "EVENT_GATEWAY_EGRESS_ALLOW=127.0.0.0/8", "EVENT_GATEWAY_SECRET_KEYS=" + secretKeys(t)}
	r, operator := startRegion(t, events.store(), hosted...), startRegion(t, config.store(), hosted...)
	operator.space = "one"
	operator.function("f", says(t, "of one"))
	operator.route("f", "/x")
	operator.configure("DELETE", "/subscriptions/http,GET,%2Fx", "")
	operator.route("f", "/x")
	operator.configure("GET", "/subscriptions", "")
	config.used("GetItem", "Query", "TransactWriteItems")

	table.Deny("PutItem", "DeleteItem", "Scan", "UpdateItem", "ConditionCheckItem", "DescribeTable", "DescribeTimeToLive")
	for host, status := range map[string]int{"one.a.test": 200, "two.a.test": 404} {
		if a := r.send("events", "GET", "/x", "", "host: "+host); a.Status != status {
			t.Errorf("%s: %d %s", host, a.Status, a.Body)
		}
	}
	events.used("BatchGetItem", "GetItem", "Query")
	if a := operator.send("config", "DELETE", "/v1/spaces/one/subscriptions/http,GET,%2Fx", "", "authorization: Bearer "+token); a.Status != 503 {
		t.Errorf("a change without permission: %d %s", a.Status, a.Body)
	}
}
