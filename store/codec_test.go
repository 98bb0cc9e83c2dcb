package store_test

import (
	"testing"

	"github.com/event-gateway/event-gateway/store"
)

// TestNewerForms: a head of a form that this version does not know is refused, so that nothing is committed on it. What a newer version adds
// to a log entry does no harm: the head says whether the rest is the whole change.
func TestNewerForms(t *testing.T) {
	t.Parallel()
	head := store.Head{Rev: 12, Digest: 0xa, Chain: 0xb}
	if got, err := store.ParseHead(head.String()); got != head || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	for _, stored := range []string{
		head.String() + " 1", "v2 " + head.String(), `{"rev":12}`, "12 a", "12 a b c", "-1 a b", "12 a 1g", "12  a b", " ", "18446744073709551616 a b",
	} {
		if got, err := store.ParseHead(stored); err == nil || got != (store.Head{}) {
			t.Errorf("%q: got %v, want an error", stored, got)
		}
	}
	c, err := store.DecodeCommit(3, []byte(`{"newer":{"a":[1]},"id":"x","ops":[{"key":"k","newer":1,"value":"dg=="}]}`))
	if err != nil || c.ID != "x" || c.Rev != 3 || len(c.Ops) != 1 || c.Ops[0].Key != "k" || string(c.Ops[0].Value) != "v" {
		t.Errorf("got %+v, %v", c, err)
	}
}
