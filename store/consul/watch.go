package consul

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

const (
	// watchWait is how long a request waits for a change of a head. Consul adds up to a sixteenth. So a connection that died is noticed
	// after as long, at the latest.
	watchWait  = 10 * time.Second
	leastRest  = 10 * time.Millisecond // between requests that brought something
	firstPause = 5 * time.Millisecond  // between requests that did not
	maxPause   = time.Second
)

// watch reads all heads, again and again as soon as one of them has changed, until something fails.
func (s *Store) watch(ctx context.Context, seen *backend.Seen) error {
	if _, err := s.read(ctx, get(s.layout.heads())); err != nil { // a list leaves out what may not be read, and does not always say so
		return err
	}
	before := list{}
	for pause := firstPause; ; {
		began := time.Now()
		now, err := s.list(ctx, before.index)
		if err != nil {
			return err
		}
		rest := max(now.took, leastRest) // all heads come each time: if they are many, this leaves Consul time for others
		switch {
		case before.heads == nil:
			seen.Start(now.sightings())
		case !maps.EqualFunc(now.heads, before.heads, func(a, b head) bool { return a.Head == b.Head }):
			seen.Update(func(sightings backend.Sightings) {
				clear(sightings)
				maps.Copy(sightings, now.sightings())
			})
			pause = firstPause
		case time.Since(began) < watchWait: // without a single head, each write of anybody ends the wait
			rest, pause = pause, min(2*pause, maxPause)
		}
		before = now // whose index may be below the last one, if Consul was restored
		select {
		case <-time.After(rest):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// list is what there is below heads/ at a moment.
type list struct {
	heads map[store.Realm]head
	index uint64        // of Consul
	took  time.Duration // to receive
}

// list reads all heads, with an index above 0 as soon as they have changed since, or watchWait is over. One that cannot be read counts as revision 0, so
// that those who wait for the realm will read it themselves; the other realms must not suffer.
func (s *Store) list(ctx context.Context, index uint64) (l list, err error) {
	r := request{method: http.MethodGet, path: "/v1/kv/" + s.layout.heads(), query: url.Values{"recurse": {""}}, accept: http.StatusNotFound}
	if index > 0 {
		r.query.Set("index", strconv.FormatUint(index, 10))
		r.query.Set("wait", watchWait.String())
		r.wait = watchWait + watchWait/16
	}
	var pairs []pair
	err = s.call(ctx, r, func(resp *http.Response) (err error) {
		began := time.Now()
		if l.index, err = strconv.ParseUint(resp.Header.Get("X-Consul-Index"), 10, 64); err != nil {
			return fmt.Errorf("no index is in the answer: %w", err)
		}
		pairs = nil
		if resp.StatusCode == http.StatusOK {
			err = json.UnmarshalRead(resp.Body, &pairs)
		}
		l.took = time.Since(began)
		return err
	})
	if err != nil {
		return l, err
	}
	l.index = max(l.index, 1) // 0 would not wait
	l.heads = make(map[store.Realm]head, len(pairs))
	for _, p := range pairs {
		realm, ok := s.layout.realm(p.Key)
		if !ok {
			continue
		}
		h, err := headOf(p)
		if err != nil && p.ModifyIndex > index { // not each time
			s.log.Warn("consul holds a head that cannot be read", "realm", string(realm), "error", err)
		}
		l.heads[realm] = h
	}
	return l, nil
}

func (l list) sightings() backend.Sightings {
	all := make(backend.Sightings, len(l.heads))
	for realm, h := range l.heads {
		all.Head(realm, h.Head)
		all.Entry(realm, h.Rev, h.entry)
	}
	return all
}
