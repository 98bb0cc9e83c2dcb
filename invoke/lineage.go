package invoke

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"math/rand/v2"
	"sync"
)

// maxHops is how many deliveries may follow one after the other.
const maxHops = 16

// lineage says how an event came about: all events that follow from one are its chain, and hops is how many deliveries led to this one.
type lineage struct {
	chain chain
	hops  byte
}

type chain [16]byte

// newLineage begins a chain. Its id need not be a secret, since lineages are signed.
func newLineage() (l lineage) {
	binary.NativeEndian.PutUint64(l.chain[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(l.chain[8:], rand.Uint64())
	return l
}

// A token is a lineage that is signed, in base64url: a version, the chain, the hops, and half of an HMAC-SHA256 (RFC 2104, 5) of those.
const (
	tokenVersion = 1
	claimBytes   = 1 + 16 + 1
	macBytes     = 16
)

// signer makes and reads tokens. Gateways that have the same key read each other's.
type signer struct{ macs sync.Pool }

func newSigner(key []byte) *signer {
	return &signer{sync.Pool{New: func() any { return &mac{Hash: hmac.New(sha256.New, key)} }}}
}

// mac keeps the room that signing needs.
type mac struct {
	hash.Hash
	sum   [sha256.Size]byte
	token [claimBytes + macBytes]byte
	text  [(claimBytes+macBytes)*8/6 + 1]byte
}

func (m *mac) sign(claim []byte) []byte {
	m.Reset()
	m.Write(claim)
	return m.Sum(m.sum[:0])[:macBytes]
}

// token returns a lineage as text.
func (s *signer) token(l lineage) string {
	m := s.macs.Get().(*mac)
	defer s.macs.Put(m)
	claim := append(append(append(m.token[:0], tokenVersion), l.chain[:]...), l.hops)
	return string(base64.RawURLEncoding.AppendEncode(m.text[:0], append(claim, m.sign(claim)...)))
}

// lineage reads a token. What this gateway, or one with its key, did not make is none.
func (s *signer) lineage(token string) (l lineage, ok bool) {
	m := s.macs.Get().(*mac)
	defer s.macs.Put(m)
	if len(token) != base64.RawURLEncoding.EncodedLen(len(m.token)) {
		return l, false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(m.token[:], []byte(token))
	claim := m.token[:claimBytes]
	if err != nil || n != len(m.token) || claim[0] != tokenVersion || !hmac.Equal(m.sign(claim), m.token[claimBytes:]) {
		return l, false
	}
	copy(l.chain[:], claim[1:])
	l.hops = claim[claimBytes-1]
	return l, true
}
