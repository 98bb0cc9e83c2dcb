package dynamodb

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Kind is what can befall a call.
type Kind int

// What can befall a call. Those named After befall it when it was carried out, so that its client cannot know whether it was.
const (
	Throttle           Kind = iota + 1 // ProvisionedThroughputExceededException; a transaction is cancelled with ThrottlingError
	ThrottleRequests                   // ThrottlingException
	Conflict                           // what a write or transaction gets that meets a transaction
	Internal                           // status 500
	InternalAfter                      // status 500, too late
	Close                              // the connection is closed
	CloseAfter                         // the connection is closed, too late
	Hang                               // there is no answer
	HangAfter                          // there is no answer, though there is one to give
	Unprocessed                        // BatchGetItem leaves the second half of its keys to another call
	UnrecognizedClient                 // the credentials are unknown
	ExpiredToken                       // the credentials are too old
)

// Fault is something that befalls calls, each of them if it does not say otherwise.
type Fault struct {
	Kind  Kind
	Ops   []string // operations whose calls it befalls; none: all
	Skip  int      // so many calls of them pass first
	Times int      // it is over after befalling so many; 0: never
	Rate  float64  // of the calls that it befalls, by chance; 0: 1
}

// Faults is how the server misbehaves. The zero value is a healthy one.
type Faults struct {
	Seed    uint64        // of all chances
	Latency time.Duration // of each call, half on its way in and half on its way out
	// Hold is how long transactions hold the locks on their items: half before the first is written, half between two of them.
	// 0 stands for 200 microseconds.
	Hold time.Duration
	// Lag is the age of what reads that are not strongly consistent see: half of it or more, and at most all. 0 stands for 20 ms, a
	// negative one for none.
	Lag  time.Duration
	List []Fault // the first that befalls a call is the only one
}

// Set replaces what was set before.
func (s *Server) Set(f Faults) {
	s.t.Helper()
	if f.Hold == 0 {
		f.Hold = 200 * time.Microsecond
	}
	if f.Lag == 0 {
		f.Lag = 20 * time.Millisecond
	}
	for _, fault := range f.List {
		for _, op := range fault.Ops {
			if s.ops[op] == nil {
				s.t.Fatalf("dynamodb: there is no operation %s here", op)
			}
		}
	}
	s.db.set(f.Hold, max(0, f.Lag), f.Seed)
	s.mu.Lock()
	defer s.mu.Unlock()
	var denied []string
	if s.faults != nil {
		denied = s.faults.denied
	}
	n := len(f.List)
	s.faults = &faults{Faults: f, denied: denied, seen: make([]int, n), hits: make([]int, n), rand: rand.New(rand.NewPCG(f.Seed, 0))}
}

// Deny takes the permissions for the actions, and gives all others. Those of a transaction are PutItem, UpdateItem, DeleteItem,
// ConditionCheckItem and GetItem, whatever it needs.
func (s *Server) Deny(actions ...string) {
	s.t.Helper()
	for _, a := range actions {
		switch {
		case a == "UpdateItem" || a == "ConditionCheckItem":
		case a == "TransactWriteItems" || a == "TransactGetItems" || s.ops[a] == nil:
			s.t.Fatalf("dynamodb: there is no permission %s here; what a transaction does needs permissions, not the transaction", a)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.denied = slices.Clone(actions)
}

// faults is what is set, and how often it happened. The server's mutex guards it.
type faults struct {
	Faults
	denied     []string
	seen, hits []int // of List
	rand       *rand.Rand
}

// next returns what befalls a call, or 0.
func (f *faults) next(op string) Kind {
	for i, fault := range f.List {
		if len(fault.Ops) > 0 && !slices.Contains(fault.Ops, op) || fault.Times > 0 && f.hits[i] == fault.Times {
			continue
		}
		f.seen[i]++
		if f.seen[i] <= fault.Skip || fault.Rate > 0 && f.rand.Float64() >= fault.Rate {
			continue
		}
		f.hits[i]++
		return fault.Kind
	}
	return 0
}

// before is what befalls a call before it is carried out, if anything.
func (k Kind) before(op string, body []byte) error {
	transaction := op == "TransactWriteItems" || op == "TransactGetItems"
	switch k {
	case Throttle:
		const message = "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or " +
			"index so please try again shortly. If exceptions persist, check if you have a hot key"
		if transaction {
			return cancelFirst(body, reason{Code: "ThrottlingError", Message: message})
		}
		return fail("ProvisionedThroughputExceededException", "The level of configured provisioned throughput for the table was exceeded. "+
			"Consider increasing your provisioning level with the UpdateTable API.")
	case ThrottleRequests:
		return fail("ThrottlingException", "Rate of requests exceeds the allowed throughput.")
	case Conflict:
		if transaction {
			return cancelFirst(body, conflict())
		}
		return fail("TransactionConflictException", conflictMessage)
	case UnrecognizedClient:
		return fail("UnrecognizedClientException", "The security token included in the request is invalid.")
	case ExpiredToken:
		return fail("ExpiredTokenException", "The security token included in the request is expired")
	case Internal:
		return internal()
	}
	return nil
}

// cancelFirst cancels a transaction for its first item.
func cancelFirst(body []byte, r reason) error {
	var in struct{ TransactItems []jsontext.Value }
	if err := json.Unmarshal(body, &in); err != nil || len(in.TransactItems) == 0 {
		return fail("SerializationException", "The transaction has no items")
	}
	reasons := make([]reason, len(in.TransactItems))
	reasons[0] = r
	return cancelled(reasons)
}

func internal() error {
	f := fail("InternalServerError", "The request processing has failed because of an unknown error, exception or failure.")
	f.status = http.StatusInternalServerError
	return f
}
