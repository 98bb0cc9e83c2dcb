package store

import (
	"context"
	"sync"
	"time"
)

// Redialed is a Store whose connection can be dropped for another one.
type Redialed struct {
	open func() (Store, error)

	mu     sync.RWMutex
	store  Store
	closed bool
}

// NewRedialed returns what open returns, and can call open again.
func NewRedialed(open func() (Store, error)) (*Redialed, error) {
	s, err := open()
	return &Redialed{open: open, store: s}, err
}

// Redial ends all calls that are under way, and opens another connection. If that fails, the old one stays.
func (r *Redialed) Redial() {
	if old := r.replace(); old != nil {
		_ = old.Close()
	}
}

func (r *Redialed) replace() (old Store) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	s, err := r.open()
	if err != nil {
		return nil
	}
	old, r.store = r.store, s
	return old
}

func (r *Redialed) current() Store {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.store
}

// Load asks the current connection.
func (r *Redialed) Load(ctx context.Context, realm Realm) ([]Item, Head, error) {
	return r.current().Load(ctx, realm)
}

// Changes asks the current connection.
func (r *Redialed) Changes(ctx context.Context, realm Realm, after Rev, wait time.Duration) ([]Commit, Head, error) {
	return r.current().Changes(ctx, realm, after, wait)
}

// Commit asks the current connection.
func (r *Redialed) Commit(ctx context.Context, realm Realm, at Head, c Commit) (Head, error) {
	return r.current().Commit(ctx, realm, at, c)
}

// Heads asks the current connection.
func (r *Redialed) Heads(ctx context.Context, known map[Realm]Rev, wait time.Duration) (map[Realm]Head, error) {
	return r.current().Heads(ctx, known, wait)
}

// Close closes the current connection, and lets none be opened after it.
func (r *Redialed) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return r.store.Close()
}

var _ Store = (*Redialed)(nil)
