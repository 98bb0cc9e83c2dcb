package zookeeper

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/event-gateway/event-gateway/store"
)

// layout names nodes. It holds PREFIX/v1.
type layout struct{ root string }

// buckets is how many nodes the items of a realm are spread over: a million with keys of 512 bytes makes 500 KB of names in each. If all of a key has
// to be escaped, that is 1.5 MB, which ZooKeeper and the gateway take, but not ZooKeeper's own tools. It is part of what is stored: it
// must never change.
const buckets = 1024

// maxPrefix is how long a prefix may be. It is in each path, and the largest commit has 200 of them in a request, which ZooKeeper takes 1 MB of.
const maxPrefix = 1024

// newLayout takes names only that no tool has to escape.
func newLayout(prefix string) (layout, error) {
	prefix = strings.TrimRight(prefix, "/")
	if len(prefix) > maxPrefix {
		return layout{}, fmt.Errorf("a prefix of %d bytes: at most %d are allowed", len(prefix), maxPrefix)
	}
	for i, name := range strings.Split(prefix, "/") {
		if (name == "") != (i == 0) || name != escape(name) {
			return layout{}, fmt.Errorf("%q is no prefix such as /event-gateway: its names have letters, digits and -_.~$&+=:@", prefix)
		}
	}
	return layout{prefix + "/v1"}, nil
}

func (l layout) heads() string                 { return l.root + "/heads" }
func (l layout) head(realm store.Realm) string { return l.heads() + "/" + escape(string(realm)) }
func (l layout) log(realm store.Realm) string  { return l.root + "/log/" + escape(string(realm)) }
func (l layout) records(realm store.Realm) string {
	return l.root + "/records/" + escape(string(realm))
}

// mark returns the node that says, by its name, what the head is.
func (l layout) mark(realm store.Realm, head store.Head) string {
	return l.head(realm) + "/" + strings.ReplaceAll(head.String(), " ", "-")
}

func (l layout) entry(realm store.Realm, rev store.Rev) string {
	return fmt.Sprintf("%s/%020d", l.log(realm), rev)
}

// item returns where an item is, and the node that it is in.
func (l layout) item(realm store.Realm, key string) (path, parent string) {
	parent = l.records(realm) + "/" + bucket(key)
	return parent + "/" + escape(key), parent
}

// realm returns the realm that a head is of.
func (l layout) realm(head string) (store.Realm, bool) {
	name, ok := strings.CutPrefix(head, l.heads()+"/")
	realm, escaped := unescape(name)
	return store.Realm(realm), ok && escaped
}

// parents returns the nodes that a realm's nodes are in, each after its own parent.
func (l layout) parents(realm store.Realm) []string {
	var paths []string
	for i, c := range l.root + "/" {
		if c == '/' && i > 0 {
			paths = append(paths, l.root[:i])
		}
	}
	return append(paths, l.heads(), l.root+"/log", l.root+"/records", l.log(realm), l.records(realm))
}

// bucket is part of what is stored: it must never change.
func bucket(key string) string {
	h := fnv.New64a()
	h.Write([]byte(key))
	sum := h.Sum64()
	return fmt.Sprintf("%03x", (sum^sum>>32)%buckets)
}

// escape makes a node's name of any string.
func escape(s string) string {
	if s == "." || s == ".." {
		return strings.ReplaceAll(s, ".", "%2E")
	}
	return url.PathEscape(s)
}

// unescape returns what escape has made the name of, if it has.
func unescape(name string) (string, bool) {
	s, err := url.PathUnescape(name)
	return s, err == nil && escape(s) == name
}

// itemValue is what item reads.
func itemValue(rev store.Rev, value []byte) []byte {
	return slices.Concat(strconv.AppendUint(nil, uint64(rev), 10), []byte(" "), value)
}

// item reads what itemValue wrote. What somebody else wrote there is an item that no commit wrote: it must not stop the others.
func item(key string, stored []byte) store.Item {
	digits, value, ok := bytes.Cut(stored, []byte(" "))
	rev, err := strconv.ParseUint(string(digits), 10, 64)
	if !ok || err != nil {
		return store.Item{Key: key, Value: slices.Concat([]byte{}, stored)} // ZooKeeper has nodes without a value
	}
	return store.Item{Key: key, Value: value, Rev: store.Rev(rev)}
}
