package sqstest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// Subscriber is a function of type http that notes its deliveries.
type Subscriber struct {
	*httptest.Server

	mu     sync.Mutex
	status func(n int) int // of the answer to call n
	calls  []Call
}

// Call is a delivery to a Subscriber.
type Call struct {
	ID     string // Webhook-Id, which only signed deliveries have
	At     time.Time
	Status int // of the answer; 0: there is none yet
}

// NewSubscriber starts one that answers with 200. called is called when a delivery comes.
func NewSubscriber(t *testing.T, called func()) *Subscriber {
	s := &Subscriber{status: func(int) int { return 200 }}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		s.mu.Lock()
		s.calls = append(s.calls, Call{ID: r.Header.Get("Webhook-Id"), At: time.Now()})
		n, status := len(s.calls), s.status
		s.mu.Unlock()
		called()
		answer := status(n)
		s.mu.Lock()
		s.calls[n-1].Status = answer
		s.mu.Unlock()
		w.WriteHeader(answer)
	}))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

// Answers has call n answered with the status that f returns, which may take its time.
func (s *Subscriber) Answers(f func(n int) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = f
}

// Calls returns all deliveries.
func (s *Subscriber) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Count returns how many deliveries were answered with a status.
func (s *Subscriber) Count(status int) (n int) {
	for _, c := range s.Calls() {
		if c.Status == status {
			n++
		}
	}
	return n
}

// IDs returns the ids of all deliveries, each once.
func (s *Subscriber) IDs() (ids []string) {
	for _, c := range s.Calls() {
		ids = append(ids, c.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
