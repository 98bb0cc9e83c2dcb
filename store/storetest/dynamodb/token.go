package dynamodb

import (
	"crypto/sha256"
	"time"

	"github.com/go-json-experiment/json"
)

// token stands for a transaction that landed or is under way, for ten minutes.
type token struct {
	content [sha256.Size]byte
	done    bool
	at      time.Time
}

// begin looks the transaction's token up, and says whether the transaction landed already.
func (d *database) begin(in transactWriteItemsInput) (landed bool, err error) {
	if in.ClientRequestToken == nil {
		return false, nil
	}
	now := d.now()
	for len(d.oldest) > 0 {
		if t := d.tokens[d.oldest[0]]; t != nil && (!t.done || now.Sub(t.at) < tokenAge) {
			break
		}
		delete(d.tokens, d.oldest[0])
		d.oldest = d.oldest[1:]
	}
	b, err := json.Marshal(in.TransactItems, json.Deterministic(true))
	if err != nil {
		return false, err
	}
	name, content := *in.ClientRequestToken, sha256.Sum256(b)
	switch t := d.tokens[name]; {
	case t == nil:
		d.tokens[name] = &token{content: content}
		d.oldest = append(d.oldest, name)
		return false, nil
	case t.content != content:
		return false, fail("IdempotentParameterMismatchException",
			"The request uses the same client token as a previous, but non-identical request.")
	case !t.done:
		return false, fail("TransactionInProgressException", "The transaction with the given request token is already in progress.")
	}
	return true, nil
}

// end keeps the token of a transaction that landed, and forgets that of another.
func (d *database) end(in transactWriteItemsInput, landed bool) {
	if in.ClientRequestToken == nil {
		return
	}
	if !landed {
		delete(d.tokens, *in.ClientRequestToken)
		return
	}
	t := d.tokens[*in.ClientRequestToken]
	t.done, t.at = true, d.now()
}
