package store

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// How heads and log entries are written in every database. Both are read by other versions of the gateway.

// String returns the stored form of a head: the revision in decimal, the digest and the chain in 16 hex digits each.
func (h Head) String() string {
	return fmt.Sprintf("%d %016x %016x", h.Rev, uint64(h.Digest), uint64(h.Chain))
}

// ParseHead reads what Head.String wrote. The empty string is the head of a realm that nobody wrote to.
func ParseHead(s string) (Head, error) {
	if s == "" {
		return Head{}, nil
	}
	fields := strings.Split(s, " ")
	if len(fields) != 3 {
		return Head{}, fmt.Errorf("%.60q is no head of a realm", s)
	}
	rev, err1 := strconv.ParseUint(fields[0], 10, 64)
	digest, err2 := strconv.ParseUint(fields[1], 16, 64)
	chain, err3 := strconv.ParseUint(fields[2], 16, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return Head{}, fmt.Errorf("%.60q is no head of a realm", s)
	}
	return Head{Rev: Rev(rev), Digest: Digest(digest), Chain: Chain(chain)}, nil
}

type storedCommit struct {
	ID  string     `json:"id"`
	Ops []storedOp `json:"ops"`
}

type storedOp struct {
	Key   string `json:"key"`
	Was   Rev    `json:"was,omitzero"`
	Value []byte `json:"value,omitzero"` // base64; absent: deleted
}

// Encode returns the stored form of a log entry: JSON, with the values in base64. Its revision is in its key.
func (c Commit) Encode() ([]byte, error) {
	s := storedCommit{ID: c.ID, Ops: make([]storedOp, len(c.Ops))}
	for i, op := range c.Ops {
		s.Ops[i] = storedOp(op)
	}
	return json.Marshal(s)
}

// DecodeCommit reads what Commit.Encode wrote.
func DecodeCommit(rev Rev, stored []byte) (Commit, error) {
	var s storedCommit
	if err := json.Unmarshal(stored, &s); err != nil {
		return Commit{}, fmt.Errorf("the log entry of revision %d cannot be read: %w", rev, err)
	}
	c := Commit{ID: s.ID, Rev: rev, Ops: make([]Op, len(s.Ops))}
	for i, op := range s.Ops {
		c.Ops[i] = Op(op)
	}
	return c, nil
}
