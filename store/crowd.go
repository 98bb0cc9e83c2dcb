package store

import (
	"context"
	"math/rand/v2"
	"time"
)

// crowd is how a writer leaves room for those of other instances. One that has just landed a commit knows the head, while the others
// have yet to find out that they came too late, to read the head and to commit: without a gap they would come too late each time.
type crowd struct {
	next  time.Time // no commit before this
	until time.Time // others write, too, it seems
	own   Head      // after the last commit that landed
	lost  bool      // the last commit was a conflict

	since, last time.Time // when the first and the last one landed of the commits that follow each other without a gap
}

const (
	crowdTime = 2 * time.Second        // after a commit of somebody else
	crowdGap  = 2                      // times what a commit takes, or half as much again
	crowdTook = 200 * time.Millisecond // one that takes longer met something else

	// Who writes all the time leaves a gap now and then, also for those who are far away. Without it, it might never learn of them.
	aloneTime = 3 * time.Second
	aloneGap  = 300 * time.Millisecond
)

// giveWay waits until it is time for a commit: at once, but where others write, too.
func (c *crowd) giveWay(ctx context.Context) {
	if d := time.Until(c.next); d > 0 {
		sleep(ctx, d)
	}
}

// begin notes where the realm is before a commit.
func (c *crowd) begin(at Head) {
	if c.own != at && c.own != (Head{}) {
		c.until = time.Now().Add(crowdTime)
	}
}

// landed notes that a commit landed, and what it took.
func (c *crowd) landed(head Head, took time.Duration) {
	now, gap := time.Now(), crowdGap*min(took, crowdTook)
	if now.Sub(c.last) > took+aloneGap {
		c.since = now
	}
	c.own, c.lost, c.last = head, false, now
	switch {
	case now.Sub(c.since) > aloneTime:
		c.next = now.Add(max(gap, aloneGap))
	case now.Before(c.until):
		c.next = now.Add(gap + rand.N(gap/2+1))
	}
}

// conflict notes that another one was quicker. The first try after that follows at once; those after it are spread, for there may be many who try.
func (c *crowd) conflict(took time.Duration) {
	now := time.Now()
	c.until = now.Add(crowdTime)
	if c.lost {
		c.next = now.Add(rand.N(min(took, crowdTook) + 1))
	}
	c.lost = true
}
