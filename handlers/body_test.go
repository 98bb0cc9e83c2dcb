package handlers_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSilentSenders: those who announce a large body, and send nothing, take no room from others.
func TestSilentSenders(t *testing.T) {
	t.Parallel()
	g := start(t)
	g.function("default", "f", answers(t, `{"body":"ok"}`).URL)
	g.subscribe("default", `{"event":"http","method":"POST","functionId":"f","path":"/f"}`)
	for range 16 {
		c, err := net.Dial("tcp", strings.TrimPrefix(g.events, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "POST /nobody HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
	}
	time.Sleep(200 * time.Millisecond)
	req, _ := http.NewRequest("POST", g.events+"/f", io.MultiReader(strings.NewReader("hi")))
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Error("2 bytes, chunked:", resp.StatusCode)
	}
}

// TestSlowSenders: those who send large bodies slowly have to give way when others wait for room.
func TestSlowSenders(t *testing.T) {
	t.Parallel()
	g := start(t)
	g.function("default", "f", answers(t, `{"body":"ok"}`).URL)
	g.subscribe("default", `{"event":"http","method":"POST","functionId":"f","path":"/f"}`)
	const slow, size = 20, 6 << 20 // more than there is room for
	statuses := make(chan int, slow)
	var wg sync.WaitGroup
	for range slow {
		conn := dial(t, g.events)
		fmt.Fprintf(conn, "POST /f HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", 100_000))
		wg.Go(func() {
			if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
				statuses <- resp.StatusCode
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	began := time.Now()
	if a := send(t, "POST", g.events+"/f", strings.Repeat("x", 1<<20), "Content-Type: text/plain"); a.status != 200 || a.body != "ok" {
		t.Errorf("a fast sender: %d %.100q after %v", a.status, a.body, time.Since(began))
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("a fast sender waited for %v", took)
	}
	select {
	case status := <-statuses:
		if status != http.StatusRequestTimeout {
			t.Error("a slow sender:", status)
		}
	default:
		t.Error("no slow sender had to give way")
	}
	t.Cleanup(wg.Wait) // after their connections are closed
}
