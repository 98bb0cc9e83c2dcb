package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestHostileMemory: 200 senders of the largest bodies at once, each of which keeps back its last byte until all have sent theirs, neither make the
// gateway's memory grow beyond a bound, nor keep it from answering others.
func TestHostileMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs the peak of a process's memory, as Linux tells it")
	}
	const senders, limit, patience = 200, 512 << 20, 20 * time.Second // the senders are in this process, and leave others little of it
	p := start(t, t.TempDir(), "-store=memory:", "-events-addr=localhost")
	p.subscribeAll()
	before := p.peak()
	floods := newFloods()
	var sent atomic.Int64
	var mu sync.Mutex
	statuses := map[string]int{}
	var wg sync.WaitGroup
	began := time.Now()
	for i := range senders {
		wg.Go(func() {
			f := floods[i%len(floods)]
			status, err := f.send(p.events, func() { // all have sent theirs, or wait for room
				sent.Add(1)
				for sent.Load() < senders && time.Since(began) < 3*time.Second {
					time.Sleep(5 * time.Millisecond)
				}
			})
			mu.Lock()
			defer mu.Unlock()
			statuses[fmt.Sprintf("%s: %d", f.name, status)]++
			if !slices.Contains(f.statuses, status) {
				t.Errorf("%s: status %d, %v; want one of %d", f.name, status, err, f.statuses)
			}
		})
	}
	flooding := make(chan struct{})
	go func() { wg.Wait(); close(flooding) }()
	slowest, normal := p.others(flooding, patience)
	took := time.Since(began).Round(time.Millisecond)
	for _, s := range slices.Sorted(maps.Keys(statuses)) {
		t.Logf("%3d answers of %s", statuses[s], s)
	}
	peak := p.peak()
	t.Logf("peak %d MB (before %d MB) after %d bodies in %s; meanwhile %d other requests, the slowest took %s", peak>>20, before>>20, senders, took, normal, slowest)
	if peak > limit {
		t.Errorf("the gateway had up to %d MB, more than %d MB", peak>>20, limit>>20)
	}
	if normal == 0 || slowest > patience {
		t.Errorf("%d other requests were answered, the slowest after %s", normal, slowest)
	}
}

// subscribeAll has all events of the type e delivered: to a sender who waits, to another function, and as a system event.
func (p *process) subscribeAll() {
	f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "{}")
	}))
	p.t.Cleanup(f.Close)
	add := func(resource, body string) {
		p.send(201, "POST", p.config+"/v1/spaces/default/"+resource, body, "Content-Type: application/json")
	}
	add("eventtypes", `{"name":"e"}`)
	for _, id := range []string{"sync", "async", "watch"} {
		add("functions", fmt.Sprintf(`{"functionId":%q,"type":"http","provider":{"url":%q}}`, id, f.URL))
	}
	add("subscriptions", `{"type":"sync","eventType":"e","functionId":"sync","path":"/"}`)
	add("subscriptions", `{"type":"async","eventType":"e","functionId":"async","path":"/"}`)
	add("subscriptions", `{"event":"gateway.event.received","functionId":"watch","path":"/"}`)
}

// flood is a request with a body of the largest size, in two parts: the last one is a byte.
type flood struct {
	name            string
	head, body, end string
	statuses        []int
}

// newFloods returns nested JSON, in each of the ways in which it can come, and text of which each character becomes six.
func newFloods() []flood {
	const size = 6 << 20
	const item = `{"a":{"a":{"a":[1,2,{"b":null,"b":"x"}],"a":true},"a":[[[[]]]]},"a":{}}`
	invalid, valid := []int{400, 413, 503}, []int{200, 413, 503, 504} // the functions are in this process, too
	ways := []struct{ name, headers, before, after string }{
		{"the body", "Event: e\r\nContent-Type: application/json\r\n", "", ""},
		{"data of a CloudEvent", "Content-Type: application/cloudevents+json\r\n", `{"specversion":"1.0","id":"1","source":"/s","type":"e","data":`, `}`},
	}
	var all []flood
	for _, w := range ways {
		room := size - len(w.before) - len(w.after)
		add := func(shape, data string, statuses []int) {
			body := w.before + data + w.after
			request := "POST / HTTP/1.1\r\nHost: localhost\r\n" + w.headers
			name := shape + " as " + w.name
			all = append(all,
				flood{name, request + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)), body[:len(body)-1], body[len(body)-1:], statuses},
				flood{name + ", chunked", request + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n", len(body)), body, "\r\n0\r\n\r\n", statuses})
		}
		add("open arrays", strings.Repeat("[", room), invalid)
		add("deep arrays", strings.Repeat("[", room/2)+strings.Repeat("]", room/2), invalid)
		add("deep objects", strings.Repeat(`{"a":`, room/6-1)+"1"+strings.Repeat("}", room/6-1), invalid)
		add("wide objects", "["+strings.Repeat(item+",", (room-2)/(len(item)+1)-1)+item+"]", valid)
	}
	text := strings.Repeat("\x01", size)
	return append(all, flood{
		"text", fmt.Sprintf("POST / HTTP/1.1\r\nHost: localhost\r\nEvent: e\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", size),
		text[1:], text[:1], valid,
	})
}

// send sends the request and returns the status of the answer. wait is called before the last part.
func (f flood) send(url string, wait func()) (status int, err error) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(60 * time.Second))
	go func() {
		_, _ = io.WriteString(conn, f.head)
		if _, err := io.WriteString(conn, f.body); err == nil {
			wait()
			_, _ = io.WriteString(conn, f.end)
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	_ = resp.Body.Close()
	return resp.StatusCode, nil
}

// others sends small events until it is told to stop, and returns how long the slowest took and how many were accepted.
func (p *process) others(stop <-chan struct{}, patience time.Duration) (slowest time.Duration, answered int) {
	client := http.Client{Timeout: 2 * patience, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		select {
		case <-stop:
			return slowest, answered
		case <-time.After(20 * time.Millisecond):
		}
		req, err := http.NewRequest("POST", p.events+"/", strings.NewReader("{}"))
		if err != nil {
			p.t.Fatal(err)
		}
		req.Header.Set("Event", "other")
		began := time.Now()
		resp, err := client.Do(req)
		if slowest = max(slowest, time.Since(began)); err != nil {
			p.t.Error(err)
			continue
		}
		_ = resp.Body.Close()
		if answered++; resp.StatusCode != 202 {
			p.t.Errorf("another request: status %d", resp.StatusCode)
		}
	}
}

// peak returns the most memory that the process ever had, in bytes.
func (p *process) peak() int {
	p.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`).FindSubmatch(b)
	if m == nil {
		p.t.Fatal("the kernel does not tell the peak")
	}
	kb, _ := strconv.Atoi(string(m[1]))
	return kb << 10
}
