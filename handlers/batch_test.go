package handlers_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

const batchType = "Content-Type: application/cloudevents-batch+json"

func batchOf(types ...string) string {
	var events []string
	for i, name := range types {
		events = append(events, fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"/s","type":%q,"data":{"n":%d}}`, i, name, i))
	}
	return "[" + strings.Join(events, ",") + "]"
}

func TestBatch(t *testing.T) {
	t.Parallel()
	g := start(t)
	created, checked := answers(t, ``), answers(t, `{"body":"nobody sees it"}`)
	g.function("default", "created", created.URL)
	g.function("default", "checked", checked.URL)
	g.configure(201, "POST", inDefault+"/eventtypes", `{"name":"user.checked"}`)
	g.subscribe("default", `{"event":"user.created","functionId":"created","path":"/:team"}`)
	g.subscribe("default", `{"type":"sync","eventType":"user.checked","functionId":"checked","path":"/team"}`)
	if a := send(t, "POST", g.events+"/team", batchOf("user.created", "nobody", "user.checked", "user.created"), batchType); a.status != 202 || a.body != "" {
		t.Fatal(a)
	}
	eventually(t, "each gets its events", func() bool { return len(created.events()) == 2 && len(checked.events()) == 1 })
	if got := object(t, checked.events()[0]); got["id"] != "2" || fmt.Sprint(got["data"]) != "map[n:2]" {
		t.Error(got)
	}
	if a := send(t, "POST", g.events+"/team", `[]`, batchType); a.status != 202 {
		t.Error(a)
	}
	for what, body := range map[string]string{
		"one without an id": `[` + strings.Trim(batchOf("user.created"), "[]") + `,{"specversion":"1.0","source":"/s","type":"user.created"}]`,
		"a reserved type":   batchOf("user.created", "gateway.event.received"),
		"cut off":           strings.TrimSuffix(batchOf("user.created", "user.created"), "]"),
		"more behind it":    batchOf("user.created") + "[]",
		"no list":           strings.Trim(batchOf("user.created"), "[]"),
		"too many":          batchOf(make([]string, 1001)...),
	} {
		if a := send(t, "POST", g.events+"/team", body, batchType); a.status != 400 || a.message() == "" {
			t.Errorf("%s: %v", what, a)
		}
	}
	time.Sleep(50 * time.Millisecond)
	if len(created.events()) != 2 {
		t.Error("a part of a bad batch was delivered:", created.events())
	}
}

// TestBatchRoom: a batch that does not fit into the queue is refused whole.
func TestBatchRoom(t *testing.T) {
	t.Parallel()
	g := start(t, "-workers-backlog=4")
	release := make(chan bool)
	f := newFunction(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	g.function("default", "f", f.URL)
	g.subscribe("default", `{"event":"user.created","functionId":"f","path":"/"}`)
	names := []string{"user.created", "user.created", "user.created", "user.created", "user.created"}
	if a := send(t, "POST", g.events+"/", batchOf(names...), batchType); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Error(a)
	}
	time.Sleep(50 * time.Millisecond)
	if n := len(f.events()); n != 0 {
		t.Errorf("%d events of a refused batch were delivered", n)
	}
}

// TestBatchRefused: one event that is not authorized, and none of the batch is taken.
func TestBatchRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"-compat"}} {
		g := start(t, args...)
		f := answers(t, ``)
		authorizer := newFunction(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"error":{}}`) })
		g.function("default", "f", f.URL)
		g.function("default", "auth", authorizer.URL)
		g.configure(201, "POST", inDefault+"/eventtypes", `{"name":"guarded","authorizerId":"auth"}`)
		g.configure(201, "POST", inDefault+"/eventtypes", `{"name":"free"}`)
		for _, name := range []string{"guarded", "free"} {
			g.subscribe("default", fmt.Sprintf(`{"type":"async","eventType":%q,"functionId":"f","path":"/"}`, name))
		}
		a := send(t, "POST", g.events+"/", batchOf("free", "guarded"), batchType)
		if compat := len(args) > 0; a.status != map[bool]int{false: 403, true: 202}[compat] {
			t.Error(args, a)
		} else if compat { // as single events in 2018: the sender is not told, and the others are delivered
			eventually(t, "the free one is delivered", func() bool { return len(f.events()) == 1 })
		}
		time.Sleep(50 * time.Millisecond)
		if n := len(f.events()); n != len(args) {
			t.Errorf("%v: %d deliveries", args, n)
		}
	}
}
