package store

import (
	"fmt"
	"iter"
	"strings"
	"sync"

	"github.com/tidwall/btree"

	"github.com/event-gateway/event-gateway/store/route"
)

// Snapshot is the whole configuration of a realm at one revision, with its route table. It is immutable and safe for concurrent use.
type Snapshot struct {
	Realm Realm
	Head  Head

	rules   *Rules
	items   *btree.Map[string, any] // by item key: those of record, and *quarantined
	sync    route.Tree[*Subscription]
	async   route.Tree[*Subscription]
	invoke  route.Tree[*Subscription]         // by function, not by event
	system  *btree.Map[string, *Subscription] // by systemKey; they are in none of the trees
	cors    corsTable
	corrupt int
	sealed  int // functions that have secrets which the keys do not open
	// authorizing is how many event types may have an authorizer.
	authorizing int

	forking sync.Mutex // copying a btree marks both copies
}

// Target is one function of one subscription that gets an event, and the path parameters of its route.
type Target struct {
	Subscription  *Subscription // nil for a function that is invoked without one
	Function      *Function     // nil if its record cannot be read
	Names, Values []string
}

// Space returns the space of the target.
func (t Target) Space() string {
	if t.Subscription == nil {
		return t.Function.Space
	}
	return t.Subscription.Space
}

// EventType returns the event type that the target is one of. A function that is invoked without a subscription is one of invoke.
func (t Target) EventType() string {
	if t.Subscription == nil {
		return InvokeEvent
	}
	return t.Subscription.EventType
}

// Route says where a request goes: to at most one target whose answer the sender waits for, and to any number of others. It may be
// used again for the next request.
type Route struct {
	Sync  *Target
	Async []Target

	sync    Target
	match   route.Match[*Subscription]
	matches []route.Match[*Subscription]
}

// Plain is the event type to ask Route for when a plain HTTP request came in.
const Plain = plain

// NewSnapshot returns the snapshot of a realm that holds the given items at head. Items that cannot be read are left out; report gets them.
func NewSnapshot(rules *Rules, realm Realm, items []Item, head Head, report func(key string, why error)) *Snapshot {
	e := emptySnapshot(rules, realm).edit()
	for item, rec := range rules.decodeItems(realm, items) {
		e.insert(item, rec, report)
	}
	return e.snapshot(head.Rev, head.Chain)
}

func emptySnapshot(rules *Rules, realm Realm) *Snapshot {
	s := &Snapshot{Realm: realm, rules: rules, items: new(btree.Map[string, any]), system: new(btree.Map[string, *Subscription])}
	s.cors.records = new(btree.Map[string, *CORS])
	return s
}

// Apply returns the snapshot after the given commits, of which those that it has already are passed over.
func (s *Snapshot) Apply(commits []Commit, report func(key string, why error)) (*Snapshot, error) {
	e, rev, chain := s.edit(), s.Head.Rev, s.Head.Chain
	for _, c := range commits {
		switch {
		case c.Rev <= rev:
			continue
		case c.Rev != rev+1:
			return nil, fmt.Errorf("the commits jump from revision %d to %d", rev, c.Rev)
		}
		rev, chain = c.Rev, chain.With(c.ID)
		for _, op := range c.Ops {
			e.apply(op, rev, report)
		}
	}
	if rev == s.Head.Rev {
		return s, nil
	}
	return e.snapshot(rev, chain), nil
}

// Route fills r with the targets of an event of the given type on a method and canonical path. Plain is the event of a plain HTTP request.
func (s *Snapshot) Route(method, path, event string, r *Route) {
	r.Sync, r.Async = nil, r.Async[:0]
	if s.sync.First(event, method, path, &r.match) {
		r.sync = s.target(r.match)
		r.Sync = &r.sync
	}
	r.matches = s.async.All(event, method, path, r.matches[:0])
	for _, m := range r.matches {
		r.Async = append(r.Async, s.target(m))
	}
}

// Invocable returns the function if there is one and an invoke subscription reaches it on the path.
func (s *Snapshot) Invocable(space, id, path string) (Target, bool) {
	var m route.Match[*Subscription]
	if !s.invoke.First(functionKey(space, id), "POST", path, &m) {
		return Target{}, false
	}
	t := s.target(m)
	return t, t.Function != nil
}

func (s *Snapshot) target(m route.Match[*Subscription]) Target {
	return Target{Subscription: m.Value, Function: get[*Function](s, m.Value.function), Names: m.Names, Values: m.Values}
}

// Function returns a function, or nil.
func (s *Snapshot) Function(space, id string) *Function {
	return get[*Function](s, functionKey(space, id))
}

// Subscribed returns the target of a subscription, without path parameters, and whether there is such a subscription. It is nil if its record cannot be read.
func (s *Snapshot) Subscribed(space, id string) (t Target, found bool) {
	rec, found := s.items.Get(subscriptionKey(space, id))
	if sub, ok := rec.(*Subscription); ok {
		t = Target{Subscription: sub, Function: get[*Function](s, sub.function)}
	}
	return t, found
}

// Subscription returns a subscription, or nil.
func (s *Snapshot) Subscription(space, id string) *Subscription {
	return get[*Subscription](s, subscriptionKey(space, id))
}

// EventType returns an event type, or nil.
func (s *Snapshot) EventType(space, name string) *EventType {
	return get[*EventType](s, eventTypeKey(space, name))
}

// CORSRecord returns a CORS record, or nil. CORS finds the one for a request.
func (s *Snapshot) CORSRecord(space, id string) *CORS {
	return get[*CORS](s, corsKey(space, id))
}

// Functions returns the functions of a space in the order of their ids.
func (s *Snapshot) Functions(space string) iter.Seq[*Function] {
	return list[*Function](s, recordKey(functionKind, space, ""))
}

// Subscriptions returns the subscriptions of a space in the order of their ids.
func (s *Snapshot) Subscriptions(space string) iter.Seq[*Subscription] {
	return list[*Subscription](s, recordKey(subscriptionKind, space, ""))
}

// EventTypes returns the event types of a space in the order of their names.
func (s *Snapshot) EventTypes(space string) iter.Seq[*EventType] {
	return list[*EventType](s, recordKey(eventTypeKind, space, ""))
}

// CORSRecords returns the CORS records of a space in the order of their ids.
func (s *Snapshot) CORSRecords(space string) iter.Seq[*CORS] {
	return list[*CORS](s, recordKey(corsKind, space, ""))
}

// Counts returns how many functions, subscriptions, event types and CORS records each space has.
func (s *Snapshot) Counts() map[string]Counts {
	counts := map[string]Counts{}
	s.items.Scan(func(_ string, rec any) bool {
		switch rec := rec.(type) {
		case *Function:
			c := counts[rec.Space]
			c.Functions++
			counts[rec.Space] = c
		case *Subscription:
			c := counts[rec.Space]
			c.Subscriptions++
			counts[rec.Space] = c
		case *EventType:
			c := counts[rec.Space]
			c.EventTypes++
			counts[rec.Space] = c
		case *CORS:
			c := counts[rec.Space]
			c.CORS++
			counts[rec.Space] = c
		}
		return true
	})
	return counts
}

// Counts says how many things a space has.
type Counts struct{ Functions, Subscriptions, EventTypes, CORS int }

// Corrupt returns how many records of the realm cannot be read.
func (s *Snapshot) Corrupt() int { return s.corrupt }

// Sealed returns how many functions have secrets that were sealed with keys which this process does not have.
func (s *Snapshot) Sealed() int { return s.sealed }

// has says whether there is an item, readable or not.
func (s *Snapshot) has(key string) bool {
	_, found := s.items.Get(key)
	return found
}

// revOf returns the revision of an item, readable or not, or 0.
func (s *Snapshot) revOf(key string) Rev {
	rec, _ := s.items.Get(key)
	return revision(rec)
}

func revision(rec any) Rev {
	switch rec := rec.(type) {
	case interface{ revision() Rev }:
		return rec.revision()
	case *quarantined:
		return rec.rev
	}
	return 0
}

func get[R record](s *Snapshot, key string) R {
	rec, _ := s.items.Get(key)
	r, _ := rec.(R)
	return r
}

func list[R record](s *Snapshot, prefix string) iter.Seq[R] {
	return func(yield func(R) bool) {
		s.items.Ascend(prefix, func(key string, rec any) bool {
			if !strings.HasPrefix(key, prefix) {
				return false
			}
			r, ok := rec.(R)
			return !ok || yield(r)
		})
	}
}

// HasSpace says whether there is anything in a space.
func (s *Snapshot) HasSpace(space string) bool {
	for _, kind := range []string{functionKind, subscriptionKind, eventTypeKind, corsKind} {
		prefix, found := recordKey(kind, space, ""), false
		s.items.Ascend(prefix, func(key string, _ any) bool {
			found = strings.HasPrefix(key, prefix)
			return false
		})
		if found {
			return true
		}
	}
	return false
}
