package upkeep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/event-gateway/event-gateway/store"
)

// finding is what there is to say about one realm.
type finding struct {
	realm   store.Realm
	rev     store.Rev
	records int
	log     int // commits
	wrong   []string
	err     error // it could not be read
}

// deep reads all realms, and compares the records with the heads and the logs.
func (c *checking) deep(ctx context.Context) {
	realms, err := c.store.Realms(ctx)
	if err != nil {
		c.fail("realms", err)
		return
	}
	realms = slices.DeleteFunc(realms, func(r store.Realm) bool { return r == scratch })
	var mu sync.Mutex
	var all []finding
	_ = each(ctx, realms, func(ctx context.Context, realm store.Realm) error {
		f := c.realm(ctx, realm)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, f)
		return ctx.Err() // the others are looked at, too
	})
	slices.SortFunc(all, func(a, b finding) int { return strings.Compare(string(a.realm), string(b.realm)) })
	records := 0
	for _, f := range all {
		if f.err != nil {
			c.fail(fmt.Sprintf("realm %q", f.realm), f.err)
			continue
		}
		records += f.records
		c.tell("realm", "%q: revision %d, %s, a log of %s", f.realm, f.rev, count(f.records, "record", "records"), count(f.log, "commit", "commits"))
		for _, wrong := range f.wrong {
			c.fail(fmt.Sprintf("realm %q", f.realm), errors.New(wrong))
		}
	}
	c.tell("records", "%d in %s", records, count(len(all), "realm", "realms"))
}

// loads is how often a realm is read before it is said not to fit together: it may have been restored or trimmed meanwhile.
const loads = 3

func (c *checking) realm(ctx context.Context, realm store.Realm) finding {
	for try := 1; ; try++ {
		items, head, err := c.store.Load(ctx, realm)
		if err != nil {
			return finding{realm: realm, err: err}
		}
		l, err := readLog(ctx, c.store, realm, head.Rev)
		if err != nil {
			return finding{realm: realm, err: fmt.Errorf("its log: %w", err)}
		}
		wrong := append(compareHead(items, head), l.compare(items, head)...)
		if len(wrong) > 0 && try < loads {
			continue
		}
		if keys := c.unreadable(realm, items, head); len(keys) > 0 {
			wrong = append(wrong, fmt.Sprintf("%s cannot be read by this version, nor served: %s", count(len(keys), "record", "records"), list(keys)))
		}
		return finding{realm: realm, rev: head.Rev, records: len(items), log: len(l.commits), wrong: wrong}
	}
}

// unreadable returns the keys of the records that gateways of this version leave out.
func (c *checking) unreadable(realm store.Realm, items []store.Item, head store.Head) (keys []string) {
	store.NewSnapshot(c.options.Rules, realm, items, head, func(key string, _ error) { keys = append(keys, key) })
	slices.Sort(keys)
	return keys
}

// compareHead looks whether the records are those that the head was made of.
func compareHead(items []store.Item, head store.Head) (wrong []string) {
	var digest store.Digest
	var strange []string
	for _, item := range items {
		digest = digest.With(item.Key, item.Rev)
		if item.Rev == 0 || item.Rev > head.Rev {
			strange = append(strange, item.Key)
		}
	}
	if len(strange) > 0 {
		slices.Sort(strange)
		wrong = append(wrong, fmt.Sprintf("no commit has written %s: %s", count(len(strange), "record", "records"), list(strange)))
	}
	if digest != head.Digest {
		wrong = append(wrong, "the records do not match the digest: something else than a gateway has changed the database, or it has lost something. "+
			"Restore it, or copy what is there to another one (event-gateway store copy)")
	}
	return wrong
}
