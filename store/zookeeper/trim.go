package zookeeper

import (
	"context"
	"strconv"

	"github.com/go-zookeeper/zk"

	"github.com/event-gateway/event-gateway/store"
)

// Every so many commits take so many old entries of the log with them: two for one, so that the log gets shorter after a burst. The node
// that the entries are in says which is the oldest. They are never listed, as they may be very many.
const (
	trimEvery = 32
	trimStep  = 64
)

// findOld finds out which entries of the log are old enough to go, by the server's clock: by the time of the last commit.
func (w *write) findOld(ctx context.Context, c *session) error {
	var last *zk.Stat
	var oldest []byte
	err := c.each(ctx, 2, func(i int) (err error) {
		if i == 0 {
			_, last, err = c.get(w.layout.head(w.realm))
		} else {
			oldest, _, err = c.get(w.layout.log(w.realm))
		}
		return err
	})
	if err != nil || last == nil {
		return err
	}
	parsed, _ := strconv.ParseUint(string(oldest), 10, 64)
	first := store.Rev(parsed)
	if first < 1 || first > w.next.Rev { // nothing yet, or of a realm that was here before
		first = 1
	}
	limit := last.Mtime - w.logAge.Milliseconds()
	all, err := w.addOld(ctx, c, first, min(first+1, w.next.Rev), limit) // mostly not even one is old
	if err == nil && all {
		_, err = w.addOld(ctx, c, first+1, min(first+trimStep, w.next.Rev), limit)
	}
	return err
}

// addOld adds to what goes the entries of the log, from one revision to before another, that are older than limit, and returns whether all are.
func (w *write) addOld(ctx context.Context, c *session, from, end store.Rev, limit int64) (all bool, err error) {
	if from >= end {
		return false, nil
	}
	stats := make([]*zk.Stat, end-from)
	err = c.each(ctx, len(stats), func(i int) error {
		there, stat, err := c.conn.Exists(w.layout.entry(w.realm, from+store.Rev(i)))
		if there && err == nil {
			stats[i] = stat
		}
		return err
	})
	if err != nil {
		return false, err
	}
	for i, stat := range stats {
		if stat != nil && stat.Mtime > limit {
			return false, nil
		}
		if stat != nil { // else somebody has deleted it
			w.old = append(w.old, w.layout.entry(w.realm, from+store.Rev(i)))
		}
		w.oldest = from + store.Rev(i) + 1
	}
	return true, nil
}

// planOld has the old entries go.
func (w *write) planOld(p *plan) {
	if w.oldest == 0 {
		return
	}
	for _, path := range w.old {
		p.there[path] = true
		p.drop(path)
	}
	log := w.layout.log(w.realm)
	p.there[log] = true
	p.put(log, strconv.AppendUint(nil, uint64(w.oldest), 10), -1)
}
