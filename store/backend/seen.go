package backend

import (
	"sync"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// Seen is what a watch has seen. Those who wait look at it, then wait for a change of it.
type Seen struct {
	started func() // told of each Start; only the watch's goroutine uses it

	mu        sync.Mutex
	begun     bool
	stopped   bool
	healthy   bool // the watch runs, so that sightings are at most late
	sightings Sightings
	changed   chan struct{} // closed, and another one made, by each change

	wanted map[store.Realm]time.Time // when a realm was last asked for; nil if all are seen
	more   chan struct{}             // closed, and another one made, when a realm is added to wanted
}

// Sightings are the newest heads that a watch has seen.
type Sightings map[store.Realm]Sighting

// Sighting is the newest that a watch has seen of a realm, and maybe the log entry of that revision, so that those who wait need not read it.
type Sighting struct {
	store.Head
	entry []byte
}

// largestKept is how many bytes a log entry may have to be kept.
const largestKept = 4 << 10

// Head notes a head.
func (s Sightings) Head(realm store.Realm, head store.Head) { s[realm] = Sighting{Head: head} }

// Entry notes a log entry. It counts if it is that of the head, which has to be noted first, and is not large.
func (s Sightings) Entry(realm store.Realm, rev store.Rev, entry []byte) {
	if at := s[realm]; at.Rev == rev && len(entry) > 0 && len(entry) <= largestKept {
		at.entry = entry
		s[realm] = at
	}
}

// Start says that the watch runs, and what it has seen so far. The sightings become Seen's own.
func (s *Seen) Start(all Sightings) {
	s.change(func() { s.sightings, s.healthy = all, true })
	s.started()
}

// Update has f note what the watch has seen. All of it becomes visible at once.
func (s *Seen) Update(f func(Sightings)) { s.change(func() { f(s.sightings) }) }

// wantedFor is how long after it was last asked for a realm is wanted. Nobody who goes on asking waits that long at a time.
const wantedFor = 2 * time.Minute

// Wanted returns the realms that are waited for, and a channel that is closed when there are more.
func (s *Seen) Wanted() (realms []store.Realm, more <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for realm, at := range s.wanted {
		if time.Since(at) > wantedFor {
			delete(s.wanted, realm)
			continue
		}
		realms = append(realms, realm)
	}
	return realms, s.more
}

// want notes which realms are waited for.
func (s *Seen) want(each func(add func(store.Realm))) {
	if s.wanted == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now, before := time.Now(), len(s.wanted)
	each(func(realm store.Realm) { s.wanted[realm] = now })
	if len(s.wanted) > before {
		close(s.more)
		s.more = make(chan struct{})
	}
}

// look has f look at what was seen. A change after it closes changed.
func (s *Seen) look(f func(Sightings) sight) (changed <-chan struct{}, what sight, healthy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed, f(s.sightings), s.healthy
}

// next returns the commit right after a revision, if it is the newest and the watch has brought it.
func (s *Seen) next(realm store.Realm, after store.Rev) (c store.Commit, head store.Head, ok bool) {
	s.mu.Lock()
	at, healthy := s.sightings[realm], s.healthy
	s.mu.Unlock()
	if !healthy || at.Rev != after+1 || at.entry == nil {
		return c, head, false
	}
	c, err := store.DecodeCommit(at.Rev, at.entry)
	return c, at.Head, err == nil
}

func (s *Seen) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

// start says whether the watch has to be started by the caller.
func (s *Seen) start() (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false, store.ErrClosed
	}
	begun := s.begun
	s.begun = true
	return !begun, nil
}

// stop keeps the watch from being started.
func (s *Seen) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
}
