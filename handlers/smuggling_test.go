package handlers_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSmuggling sends requests whose end another proxy may see elsewhere than the gateway, each with a second request behind one of the ends. The second
// one must never be served: the connection of such a request is closed after it.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	g := start(t)
	f := newFunction(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"body":"ok"}`) })
	g.function("default", "f", f.URL)
	g.function("default", "kept", f.URL)
	g.subscribe("default", `{"functionId":"f","event":"http","method":"POST","path":"/first"}`)
	g.subscribe("default", `{"functionId":"f","event":"http","method":"GET","path":"/second/:n"}`)

	count := map[string]int{}
	ambiguous := attacks()
	for _, a := range ambiguous {
		count[a.family]++
	}
	g.pipeline(t, g.events, ambiguous, 1)
	var some []attack
	for i, a := range ambiguous {
		if i%5 == 0 || a.family == oddRequestLines {
			some = append(some, a.at(configFirst, configSecond))
		}
	}
	g.pipeline(t, g.config, some, 1)
	// These show that the test sees a second request where there is one, and that nobody is closed out who did nothing odd.
	controls := unambiguous()
	g.pipeline(t, g.events, controls, 2)
	count["unambiguous"], count["on the Config API"] = len(controls), len(some)
	for _, family := range slices.Sorted(maps.Keys(count)) {
		t.Logf("%5d %s", count[family], family)
	}
	for _, e := range f.events() {
		if path := regexp.MustCompile(`"path":"/second/([0-9]+)"`).FindStringSubmatch(e); path != nil && path[1] < "90000" {
			t.Errorf("the function was called by the second request of case %s", path[1])
		}
	}
	g.configure(200, "GET", inDefault+"/functions/kept", "")
	if a := raw(t, g.config, configSecond+configSecond); strings.Count(a, "HTTP/1.1 ") != 2 {
		t.Error("the second request of the Config API would not have been served:", a)
	}
	if len(ambiguous) < 1000 {
		t.Errorf("there are only %d cases", len(ambiguous))
	}
}

// The requests before and after the point where readers do not agree. @@@@@ becomes the number of the case.
const (
	first        = "POST /first HTTP/1.1\r\nHost: localhost\r\n"
	second       = "GET /second/@@@@@ HTTP/1.1\r\nHost: localhost\r\n\r\n"
	configFirst  = "POST /v1/spaces/default/functions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
	configSecond = "DELETE /v1/spaces/default/functions/kept HTTP/1.1\r\nHost: localhost\r\n\r\n"
)

// attack is a request and what comes behind it on the same connection. In its texts SHORT and LONG are the two lengths of its body, without and with the
// second request, and SECOND is the second request. The number of its case makes the second request its own.
type attack struct{ family, first, headers, body, second string }

// at returns the attack with other requests, if its first one is the usual one.
func (a attack) at(otherFirst, otherSecond string) attack {
	if a.first == first {
		a.first = otherFirst
	}
	a.second = otherSecond
	return a
}

func (a attack) bytes(n int) string {
	before, after, _ := strings.Cut(a.body, "SECOND")
	if strings.HasSuffix(before, "SIZE\r\n") { // the second request is the data of a chunk
		before = fmt.Sprintf("%x\r\n", len(a.second))
	}
	fill := strings.NewReplacer("SHORT", fmt.Sprint(len(before)), "LONG", fmt.Sprint(len(before)+len(a.second)), "HEX", fmt.Sprintf("%X", len(before)))
	smuggled := strings.Replace(a.second, "@@@@@", fmt.Sprintf("%05d", n), 1)
	return a.first + fill.Replace(a.headers) + "\r\n" + before + smuggled + after
}

// pipeline sends all of them, many at once, and wants so many answers to each at most; two are waited for.
func (g *gateway) pipeline(t *testing.T, url string, all []attack, want int) {
	offset := map[int]int{1: 0, 2: 90000}[want]
	var wg sync.WaitGroup
	room := make(chan struct{}, 200)
	for i, a := range all {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			sent := a.bytes(offset + i)
			if got := answersTo(t, url, sent, want); got != want && (want == 2 || got > 1) {
				t.Errorf("case %05d (%s): %d answers, want %d: %.600q", i, a.family, got, want, sent)
			}
		})
	}
	wg.Wait()
}

// answersTo sends bytes and counts the answers to them. When it gets quiet, the client ends its side, so that the gateway ends what it still waits for.
func answersTo(t *testing.T, url, sent string, want int) int {
	conn := dial(t, url)
	defer conn.Close()
	_, _ = io.WriteString(conn, sent)
	status := regexp.MustCompile(`HTTP/1\.[01] [2-5]\d\d `)
	var got []byte
	buffer := make([]byte, 16<<10)
	answers, ended := 0, false
	for {
		wait := 200 * time.Millisecond
		if ended || answers < want && want == 2 {
			wait = 10 * time.Second
		}
		_ = conn.SetReadDeadline(time.Now().Add(wait))
		n, err := conn.Read(buffer)
		got = append(got, buffer[:n]...)
		answers = len(status.FindAll(got, -1))
		switch {
		case err == nil:
		case ended || !errors.Is(err, os.ErrDeadlineExceeded):
			return answers
		default:
			_ = conn.(*net.TCPConn).CloseWrite()
			ended = true
		}
	}
}
