package store

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
)

// Digest is an order-free hash over the keys and revisions of all items of a realm: the sum of one hash an item.
// Two copies of a realm at one revision hold the same items if their digests are equal (but for a chance of 2^-64).
type Digest uint64

// With returns the digest after an item was added.
func (d Digest) With(key string, rev Rev) Digest { return d + itemHash(key, rev) }

// Without returns the digest after an item was removed.
func (d Digest) Without(key string, rev Rev) Digest { return d - itemHash(key, rev) }

// itemHash is part of what is stored: it must never change. Items at revision 0 do not count: no commit wrote them.
func itemHash(key string, rev Rev) Digest {
	if rev == 0 {
		return 0
	}
	h := fnv.New64a()
	h.Write([]byte(key))
	var b [9]byte // a zero byte, which no key contains, keeps keys and revisions apart
	binary.BigEndian.PutUint64(b[1:], uint64(rev))
	h.Write(b[:])
	return Digest(mix(h.Sum64()))
}

// mix spreads FNV's weak high bits over the whole word (the finaliser of MurmurHash3), since digests are sums.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// Chain is a hash over the ids of all commits in their order. Two copies of a realm at one revision have the same past if their chains are
// equal: a database that was restored and written to again has another one.
type Chain uint64

// With returns the chain after one more commit. It is part of what is stored: it must never change.
func (c Chain) With(id string) Chain {
	h := fnv.New64a()
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(c))
	h.Write(b[:])
	h.Write([]byte(id))
	return Chain(mix(h.Sum64()))
}

// Next returns the head that c leads to from h.
func (h Head) Next(c Commit) Head {
	next := Head{Rev: h.Rev + 1, Digest: h.Digest, Chain: h.Chain.With(c.ID)}
	for _, op := range c.Ops {
		next.Digest = next.Digest.Without(op.Key, op.Was)
		if op.Value != nil {
			next.Digest = next.Digest.With(op.Key, next.Rev)
		}
	}
	return next
}

// Check returns ErrTooLarge, with the reason, if c is over the limits that all stores share, and an error if it is no commit at all.
func (c Commit) Check() error {
	if c.ID == "" || len(c.Ops) == 0 {
		return fmt.Errorf("a commit needs an id and at least one op")
	}
	if len(c.Ops) > MaxOps {
		return fmt.Errorf("%w: %d ops, at most %d are allowed", ErrTooLarge, len(c.Ops), MaxOps)
	}
	total := 0
	seen := make(map[string]bool, len(c.Ops))
	for _, op := range c.Ops {
		switch {
		case op.Key == "" || len(op.Key) > MaxKeyBytes:
			return fmt.Errorf("%w: a key of %d bytes, 1 to %d are allowed", ErrTooLarge, len(op.Key), MaxKeyBytes)
		case len(op.Value) > MaxValueBytes:
			return fmt.Errorf("%w: a record of %d bytes under %q, at most %d are allowed", ErrTooLarge, len(op.Value), op.Key, MaxValueBytes)
		case seen[op.Key]:
			return fmt.Errorf("the key %q stands in one commit twice", op.Key)
		}
		seen[op.Key] = true
		total += len(op.Value)
	}
	if total > MaxCommitBytes {
		return fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrTooLarge, total, MaxCommitBytes)
	}
	return nil
}
