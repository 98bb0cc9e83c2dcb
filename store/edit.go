package store

import (
	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/store/route"
)

// edit makes the next snapshot out of one, which stays as it is: all parts are copied when they are first written to.
type edit struct {
	next   *Snapshot
	digest Digest
	sync   *route.Editor[*Subscription]
	async  *route.Editor[*Subscription]
	invoke *route.Editor[*Subscription]
	cors   corsEdit
}

func (s *Snapshot) edit() *edit {
	s.forking.Lock()
	defer s.forking.Unlock()
	return &edit{
		next: &Snapshot{
			Realm: s.Realm, rules: s.rules, items: s.items.Copy(), system: s.system.Copy(),
			corrupt: s.corrupt, sealed: s.sealed, authorizing: s.authorizing,
		},
		digest: s.Head.Digest,
		sync:   s.sync.Edit(), async: s.async.Edit(), invoke: s.invoke.Edit(), cors: s.cors.edit(),
	}
}

// snapshot ends the edit.
func (e *edit) snapshot(rev Rev, chain Chain) *Snapshot {
	s := e.next
	s.Head = Head{Rev: rev, Digest: e.digest, Chain: chain}
	s.sync, s.async, s.invoke, s.cors = e.sync.Tree(), e.async.Tree(), e.invoke.Tree(), e.cors.table()
	return s
}

func (e *edit) apply(op Op, rev Rev, report func(string, error)) {
	if op.Value == nil {
		e.delete(op.Key)
		return
	}
	e.put(Item{Key: op.Key, Value: op.Value, Rev: rev}, report)
}

func (e *edit) put(item Item, report func(string, error)) {
	e.delete(item.Key)
	e.insert(item, e.next.rules.decodeItem(e.next.Realm, item), report)
}

// insert adds a record where there is none.
func (e *edit) insert(item Item, rec any, report func(string, error)) {
	switch r := rec.(type) {
	case *Subscription:
		if err := e.route(r); err != nil {
			rec = &quarantined{item.Rev, err}
		}
	case *CORS:
		e.cors.add(r)
	}
	if q, bad := rec.(*quarantined); bad {
		e.next.corrupt++
		report(item.Key, q.why)
	}
	if authorizing(item.Key, rec) {
		e.next.authorizing++
	}
	e.next.sealed += e.next.rules.sealedAway(rec)
	e.next.items.Set(item.Key, rec)
	e.digest = e.digest.With(item.Key, item.Rev)
}

func (e *edit) delete(key string) {
	rec, found := e.next.items.Delete(key)
	if !found {
		return
	}
	e.digest = e.digest.Without(key, revision(rec))
	if authorizing(key, rec) {
		e.next.authorizing--
	}
	e.next.sealed -= e.next.rules.sealedAway(rec)
	switch rec := rec.(type) {
	case *Subscription:
		e.unroute(rec)
	case *CORS:
		e.cors.delete(rec)
	case *quarantined:
		e.next.corrupt--
	}
}

// route makes a subscription known to those who look for what an event goes to. A reserved event comes from the gateway only.
func (e *edit) route(s *Subscription) error {
	k, err := s.routing()
	switch name := s.systemEvent(); {
	case err != nil:
	case name != "":
		e.next.system.Set(systemKey(name, s.Space, s.ID), s)
	case !event.Reserved(s.EventType):
		e.tree(s).Add(k.event, k.method, k.pattern, s)
	}
	return err
}

func (e *edit) unroute(s *Subscription) {
	k, err := s.routing()
	switch name := s.systemEvent(); {
	case err != nil:
	case name != "":
		e.next.system.Delete(systemKey(name, s.Space, s.ID))
	case !event.Reserved(s.EventType):
		e.tree(s).Delete(k.event, k.method, k.pattern, s)
	}
}

func (e *edit) tree(s *Subscription) *route.Editor[*Subscription] {
	switch {
	case s.Sync:
		return e.sync
	case s.Shape == Seed && s.EventType == InvokeEvent:
		return e.invoke
	}
	return e.async
}
