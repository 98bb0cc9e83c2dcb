package dynamodb

import (
	"hash/fnv"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/tidwall/btree"
)

// table is one table. The database's mutex guards it.
type table struct {
	name        string
	id          string
	partition   string // attributes that are the key
	sort        string
	provisioned *throughput // nil: paid by request
	created     time.Time
	active      time.Time // it can be used from then
	gone        time.Time // it is deleted then; zero: never
	ttl         string    // attribute of the time to live; "": there is none
	rows        *btree.BTreeG[*row]
	graves      []*row // deleted ones, which are still seen by reads that lag behind, oldest first
	locked      map[key]bool
	bytes       int
	items       int
}

type key struct{ partition, sort string }

// row is an item and those that were at its place.
type row struct {
	key
	hash     uint64
	versions []version // oldest first
}

type version struct {
	at   time.Time
	item item // nil: there was none
}

const (
	maxVersions  = 16
	maxPartition = 2048
	maxSort      = 1024
	maxItem      = 400 << 10
	settling     = 20 * time.Millisecond // how long it takes to create or delete a table
	afterAll     = "\xff"                // greater than all sort keys
)

func newTable(name, partition, sort string, now time.Time) *table {
	// Partitions have no order that a client knows.
	less := func(a, b *row) bool {
		if a.hash != b.hash {
			return a.hash < b.hash
		}
		if a.partition != b.partition {
			return a.partition < b.partition
		}
		return a.sort < b.sort
	}
	return &table{
		name: name, id: uuid.NewString(), partition: partition, sort: sort, created: now, active: now,
		rows: btree.NewBTreeGOptions(less, btree.Options{NoLocks: true}), locked: make(map[key]bool),
	}
}

func (t *table) status(now time.Time) string {
	switch {
	case !t.gone.IsZero() && !now.Before(t.gone):
		return "DELETED"
	case !t.gone.IsZero():
		return "DELETING"
	case now.Before(t.active):
		return "CREATING"
	}
	return "ACTIVE"
}

func newRow(k key) *row {
	h := fnv.New64a()
	_, _ = h.Write([]byte(k.partition))
	return &row{key: k, hash: h.Sum64()}
}

// get returns the item as it was at a moment, or nil.
func (t *table) get(k key, at time.Time) item {
	if r, ok := t.rows.Get(newRow(k)); ok {
		return r.at(at)
	}
	return nil
}

func (r *row) at(at time.Time) item {
	if at.IsZero() {
		return r.versions[len(r.versions)-1].item
	}
	for i := len(r.versions) - 1; i > 0; i-- {
		if !r.versions[i].at.After(at) {
			return r.versions[i].item
		}
	}
	return r.versions[0].item
}

// put stores an item, or deletes it if i is nil. lag is how far back reads may look.
func (t *table) put(k key, i item, now time.Time, lag time.Duration) {
	r, ok := t.rows.Get(newRow(k))
	if !ok && i == nil {
		return
	}
	if !ok {
		r = newRow(k)
		r.versions = []version{{}}
		t.rows.Set(r)
	}
	old := r.at(time.Time{})
	t.count(old, -1)
	t.count(i, 1)
	r.versions = append(r.versions, version{now, i})
	past := now.Add(-lag)
	for len(r.versions) > maxVersions || len(r.versions) > 1 && !r.versions[1].at.After(past) {
		r.versions[0] = version{} // let go of the item
		r.versions = r.versions[1:]
	}
	if i == nil {
		t.graves = append(t.graves, r)
	}
	t.forget(past)
}

// forget removes the rows whose items were deleted before a time, and not put again.
func (t *table) forget(past time.Time) {
	for len(t.graves) > 0 {
		r := t.graves[0]
		last := r.versions[len(r.versions)-1]
		if last.item == nil && last.at.After(past) {
			return
		}
		if now, _ := t.rows.Get(r); last.item == nil && now == r { // there may be another row now
			t.rows.Delete(r)
		}
		t.graves[0] = nil
		t.graves = t.graves[1:]
	}
}

func (t *table) count(i item, n int) {
	if i != nil {
		t.items += n
		t.bytes += n * i.size()
	}
}

// expire deletes the items whose time is over.
func (t *table) expire(now time.Time, lag time.Duration) int {
	var over []key
	t.rows.Scan(func(r *row) bool {
		v, ok := r.at(time.Time{})[t.ttl]
		if !ok || v.kind != "N" || t.locked[r.key] {
			return true
		}
		if seconds, err := strconv.ParseFloat(v.text, 64); err == nil && seconds <= float64(now.Unix()) {
			over = append(over, r.key)
		}
		return true
	})
	for _, k := range over {
		t.put(k, nil, now, lag)
	}
	return len(over)
}
