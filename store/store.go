// Package store holds the configuration: what functions, subscriptions, event types and CORS records are and which
// rules they obey, how they are written to a key-value database, and the snapshot of them that requests are routed by.
package store

import (
	"context"
	"errors"
	"time"
)

// Realm names what shares one set of URLs, and with it one head, one log and one set of items.
type Realm string

// Shared is the realm of a gateway that serves all spaces under the same URLs. No space can have this name.
const Shared Realm = "_"

// Rev is a realm's revision: the number of commits that it has seen. A realm that nobody wrote to is at 0.
type Rev uint64

// Head says where a realm stands: its revision, the digest of all its items then, and the chain of all commits until then.
type Head struct {
	Rev    Rev
	Digest Digest
	Chain  Chain
}

// Item is one stored record. Rev is the revision of the commit that wrote it last; 0 if none did, but somebody else.
type Item struct {
	Key   string
	Value []byte
	Rev   Rev
}

// Op writes one item, or deletes it if Value is nil. Was is the revision of the item that the writer saw (0: there was none);
// the digest of the next head is computed from it.
type Op struct {
	Key   string
	Was   Rev
	Value []byte
}

// Commit is a set of writes that land together, and an entry of a realm's log. ID is chosen by the writer and unique,
// so that a writer whose call timed out can find out from the log whether it landed. Rev is given by the store.
type Commit struct {
	ID  string
	Rev Rev
	Ops []Op
}

// Store is a database that holds realms. Each call may be made from many goroutines, and ends soon after its ctx does, with an error
// that wraps the ctx's. An error that is not named below means that the database could not be asked, did not answer, or answered nonsense.
type Store interface {
	// Load returns all items of the realm, in any order, and the head that they are at: one consistent state, no older than the call.
	Load(ctx context.Context, realm Realm) ([]Item, Head, error)

	// Changes returns every commit after the given revision, oldest first, and the head after the last of them. With
	// wait == 0 these are at least all that were committed before the call. With wait > 0 it returns as soon as there is one, or
	// with none when wait is over. ErrTrimmed: the log does not reach back to after, or the realm is behind it; Load again.
	Changes(ctx context.Context, realm Realm, after Rev, wait time.Duration) ([]Commit, Head, error)

	// Commit applies all ops of c, or none, and returns the new head. ErrConflict: the realm is not at the given
	// head any more. ErrUnusable: the database refused it. After any other error it is unknown whether c landed. The limits are not checked here, but by Commit.Check.
	Commit(ctx context.Context, realm Realm, at Head, c Commit) (Head, error)

	// Heads returns the heads of those known realms that are not at the given revision. It waits as Changes does. A process that
	// serves many realms follows this instead of one wait a realm.
	Heads(ctx context.Context, known map[Realm]Rev, wait time.Duration) (map[Realm]Head, error)

	// Close ends all calls under way with ErrClosed and releases what the store holds. It may be called twice.
	Close() error
}

// Database is a Store as those see it who look after one.
type Database interface {
	Store

	// Inspect asks the database what it is: "etcd 3.6.4". It reads something, so that the error tells what is wrong, if something is.
	Inspect(ctx context.Context) (string, error)

	// Realms returns the realms that somebody wrote to, in any order.
	Realms(ctx context.Context) ([]Realm, error)
}

var (
	// ErrUnusable is wrapped by the errors of all calls if the database did answer, and will go on refusing until somebody changes
	// something: the login, its permissions, a table that is missing, or a version that is too old.
	ErrUnusable = errors.New("the store cannot be used")
	// ErrConflict is returned by Commit when the realm moved on.
	ErrConflict = errors.New("the realm has changed meanwhile")
	// ErrTrimmed is returned by Changes when the log does not hold all commits that were asked for.
	ErrTrimmed = errors.New("the log of changes does not reach back that far")
	// ErrTooLarge is returned by Commit.Check when a commit is over the limits that all stores share.
	ErrTooLarge = errors.New("the commit is too large")
	// ErrClosed is returned by every call after Close.
	ErrClosed = errors.New("the store is closed")
)

// What every store can carry. Checked by Commit.Check, above the backends.
const (
	MaxOps         = 60        // ops of one commit
	MaxCommitBytes = 128 << 10 // values of one commit together
	MaxKeyBytes    = 512
	MaxValueBytes  = 64 << 10  // one record
	LogAge         = time.Hour // the log reaches back at least so far
)
