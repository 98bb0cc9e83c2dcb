package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unique"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// record is what an item of a realm holds.
type record interface {
	*Function | *Subscription | *EventType | *CORS
	record() ([]byte, error)
	revision() Rev
}

// The keys of items: the kind, the space, the id.
const (
	functionKind     = "functions"
	subscriptionKind = "subscriptions"
	eventTypeKind    = "eventtypes"
	corsKind         = "cors"
)

func functionKey(space, id string) string     { return recordKey(functionKind, space, id) }
func subscriptionKey(space, id string) string { return recordKey(subscriptionKind, space, id) }
func eventTypeKey(space, name string) string  { return recordKey(eventTypeKind, space, name) }
func corsKey(space, id string) string         { return recordKey(corsKind, space, id) }

// recordKey returns the key of a record. An id too long for a key is hashed: the record has it in full. No id contains a "~".
func recordKey(kind, space, id string) string {
	key := kind + "/" + space + "/" + id
	if len(key) <= MaxKeyBytes {
		return key
	}
	sum := sha256.Sum256([]byte(id))
	return kind + "/" + space + "/~" + hex.EncodeToString(sum[:])
}

// quarantined stands in a snapshot for a record that could not be read, so that its revision still counts in the digest.
type quarantined struct {
	rev Rev
	why error
}

// decodeItem reads a stored record: one of those of record, or *quarantined with the reason. What a database holds is
// hostile, too: a record must say the key that it is stored under, and only the shared realm holds more than the space of its name.
func (r *Rules) decodeItem(realm Realm, item Item) any {
	kind, rest, _ := strings.Cut(item.Key, "/")
	space, _, ok := strings.Cut(rest, "/")
	switch {
	case !ok:
		return &quarantined{item.Rev, fmt.Errorf("the key has no space and id")}
	case realm != Shared && space != string(realm):
		return &quarantined{item.Rev, fmt.Errorf("it is the record of another realm")}
	}
	var rec any
	var key string
	var err error
	switch kind {
	case functionKind:
		var f *Function
		if f, err = r.storedFunction(item); f != nil {
			rec, key = f, functionKey(f.Space, f.ID)
		}
	case subscriptionKind:
		var s *Subscription
		if s, err = r.storedSubscription(item, space); s != nil {
			rec, key = s, subscriptionKey(s.Space, s.ID)
		}
	case eventTypeKind:
		var t *EventType
		if t, err = storedEventType(item); t != nil {
			rec, key = t, eventTypeKey(t.Space, t.Name)
		}
	case corsKind:
		var c *CORS
		if c, err = storedCORS(item); c != nil {
			rec, key = c, corsKey(c.Space, c.ID)
		}
	default:
		err = fmt.Errorf("this version knows no %q", kind)
	}
	if err == nil && key != item.Key {
		err = fmt.Errorf("it is the record of another key")
	}
	if err != nil {
		return &quarantined{item.Rev, err}
	}
	return rec
}

// decodeItems decodes many items on all processors, and yields them in their order while the rest is still being decoded.
func (r *Rules) decodeItems(realm Realm, items []Item) iter.Seq2[Item, any] {
	const size = 512
	type chunk struct {
		items   []Item
		records []any
		done    chan struct{}
	}
	return func(yield func(Item, any) bool) {
		var chunks []*chunk
		for some := range slices.Chunk(items, size) {
			chunks = append(chunks, &chunk{items: some, done: make(chan struct{})})
		}
		var next atomic.Int64
		var wg sync.WaitGroup
		defer wg.Wait()
		for range min(runtime.GOMAXPROCS(0), len(chunks)) {
			wg.Go(func() {
				for i := next.Add(1) - 1; i < int64(len(chunks)); i = next.Add(1) - 1 {
					c := chunks[i]
					c.records = make([]any, len(c.items))
					for j, item := range c.items {
						c.records[j] = r.decodeItem(realm, item)
					}
					close(c.done)
				}
			})
		}
		for _, c := range chunks {
			<-c.done
			for j, item := range c.items {
				if !yield(item, c.records[j]) {
					return
				}
			}
			c.records = nil
		}
	}
}

func (r *Rules) storedFunction(item Item) (*Function, error) {
	var b functionBody
	if err := json.Unmarshal(item.Value, &b); err != nil {
		return nil, errUnreadable
	}
	f, _, err := r.function(b, true)
	if err != nil {
		return nil, err
	}
	f.Rev = item.Rev
	return f, nil
}

// storedSubscription reads both shapes in one pass, since a realm may hold a million of them.
func (r *Rules) storedSubscription(item Item, space string) (*Subscription, error) {
	var b struct {
		Space      string            `json:"space"`
		ID         string            `json:"subscriptionId"`
		Event      string            `json:"event"`
		Type       string            `json:"type"`
		EventType  string            `json:"eventType"`
		FunctionID string            `json:"functionId"`
		Method     string            `json:"method"`
		Path       string            `json:"path"`
		CORS       *CORSPolicy       `json:"cors"`
		Metadata   map[string]string `json:"metadata"`
		Extra      jsontext.Value    `json:",embed"`
	}
	if err := json.Unmarshal(item.Value, &b); err != nil {
		return nil, errUnreadable
	}
	if b.Space != space {
		return nil, fmt.Errorf("it is the record of another space")
	}
	var s *Subscription
	switch {
	case b.EventType != "" && (b.Type == "sync" || b.Type == "async"):
		v09 := v09Body{Type: b.Type, EventType: intern(b.EventType), FunctionID: intern(b.FunctionID), Method: intern(b.Method), Path: b.Path, Metadata: b.Metadata}
		s = v09.subscription(space)
	case b.Event != "":
		seed := seedBody{Event: intern(b.Event), FunctionID: intern(b.FunctionID), Method: intern(b.Method), Path: b.Path, CORS: b.CORS}
		s = seed.subscription(space)
	default:
		return nil, fmt.Errorf("it has no event")
	}
	s.Extra, s.Rev = b.Extra, item.Rev
	s.function = intern(s.function)
	// The space and, but for a hashed one, the id are parts of the key: they share its memory.
	s.Space = item.Key[len(subscriptionKind)+1:][:len(space)]
	if id := item.Key[len(subscriptionKind)+len(space)+2:]; id == s.ID {
		s.ID = id
	}
	return s, nil
}

// intern makes equal strings share their memory: many subscriptions name the same few events and functions.
func intern(s string) string { return unique.Make(s).Value() }

// errUnreadable does not say more, since that would show the content.
var errUnreadable = errors.New("it is not the JSON of such a record")
