package zookeeper

import (
	"sync"

	"github.com/event-gateway/event-gateway/store"
)

// memory is what a session remembers of the database, to save requests. It may be wrong by now: ZooKeeper refuses what builds on it then.
type memory struct {
	mu    sync.Mutex
	nodes map[string]bool               // some of those that were there
	heads map[store.Realm]versionedHead // as they were seen last
}

// versionedHead is a head, and the version of its node; -1 if there was none.
type versionedHead struct {
	store.Head
	version int32
}

const (
	maxNodes = 100_000
	maxHeads = 20_000
)

// noteNodes remembers that nodes are there.
func (m *memory) noteNodes(paths []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.nodes == nil || len(m.nodes) > maxNodes {
		m.nodes = make(map[string]bool)
	}
	for _, path := range paths {
		m.nodes[path] = true
	}
}

// node says whether a node was there.
func (m *memory) node(path string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.nodes[path]
}

// noteHead remembers a head.
func (m *memory) noteHead(realm store.Realm, head versionedHead) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.heads == nil || len(m.heads) > maxHeads {
		m.heads = make(map[store.Realm]versionedHead)
	}
	m.heads[realm] = head
}

// head returns the head that a realm had: if it was not seen, that of a realm that nobody wrote to.
func (m *memory) head(realm store.Realm) versionedHead {
	m.mu.Lock()
	defer m.mu.Unlock()
	if head, ok := m.heads[realm]; ok {
		return head
	}
	return versionedHead{version: -1}
}
