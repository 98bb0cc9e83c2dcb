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
func (p *pendingCommit) findOld(ctx context.Context, c *session) error {
	var last *zk.Stat
	var oldest []byte
	err := c.each(ctx, 2, func(i int) (err error) {
		if i == 0 {
			_, last, err = c.get(p.layout.head(p.realm))
		} else {
			oldest, _, err = c.get(p.layout.log(p.realm))
		}
		return err
	})
	if err != nil || last == nil {
		return err
	}
	parsed, _ := strconv.ParseUint(string(oldest), 10, 64)
	first := store.Rev(parsed)
	if first < 1 || first > p.next.Rev { // nothing yet, or of a realm that was here before
		first = 1
	}
	limit := last.Mtime - p.logAge.Milliseconds()
	all, err := p.addOld(ctx, c, first, min(first+1, p.next.Rev), limit) // mostly not even one is old
	if err == nil && all {
		_, err = p.addOld(ctx, c, first+1, min(first+trimStep, p.next.Rev), limit)
	}
	return err
}

// addOld adds to what goes the entries of the log, from one revision to before another, that are older than limit, and returns whether all are.
func (p *pendingCommit) addOld(ctx context.Context, c *session, from, end store.Rev, limit int64) (all bool, err error) {
	if from >= end {
		return false, nil
	}
	stats := make([]*zk.Stat, end-from)
	err = c.each(ctx, len(stats), func(i int) error {
		there, stat, err := c.conn.Exists(p.layout.entry(p.realm, from+store.Rev(i)))
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
			p.old = append(p.old, p.layout.entry(p.realm, from+store.Rev(i)))
		}
		p.oldest = from + store.Rev(i) + 1
	}
	return true, nil
}

// dropOld has the old entries go.
func (p *pendingCommit) dropOld(t *transaction) {
	if p.oldest == 0 {
		return
	}
	for _, path := range p.old {
		t.there[path] = true
		t.drop(path)
	}
	log := p.layout.log(p.realm)
	t.there[log] = true
	t.put(log, strconv.AppendUint(nil, uint64(p.oldest), 10), -1)
}
