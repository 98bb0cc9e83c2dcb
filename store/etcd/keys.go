package etcd

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/event-gateway/event-gateway/store"
)

// layout names keys. It holds PREFIX/v1/.
type layout struct{ prefix string }

func (l layout) heads() string                    { return l.prefix + "heads/" }
func (l layout) head(realm store.Realm) string    { return l.heads() + string(realm) }
func (l layout) log(realm store.Realm) string     { return l.prefix + "log/" + string(realm) + "/" }
func (l layout) items(realm store.Realm) string   { return l.prefix + "records/" + string(realm) + "/" }
func (l layout) realm(headKey []byte) store.Realm { return store.Realm(headKey[len(l.heads()):]) }

// changes returns the range of all heads and logs, which no item lies in.
func (l layout) changes() (from, to string) { return l.heads(), end(l.prefix + "log/") }

// isHead says whether a key of the range of changes is a head.
func (l layout) isHead(key []byte) bool { return bytes.HasPrefix(key, []byte(l.heads())) }

// logRealm returns the realm that a log entry belongs to, or "" for a key that is none: anybody may write keys.
func (l layout) logRealm(key []byte) store.Realm {
	rest, ok := bytes.CutPrefix(key, []byte(l.prefix+"log/"))
	realm, _, found := bytes.Cut(rest, []byte("/"))
	if !ok || !found {
		return ""
	}
	return store.Realm(realm)
}

func (l layout) entry(realm store.Realm, rev store.Rev) string {
	return fmt.Sprintf("%s%020d", l.log(realm), rev)
}

// end returns the end of the range of all keys that begin with prefix.
func end(prefix string) string { return clientv3.GetPrefixRangeEnd(prefix) }

// headOf reads the answer to a get of a head.
func headOf(kvs []*mvccpb.KeyValue) (store.Head, error) {
	if len(kvs) == 0 {
		return store.Head{}, nil
	}
	return store.ParseHead(string(kvs[0].Value))
}

// itemValue is what item reads.
func itemValue(rev store.Rev, value []byte) string {
	var b strings.Builder
	b.Grow(21 + len(value))
	b.WriteString(strconv.FormatUint(uint64(rev), 10))
	b.WriteByte(' ')
	b.Write(value)
	return b.String()
}

// item reads what itemValue wrote. What somebody else wrote there is an item that no commit wrote: it must not stop the others.
func item(key, stored []byte) store.Item {
	digits, value, ok := bytes.Cut(stored, []byte(" "))
	rev, err := strconv.ParseUint(string(digits), 10, 64)
	if !ok || err != nil {
		return store.Item{Key: string(key), Value: stored}
	}
	return store.Item{Key: string(key), Value: value, Rev: store.Rev(rev)}
}
