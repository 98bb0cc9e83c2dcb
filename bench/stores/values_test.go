package stores

import (
	"errors"
	"strings"

	"github.com/event-gateway/event-gateway/store"
)

var (
	aHead   = store.Head{Rev: 1000, Digest: 1 << 60, Chain: 1 << 61}.String()
	aRecord = strings.Repeat("v", 300)
)

// swapped returns an error if a transaction of one key, which nobody else writes, did not succeed.
func swapped(ok bool) error {
	if !ok {
		return errors.New("the client's own transaction failed")
	}
	return nil
}
