package consul

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/event-gateway/event-gateway/store"
)

// layout names keys. It holds PREFIX/v1/.
type layout struct{ prefix string }

func (l layout) heads() string                  { return l.prefix + "heads/" }
func (l layout) head(realm store.Realm) string  { return l.heads() + string(realm) }
func (l layout) log(realm store.Realm) string   { return l.prefix + "log/" + string(realm) + "/" }
func (l layout) items(realm store.Realm) string { return l.prefix + "records/" + string(realm) + "/" }

const buckets = 256

// bucket returns what the keys of a bucket begin with. Consul has no ranges of keys, only prefixes: without buckets a large realm could only be
// read at once.
func (l layout) bucket(realm store.Realm, bucket byte) string {
	return fmt.Sprintf("%s%02x/", l.items(realm), bucket)
}

func (l layout) record(realm store.Realm, key string) string {
	return l.bucket(realm, sha256.Sum256([]byte(key))[0]) + key
}

func (l layout) entry(realm store.Realm, rev store.Rev) string {
	return fmt.Sprintf("%s%020d", l.log(realm), rev)
}

// realm returns the realm of a head. Anybody may have written other keys there.
func (l layout) realm(headKey string) (realm store.Realm, ok bool) {
	name := strings.TrimPrefix(headKey, l.heads())
	return store.Realm(name), name != "" && !strings.Contains(name, "/")
}

// pair is a key with what is stored under it.
type pair struct {
	Key         string
	Value       []byte
	Flags       uint64
	ModifyIndex uint64 // of Consul's last write of the key; 0 if there is no such key
}

// head is a realm's head as it is stored.
type head struct {
	store.Head
	oldest store.Rev // in the log
	index  uint64    // of Consul's last write of it; 0 if there is none
	entry  []byte    // of the log, of the head's revision; nil if it was not kept with the head
}

// headOf reads what headValue wrote.
func headOf(p pair) (head, error) {
	value, entry := p.Value, []byte(nil)
	if fields := bytes.SplitN(value, []byte(" "), 4); len(fields) == 4 {
		entry = fields[3]
		value = value[:len(value)-len(entry)-1]
	}
	parsed, err := store.ParseHead(string(value))
	return head{parsed, store.Rev(p.Flags), p.ModifyIndex, entry}, err
}

const largestKept = 4 << 10

// headValue returns what is stored as the head of a realm. The watch reads all heads each time, and the shared realm has no others beside it: with its
// head comes the log entry, so that those who wait need not read it.
func headValue(realm store.Realm, h store.Head, entry []byte) []byte {
	value := []byte(h.String())
	if realm == store.Shared && len(entry) <= largestKept {
		value = append(append(value, ' '), entry...)
	}
	return value
}

// item returns what is stored under a key. What somebody else wrote there, without flags or beside the buckets, is an item that no commit wrote.
func (l layout) item(realm store.Realm, p pair) store.Item {
	item := store.Item{Key: strings.TrimPrefix(p.Key, l.items(realm)), Value: p.Value}
	if len(item.Key) > 3 && item.Key[2] == '/' {
		item.Key, item.Rev = item.Key[3:], store.Rev(p.Flags)
	}
	if item.Value == nil {
		item.Value = []byte{}
	}
	return item
}
