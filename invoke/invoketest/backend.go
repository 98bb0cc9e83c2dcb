// Package invoketest is the suite that every type of function passes: it calls a function of the type on a real server, over real
// connections, and has that server fail in each way that such servers have.
package invoketest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Behaviour is what a backend does with the calls that it gets.
type Behaviour string

const (
	Succeed  Behaviour = "succeed"
	Fail     Behaviour = "fail"      // the function itself fails
	Deny     Behaviour = "deny"      // whoever calls is not allowed to
	Throttle Behaviour = "throttle"  // too many calls; where the protocol has Retry-After or the like, it is RetryAfter
	Hang     Behaviour = "hang"      // no answer until the caller has gone
	BreakOff Behaviour = "break off" // the connection ends in the middle of the answer
	Nonsense Behaviour = "nonsense"  // an answer that nobody can read
	TooLarge Behaviour = "too large" // an answer of more than invoke.MaxAnswer
	Echo     Behaviour = "echo"      // no HTTP, but all that was sent
	Expire   Behaviour = "expire"    // the credentials that were good so far are refused; new ones are good
	Postpone Behaviour = "postpone"  // succeed, but 300 ms later
)

// RetryAfter is how many seconds a backend that throttles asks for.
const RetryAfter = 7

// Backend is where functions of one type are. Its methods may be called at any time.
type Backend struct {
	// Provider is the JSON of a function's provider that is called on this backend.
	Provider string
	// Elsewhere returns Provider with another address in place of the backend's host:port.
	Elsewhere func(address string) string

	mu        sync.Mutex
	behaviour Behaviour
	bodies    []string
	gone      int
}

// Set says what happens to the calls from now on.
func (b *Backend) Set(what Behaviour) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.behaviour = what
}

// Begin is to be told of each call that the backend gets, with what it was sent, and says what to do with it.
func (b *Backend) Begin(payload []byte) Behaviour {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bodies = append(b.bodies, string(payload))
	return b.behaviour
}

// Gone is to be told of each caller that went away before it was answered.
func (b *Backend) Gone() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone++
}

// Calls returns the payloads of the calls so far, and how many callers went away.
func (b *Backend) Calls() (payloads []string, gone int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.bodies...), b.gone
}

// Serve starts an HTTP server for a backend. answer answers what is different from type to type; the other behaviours are the same in all
// that speak HTTP. payload finds the event in a request's body; nil: it is the body.
func (b *Backend) Serve(t testing.TB, payload func(body []byte) []byte, answer func(w http.ResponseWriter, r *http.Request, body []byte, what Behaviour)) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		event := body
		if payload != nil {
			event = payload(body)
		}
		switch what := b.Begin(event); what {
		case Hang:
			<-r.Context().Done()
			b.Gone()
		case BreakOff:
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("{"))
			panic(http.ErrAbortHandler)
		case Echo:
			SendBack(t, w, r, body)
		case TooLarge:
			w.Header().Set("Content-Type", "application/json")
			chunk := make([]byte, 64<<10)
			for range (6<<20)/len(chunk) + 2 {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		case Postpone:
			time.Sleep(300 * time.Millisecond)
			answer(w, r, body, Succeed)
		default:
			answer(w, r, body, what)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// SendBack answers with a line that is no HTTP, of all that was sent: the credentials first, since errors may be cut off. A space would
// end what errors repeat.
func SendBack(t testing.TB, w http.ResponseWriter, r *http.Request, body []byte) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	line := ""
	for _, name := range []string{"Authorization", "X-Amz-Security-Token", "X-Functions-Key"} {
		line += r.Header.Get(name) + "|"
	}
	line += fmt.Sprintf("%s|%v|%s", r.URL, r.Header, body)
	_, _ = io.WriteString(c, strings.Join(strings.Fields(line), "|")+"\r\n\r\n")
}

// At returns a func for Elsewhere: format has one %s, which is a URL's host:port.
func At(format string) func(string) string {
	return func(address string) string { return fmt.Sprintf(format, address) }
}
