package store

import (
	"github.com/event-gateway/event-gateway/store/route"
)

// edit makes the next snapshot out of one, which stays as it is: all parts are copied when they are first written to.
type edit struct {
	next    *Snapshot
	digest  Digest
	sync    *route.Editor[*Subscription]
	async   *route.Editor[*Subscription]
	invoke  *route.Editor[*Subscription]
	corrupt int
}

func (s *Snapshot) edit() *edit {
	s.forking.Lock()
	defer s.forking.Unlock()
	return &edit{
		next:   &Snapshot{Realm: s.Realm, rules: s.rules, items: s.items.Copy()},
		digest: s.Head.Digest,
		sync:   s.sync.Edit(), async: s.async.Edit(), invoke: s.invoke.Edit(),
		corrupt: s.corrupt,
	}
}

// snapshot ends the edit.
func (e *edit) snapshot(rev Rev, chain Chain) *Snapshot {
	s := e.next
	s.Head = Head{Rev: rev, Digest: e.digest, Chain: chain}
	s.sync, s.async, s.invoke = e.sync.Tree(), e.async.Tree(), e.invoke.Tree()
	s.corrupt = e.corrupt
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
	if s, ok := rec.(*Subscription); ok {
		if err := e.route(s); err != nil {
			rec = &quarantined{item.Rev, err}
		}
	}
	if q, bad := rec.(*quarantined); bad {
		e.corrupt++
		report(item.Key, q.why)
	}
	e.next.items.Set(item.Key, rec)
	e.digest = e.digest.With(item.Key, item.Rev)
}

func (e *edit) delete(key string) {
	rec, found := e.next.items.Delete(key)
	if !found {
		return
	}
	e.digest = e.digest.Without(key, revision(rec))
	switch rec := rec.(type) {
	case *Subscription:
		if k, err := rec.routing(); err == nil {
			e.tree(rec).Delete(k.event, k.method, k.pattern, rec)
		}
	case *quarantined:
		e.corrupt--
	}
}

func (e *edit) route(s *Subscription) error {
	k, err := s.routing()
	if err == nil {
		e.tree(s).Add(k.event, k.method, k.pattern, s)
	}
	return err
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
