package handlers_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/invoke/event"
)

// emit sends an event as a function does that passes on the lineage of what it got.
func emit(t *testing.T, url, name string, because http.Header) int {
	req, err := http.NewRequest("POST", url, strings.NewReader("{}"))
	if err != nil {
		t.Error(err)
		return 0
	}
	req.Header.Set("Event", name)
	req.Header.Set("Content-Type", "application/json")
	if token := because.Get(event.LineageHeader); token != "" {
		req.Header.Set(event.LineageHeader, token)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return 0 // the test is over
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// TestP: a function that emits its own event is called sixteen times, whatever form events have for it.
func TestP(t *testing.T) {
	t.Parallel()
	for _, member := range []string{``, `,"eventFormat":"native"`, `,"eventFormat":"cloudevents-0.1"`, `,"mode":"binary"`} {
		g := start(t)
		var calls, refused atomic.Int64
		f := newFunction(t, func(_ http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			if emit(t, g.events+"/", "again", r.Header) == http.StatusLoopDetected {
				refused.Add(1)
			}
		})
		g.configure(201, "POST", inDefault+"/functions", fmt.Sprintf(`{"functionId":"f","type":"http","provider":{"url":%q}%s}`, f.URL, member))
		g.subscribe("default", `{"functionId":"f","event":"again","path":"/"}`)
		if status := emit(t, g.events+"/", "again", nil); status != 202 {
			t.Fatal(status)
		}
		eventually(t, "the loop is stopped", func() bool { return refused.Load() == 1 })
		if n := calls.Load(); n != 16 {
			t.Errorf("%s: the function was called %d times, want 16", member, n)
		}
	}
}

// TestP_Twice: a function that emits its own event twice is stopped by the budget of the chain. Another chain is not.
func TestP_Twice(t *testing.T) {
	t.Parallel()
	g := start(t)
	var calls, refused, stopped, quiet atomic.Int64
	f := newFunction(t, func(_ http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		for range 2 {
			if emit(t, g.events+"/", "again", r.Header) == http.StatusLoopDetected {
				refused.Add(1)
			}
		}
	})
	watch := newFunction(t, func(http.ResponseWriter, *http.Request) { stopped.Add(1) })
	other := newFunction(t, func(http.ResponseWriter, *http.Request) { quiet.Add(1) })
	g.function("default", "f", f.URL)
	g.function("default", "watch", watch.URL)
	g.function("default", "other", other.URL)
	g.subscribe("default", `{"functionId":"f","event":"again","path":"/"}`)
	g.subscribe("default", `{"functionId":"other","event":"quiet","path":"/"}`)
	g.subscribe("default", `{"functionId":"watch","event":"gateway.event.dropped","path":"/"}`)
	emit(t, g.events+"/", "again", nil)
	before := int64(-1)
	eventually(t, "the loop is stopped", func() bool {
		now := calls.Load()
		ended := now == before && refused.Load() > 0
		before = now
		time.Sleep(100 * time.Millisecond)
		return ended
	})
	if n := calls.Load(); n < 1000 || n > 1001 {
		t.Errorf("the function was called %d times, want the budget of 1000, and the first", n)
	}
	eventually(t, "one system event tells of it", func() bool { return stopped.Load() == 1 })
	dropped := object(t, watch.events()[0])
	if data, ok := dropped["data"].(map[string]any); !ok || dropped["type"] != "gateway.event.dropped" || data["path"] != "/" ||
		!strings.Contains(fmt.Sprint(data["reason"]), "1000 invocations") || fmt.Sprint(data["event"].(map[string]any)["type"]) != "again" {
		t.Error(dropped)
	}
	if n := strings.Count(g.log.String(), "a loop was stopped"); n != 1 {
		t.Errorf("the log tells of the loop %d times", n)
	}
	metrics := g.configure(200, "GET", "/metrics", "").body
	if want := fmt.Sprintf(`eventgateway_loops_stopped_total{space="default",type="again"} %d`, refused.Load()); !strings.Contains(metrics, want) {
		t.Errorf("the metrics have no %s", want)
	}
	if status := emit(t, g.events+"/", "quiet", nil); status != 202 {
		t.Error("another chain:", status)
	}
	eventually(t, "another chain goes on", func() bool { return quiet.Load() == 1 })
}

// TestP_Sync: a function that asks the gateway for its own route ends, with 508 for the innermost caller.
func TestP_Sync(t *testing.T) {
	t.Parallel()
	g := start(t)
	var innermost atomic.Int64
	f := newFunction(t, func(w http.ResponseWriter, r *http.Request) {
		req, _ := http.NewRequest("GET", g.events+"/again", nil)
		req.Header.Set(event.LineageHeader, r.Header.Get(event.LineageHeader))
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return
		}
		defer resp.Body.Close()
		if resp.StatusCode == http.StatusLoopDetected {
			innermost.Add(1)
		}
		fmt.Fprintf(w, `{"body":"%d"}`, resp.StatusCode)
	})
	g.function("default", "f", f.URL)
	g.subscribe("default", `{"functionId":"f","event":"http","method":"GET","path":"/again"}`)
	if a := send(t, "GET", g.events+"/again", ""); a.status != 200 || innermost.Load() != 1 || len(f.events()) != 16 {
		t.Errorf("%v; %d calls, %d answers of 508", a, len(f.events()), innermost.Load())
	}
}

// TestP_Forged: what a client makes up as a lineage counts for nothing, and it can neither lower nor raise one.
func TestP_Forged(t *testing.T) {
	t.Parallel()
	g := start(t)
	var tokens []string
	got := make(chan string, 100)
	f := newFunction(t, func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header.Get(event.LineageHeader)
		fmt.Fprint(w, `{}`)
	})
	g.function("default", "f", f.URL)
	g.subscribe("default", `{"functionId":"f","event":"http","method":"GET","path":"/"}`)
	request := func(token string) int {
		req, _ := http.NewRequest("GET", g.events+"/", nil)
		if token != "" {
			req.Header.Set(event.LineageHeader, token)
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	token := ""
	for hop := range 16 {
		if status := request(token); status != 200 {
			t.Fatal(hop, status)
		}
		token = <-got
		tokens = append(tokens, token)
	}
	if status := request(token); status != 508 {
		t.Fatal("the 17th:", status)
	}
	// Every change of a character makes it a token of nobody, and the request one that follows from none.
	for i := range token {
		for _, c := range "A_9" {
			forged := token[:i] + string(c) + token[i+1:]
			if forged == token {
				continue
			}
			if status := request(forged); status != 200 {
				t.Fatalf("%s: %d", forged, status)
			}
			if again := <-got; again[:24] == token[:24] {
				t.Fatalf("%s was taken for %s", forged, token)
			}
		}
	}
	// One that was given out before is good, but the chain has its budget.
	status, n := 200, 0
	for ; status == 200 && n < 2000; n++ {
		if status = request(tokens[0]); status == 200 {
			<-got
		}
	}
	if status != 508 || n < 900 || n > 1001 {
		t.Errorf("after %d requests: %d", n, status)
	}
	other := start(t)
	other.function("default", "f", f.URL)
	other.subscribe("default", `{"functionId":"f","event":"http","method":"GET","path":"/"}`)
	if a := send(t, "GET", other.events+"/", "", event.LineageHeader+": "+token); a.status != 200 {
		t.Error("a gateway with another key:", a)
	}
}

// TestP_Shared: gateways with one key, be it of its own or made of the operator's token, know each other's lineages.
func TestP_Shared(t *testing.T) {
	for _, variable := range []string{"EVENT_GATEWAY_LINEAGE_KEY", "EVENT_GATEWAY_CONFIG_TOKEN"} {
		t.Setenv("EVENT_GATEWAY_LINEAGE_KEY", "")
		t.Setenv("EVENT_GATEWAY_CONFIG_TOKEN", "")
		t.Setenv(variable, "0123456789abcdef0123456789abcdef")
		var gateways [2]*gateway
		var calls atomic.Int64
		refused := make(chan bool, 1)
		f := newFunction(t, func(_ http.ResponseWriter, r *http.Request) {
			if emit(t, gateways[calls.Add(1)%2].events+"/", "again", r.Header) == http.StatusLoopDetected {
				refused <- true
			}
		})
		for i := range gateways {
			gateways[i] = start(t)
			if variable == "EVENT_GATEWAY_CONFIG_TOKEN" {
				gateways[i].token = "0123456789abcdef0123456789abcdef"
			}
			gateways[i].function("default", "f", f.URL)
			gateways[i].subscribe("default", `{"functionId":"f","event":"again","path":"/"}`)
		}
		emit(t, gateways[0].events+"/", "again", nil)
		select {
		case <-refused:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: the loop goes on", variable)
		}
		if n := calls.Load(); n != 16 {
			t.Errorf("%s: %d calls", variable, n)
		}
	}
}

// TestP_System: who is told of an event, and sends others that nobody gets, is stopped as well: by the hops or, if it sends two for each, by the budget.
func TestP_System(t *testing.T) {
	t.Parallel()
	for sends, most := range map[int]int64{1: 16, 2: 1001} {
		g := start(t)
		var calls, refused atomic.Int64
		f := newFunction(t, func(_ http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			for range sends {
				if emit(t, g.events+"/", "nobody.listens", r.Header) == http.StatusLoopDetected {
					refused.Add(1)
				}
			}
		})
		g.function("default", "f", f.URL)
		g.subscribe("default", `{"functionId":"f","event":"gateway.event.received","path":"/"}`)
		emit(t, g.events+"/", "first", nil)
		before := int64(-1)
		eventually(t, "the loop is stopped", func() bool {
			now := calls.Load()
			ended := now == before && refused.Load() > 0
			before = now
			time.Sleep(100 * time.Millisecond)
			return ended || now > 2*most
		})
		if n := calls.Load(); n > most {
			t.Errorf("%d sent for each: %d calls, want at most %d", sends, n, most)
		}
	}
}
