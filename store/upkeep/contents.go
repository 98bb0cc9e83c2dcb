package upkeep

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/event-gateway/event-gateway/store"
)

// contents are the records of a store by realm and key. A realm without any is not among them.
type contents map[store.Realm]map[string]store.Item

// heads are where the realms of a store stand.
type heads map[store.Realm]store.Head

// shares returns a realm of which both have the same chain, that is, the same commits.
func (h heads) shares(other heads) (store.Realm, bool) {
	for realm, head := range h {
		if head.Rev > 0 && head == other[realm] {
			return realm, true
		}
	}
	return "", false
}

// read returns all that is in a store.
func read(ctx context.Context, s store.Database) (contents, heads, error) {
	realms, err := s.Realms(ctx)
	if err != nil {
		return nil, nil, err
	}
	var mu sync.Mutex
	all, at := contents{}, heads{}
	err = each(ctx, realms, func(ctx context.Context, realm store.Realm) error {
		if realm == scratch {
			return nil
		}
		records, head, err := readRealm(ctx, s, realm)
		if err != nil {
			return fmt.Errorf("realm %q: %w", realm, err)
		}
		mu.Lock()
		defer mu.Unlock()
		at[realm] = head
		if len(records) > 0 {
			all[realm] = records
		}
		return nil
	})
	return all, at, err
}

func readRealm(ctx context.Context, s store.Store, realm store.Realm) (map[string]store.Item, store.Head, error) {
	items, head, err := s.Load(ctx, realm)
	if err != nil {
		return nil, store.Head{}, err
	}
	records := make(map[string]store.Item, len(items))
	for _, item := range items {
		if item.Value == nil { // to write it would be to delete it
			item.Value = []byte{}
		}
		records[item.Key] = item
	}
	return records, head, nil
}

// realms returns their names in order.
func (c contents) realms() []store.Realm { return slices.Sorted(maps.Keys(c)) }

// size returns how many records there are, and the bytes of their values.
func (c contents) size() (records, bytes int) {
	for _, realm := range c {
		records += len(realm)
		for _, item := range realm {
			bytes += len(item.Value)
		}
	}
	return records, bytes
}

// has says whether there is this very record.
func (c contents) has(realm store.Realm, item store.Item) bool {
	own, found := c[realm][item.Key]
	return found && bytes.Equal(own.Value, item.Value)
}

// without returns the names, in order, of the records that neither of the others has.
func (c contents) without(a, b contents) []string {
	var names []string
	for realm, records := range c {
		for key, item := range records {
			if !a.has(realm, item) && !b.has(realm, item) {
				names = append(names, name(realm, key))
			}
		}
	}
	slices.Sort(names)
	return names
}

// name is how a record is called in messages.
func name(realm store.Realm, key string) string { return string(realm) + ": " + key }

// union returns the realms of both, in order.
func union(a, b contents) []store.Realm {
	return slices.Compact(slices.Sorted(slices.Values(append(a.realms(), b.realms()...))))
}

// differences returns how many records have to be written or deleted.
func differences(want, have contents) (n int) {
	for _, realm := range union(want, have) {
		n += len(changes(want[realm], have[realm]))
	}
	return n
}

// changes returns the ops that make a realm hold the wanted records.
func changes(want, have map[string]store.Item) []store.Op {
	var ops []store.Op
	for key, item := range want {
		if old, found := have[key]; !found || !bytes.Equal(old.Value, item.Value) {
			ops = append(ops, store.Op{Key: key, Was: old.Rev, Value: item.Value})
		}
	}
	for key, old := range have {
		if _, found := want[key]; !found {
			ops = append(ops, store.Op{Key: key, Was: old.Rev})
		}
	}
	return ops
}

// pack returns how many ops from the front go into one commit.
func pack(ops []store.Op) int {
	size := 0
	for i, op := range ops {
		if size += len(op.Value); i == store.MaxOps || size > store.MaxCommitBytes {
			return i
		}
	}
	return len(ops)
}
