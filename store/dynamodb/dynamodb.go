// Package dynamodb keeps the configuration in a table of Amazon DynamoDB of its own, with the partition key "realm" and the sort key
// "key", both strings.
//
// It writes these items, with REV in 20 digits:
//
//	key             attributes
//	v1/head         head: S, store.Head.String
//	v1/log/REV      entry: B, store.Commit.Encode; expires: N, the second since 1970 from which it is not needed any more
//	v1/records/KEY  value: B; rev: N, the revision of the commit which wrote it
//
// The table's time to live should be on "expires", or the log grows for ever. DynamoDB takes its time, some days even, and deletes in no
// order, which does no harm. The permissions needed are GetItem, BatchGetItem, Query, PutItem and DeleteItem, and Scan for
// Realms; DescribeTable and DescribeTimeToLive make Inspect tell more.
//
// A transaction's writes land together, but become visible one by one: DynamoDB isolates only transactions from each other, and
// reads of one item from them (docs.aws.amazon.com/amazondynamodb, "Isolation levels for DynamoDB transactions"). So what a head promises
// may not be there yet for a moment, or still, when it is read: see missing and Load.
package dynamodb

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

// Options says where the table is and how to log in.
type Options struct {
	Table    string
	Region   string        // "" is what the environment or the shared files of AWS say
	Endpoint string        // a URL instead of AWS's own; "" is what the environment or the shared files say, or AWS's own
	Profile  string        // of the shared files; "" is the default
	Username string        // an access key id; "" is what the environment, the shared files or the machine's role give
	Password string        // its secret access key
	Poll     time.Duration // how often those who wait look for changes; 0 is 1 second
	Timeout  time.Duration // of each request to the database, of which a call may make several; 0 is 3 seconds
	Logger   *slog.Logger  // is told of what cannot be read and, for debugging, when the database is lost and found again; nil discards it
}

// Store is a store.Store. A request that takes longer than Options.Timeout is an error, and no write is tried again if it may have landed.
type Store struct {
	*backend.Waits // Changes and Heads

	options Options
	log     *slog.Logger

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	calls  sync.RWMutex // held for reading by the calls under way

	dialing   sync.Mutex
	client    atomic.Pointer[dynamodb.Client] // nil before the first call
	transport *http.Transport
}

// Open returns a store without asking the database for anything: a gateway may start before its database can be reached. The first call
// finds out what is wrong with the options.
func Open(o Options) (*Store, error) {
	if o.Table == "" {
		return nil, errors.New("dynamodb: no table")
	}
	if o.Timeout <= 0 {
		o.Timeout = 3 * time.Second
	}
	if o.Poll <= 0 {
		o.Poll = time.Second
	}
	s := &Store{options: o, log: o.Logger}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	reads := backend.Reads{Changes: s.changes, Heads: s.readHeads, Watch: s.watch, Wanted: true}
	s.Waits = backend.NewWaits(s.ctx, "dynamodb", reads, s.log.With("table", o.Table))
	return s, nil
}

// Close ends all calls under way, and the connections.
func (s *Store) Close() error {
	s.cancel()
	s.Waits.Close()
	s.calls.Lock() // wait for the calls, which give their connections back
	defer s.calls.Unlock()
	if s.transport != nil {
		s.transport.CloseIdleConnections()
	}
	return nil
}

var _ store.Database = (*Store)(nil)
