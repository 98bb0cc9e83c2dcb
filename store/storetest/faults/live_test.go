package faults_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// TestLive: gateways go on routing while the database, or the way to it, is broken, and have what is there soon after it is healed.
func TestLive(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b backend) {
		c := b.start(t, b.members)
		if len(c.members) == 0 { // nothing can be broken; package store has a test of a store that makes mistakes
			return
		}
		l := newLives(t, c)
		l.heals("a short break, and a trimmed log", l.shortBreak)
		l.heals("a break longer than a session", l.longBreak)
		l.heals("a server killed", l.killOne)
		l.heals("all servers killed", l.killAll)
		l.heals("a server frozen for longer than a session", l.freezeOne)
		l.heals("written from another region", l.writeFromAfar)
	})
}

const (
	healTime    = 2 * time.Second  // from the moment that the database answers again
	sessionTime = 14 * time.Second // longer than any session, or any keep-alive
)

// lives are gateways, and the ways that they follow a database by. They serve one configuration in shared mode and one in hosted mode.
type lives struct {
	t              *testing.T
	c              *cluster
	cut, hung, far *network
	sites          []*site
	longest        time.Duration // to heal
	late           int           // how often it took too long
	kills          int
}

func newLives(t *testing.T, c *cluster) *lives {
	l := &lives{t: t, c: c, cut: c.network(t), hung: c.network(t), far: c.network(t)}
	l.far.delay(regionTime)
	for _, hosted := range []bool{false, true} {
		l.sites = append(l.sites, newSite(t, c, hosted, []*network{l.cut, l.hung, l.far}))
	}
	return l
}

// change changes all sites, by their authors or those that are given, and returns where they are then.
func (l *lives) change(by func(*site) *gateway) (heads []store.Head) {
	l.t.Helper()
	for _, s := range l.sites {
		heads = append(heads, s.change(by(s)))
	}
	return heads
}

func author(s *site) *gateway { return s.author }

// healing is when a break is over, and where the sites are then.
type healing struct {
	since time.Time
	heads []store.Head
}

// heals fails the test if gateways do not have what is there in time after a break. They get a second chance once, since the machine may be busy.
func (l *lives) heals(what string, breaks func() healing) {
	l.t.Helper()
	for {
		took := l.wait(what, breaks())
		l.t.Logf("%s: healed after %v", what, took)
		slowest := slices.Max(slices.Collect(maps.Values(took)))
		l.longest = max(l.longest, slowest)
		if slowest <= healTime {
			return
		}
		if l.late++; l.late > 1 {
			l.t.Errorf("%s: healed after %v, at most %v is right", what, slowest, healTime)
			return
		}
	}
}

// wait returns when each gateway has what is there.
func (l *lives) wait(what string, h healing) map[string]time.Duration {
	l.t.Helper()
	took := map[string]time.Duration{}
	for time.Since(h.since) < time.Minute {
		for i, s := range l.sites {
			for j, g := range s.followers {
				name := []string{"cut", "hung", "far"}[j] + []string{"", ", hosted"}[i]
				if now := g.snapshot(); took[name] == 0 && now.Head == h.heads[i] {
					took[name] = time.Since(h.since)
					if !s.right(now) {
						l.t.Errorf("%s: %s: at %v it has other routes than it should", what, name, now.Head)
					}
				}
			}
		}
		if len(took) == 3*len(l.sites) {
			return took
		}
		time.Sleep(time.Millisecond)
	}
	l.t.Fatalf("%s: only some have what is there: %v", what, took)
	return nil
}

func (l *lives) shortBreak() healing {
	return l.breakWays(time.Second, func(heads []store.Head) {
		for i, s := range l.sites {
			l.c.trim(l.t, s.author.realm, heads[i].Rev)
		}
	})
}

func (l *lives) longBreak() healing { return l.breakWays(sessionTime, func([]store.Head) {}) }

// breakWays cuts a way and lets another hang for a while, in which the configuration changes.
func (l *lives) breakWays(d time.Duration, meanwhile func(heads []store.Head)) healing {
	l.cut.cut()
	l.hung.hang()
	time.Sleep(d / 2)
	l.change(author)
	heads := l.change(author)
	meanwhile(heads)
	time.Sleep(d / 2)
	l.cut.heal()
	l.hung.heal()
	return healing{time.Now(), heads}
}

func (l *lives) killOne() healing {
	leader := l.c.leader(l.t)
	leader.Kill(l.t)
	l.kills++
	time.Sleep(time.Second)
	leader.Start(l.t)
	return l.answered()
}

func (l *lives) killAll() healing {
	for _, m := range l.c.members {
		m.Kill(l.t)
		l.kills++
	}
	time.Sleep(time.Second)
	for _, m := range l.c.members {
		m.Start(l.t)
	}
	return l.answered()
}

func (l *lives) freezeOne() healing {
	leader := l.c.leader(l.t)
	leader.Freeze(l.t)
	time.Sleep(sessionTime)
	leader.Thaw(l.t)
	return l.answered()
}

// answered waits until the database answers somebody who has just come, and changes something.
func (l *lives) answered() healing {
	l.c.ready(l.t)
	strangers := map[*site]*gateway{}
	for _, s := range l.sites {
		g := startGateway(l.t, l.c.client(l.t, usual), s.hosted)
		defer func() {
			g.stop()
			g.Close()
		}()
		strangers[s] = g
	}
	since := time.Now()
	return healing{since, l.change(func(s *site) *gateway { return strangers[s] })}
}

func (l *lives) writeFromAfar() healing {
	began := time.Now()
	heads := l.change(func(s *site) *gateway { return s.followers[2] })
	l.t.Logf("four changes from another region took %v", time.Since(began)/time.Duration(len(l.sites)))
	return healing{time.Now(), heads}
}
