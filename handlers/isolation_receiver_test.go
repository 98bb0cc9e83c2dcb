package handlers_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// receiver is the server of all functions. It knows which events are under way.
type receiver struct {
	*httptest.Server
	underway sync.Map // of *inbox, by marker

	mu    sync.Mutex
	wrong []string
}

// inbox is where the deliveries of one event end.
type inbox struct {
	word string // of the sender
	sent exchange
	got  chan string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(r.receive))
	t.Cleanup(r.Close)
	return r
}

// receive checks that a delivery comes from the space that it went to.
func (r *receiver) receive(w http.ResponseWriter, req *http.Request) {
	b, err := io.ReadAll(req.Body)
	body := strings.ToLower(string(b)) // hosts may come in upper case
	who := strings.TrimPrefix(req.URL.Path, "/")
	word, _, _ := strings.Cut(who, "/")
	_, marker, _ := strings.Cut(body, `"marker":"`)
	marker, _, _ = strings.Cut(marker, `"`)
	box, _ := r.underway.Load(marker)
	in, ok := box.(*inbox)
	switch {
	case err != nil:
		r.complain("%s: %v", who, err)
	case !ok:
		r.complain("%s got something that nobody sent to it: %s", who, body)
	case in.word != word:
		r.complain("%s got an event of %s: %s", who, in.word, body)
	case stranger(body+fmt.Sprint(req.Header), word, in.sent) != "":
		r.complain("%s got a word of another space: %s %v", who, body, req.Header)
	default:
		select {
		case in.got <- who:
		default:
			r.complain("%s got an event too often: %s", who, body)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Set-Cookie", cookieForAll(word))
	if strings.HasSuffix(who, failing) {
		w.WriteHeader(http.StatusInternalServerError)
	}
	_, _ = io.WriteString(w, functionAnswer(who, marker))
}

func (r *receiver) complain(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}

func (r *receiver) complaints() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wrong
}

const failing = "/fail" // ends the URL of a function that answers with status 500

func functionAnswer(who, marker string) string {
	word, _, _ := strings.Cut(who, "/")
	return fmt.Sprintf(`{"headers":{"X-Called":%q},"cookies":[%q],"body":%q}`, who, cookieForAll(word), who+" "+marker)
}

// cookieForAll is one that browsers would send to all spaces. The gateway has to make one of the space's own host of it.
func cookieForAll(word string) string { return "seen=" + word + "; Domain=.events.example.com; Path=/" }

func cookieForOne(word string) string { return "seen=" + word + "; Path=/" }

// kind is a kind of records, by its name in URLs.
type kind string

const (
	functionKind     kind = "functions"
	subscriptionKind kind = "subscriptions"
	eventTypeKind    kind = "eventtypes"
)

func kinds() []kind { return []kind{subscriptionKind, functionKind, eventTypeKind} }

// called is how error messages call a record.
func (k kind) called(id string) string {
	return fmt.Sprintf("%s %q", map[kind]string{functionKind: "Function", subscriptionKind: "Subscription", eventTypeKind: "Event Type"}[k], id)
}
