package faults_test

import (
	"math/rand/v2"
	"testing"
	"time"
)

// breaker breaks a cluster and heals it again. It is used by the test's own goroutine.
type breaker struct {
	t     *testing.T
	c     *cluster
	ways  []*network // of some of the clients each
	kills int
}

// round breaks and heals in each way once.
func (b *breaker) round() {
	b.t.Helper()
	if len(b.c.addrs) == 0 { // there is nothing to break
		time.Sleep(500 * time.Millisecond)
		return
	}
	for _, breakIt := range []func(){b.killOne, b.flutter, b.cutOne, b.freezeOne, b.hangOne, b.killAll, b.trouble} {
		breakIt()
		time.Sleep(some(500 * time.Millisecond))
	}
}

// some returns a time of about d.
func some(d time.Duration) time.Duration { return d/2 + rand.N(d) }

// one returns the leader or any other member.
func (b *breaker) one() member {
	if rand.IntN(3) == 0 {
		return b.c.members[rand.IntN(len(b.c.members))]
	}
	return b.c.leader(b.t)
}

func (b *breaker) killOne() {
	b.t.Helper()
	m := b.one()
	m.Kill(b.t)
	b.kills++
	time.Sleep(some(800 * time.Millisecond))
	m.Start(b.t)
	b.c.ready(b.t)
}

// killAll kills the members of a cluster, all of them at about the same time. A single server was killed before.
func (b *breaker) killAll() {
	b.t.Helper()
	if len(b.c.members) < 2 {
		return
	}
	for _, m := range b.c.members {
		m.Kill(b.t)
		b.kills++
	}
	for _, m := range b.c.members {
		m.Start(b.t)
	}
	b.c.ready(b.t)
}

func (b *breaker) freezeOne() {
	b.t.Helper()
	m := b.one()
	m.Freeze(b.t)
	time.Sleep(some(2 * time.Second))
	m.Thaw(b.t)
	b.c.ready(b.t)
}

func (b *breaker) cutOne() {
	way := b.ways[rand.IntN(len(b.ways))]
	way.cut()
	time.Sleep(some(500 * time.Millisecond))
	way.heal()
}

func (b *breaker) hangOne() { b.hang(some(1500 * time.Millisecond)) }

// hang has commits land whose answers are lost, since they are still on a slow way.
func (b *breaker) hang(d time.Duration) {
	way := b.ways[rand.IntN(len(b.ways))]
	way.delay(slow)
	time.Sleep(5 * slow)
	way.hang()
	time.Sleep(d)
	way.heal()
}

// flutter cuts a slow way again and again, with the same outcome.
func (b *breaker) flutter() {
	way := b.ways[rand.IntN(len(b.ways))]
	for range 10 {
		way.delay(slow)
		time.Sleep(5 * slow)
		way.cut()
		way.heal()
	}
}

// slow is a round trip on a slow way.
const slow = 20 * time.Millisecond

func (b *breaker) trouble() {
	if b.c.trouble == nil {
		return
	}
	b.c.trouble(true)
	time.Sleep(some(3 * time.Second))
	b.c.trouble(false)
}
