package consul

import (
	"strings"
	"testing"

	"github.com/event-gateway/event-gateway/store"
)

func TestHeadValue(t *testing.T) {
	t.Parallel()
	h := store.Head{Rev: 7, Digest: 8, Chain: 9}
	f := func(realm store.Realm, entry string, kept bool) {
		t.Helper()
		got, err := headOf(pair{Value: headValue(realm, h, []byte(entry)), Flags: 5, ModifyIndex: 6})
		if err != nil || got.Head != h || got.oldest != 5 || got.index != 6 || (got.entry != nil) != kept || kept && string(got.entry) != entry {
			t.Errorf("%s, %.20q: got %v, %v", realm, entry, got, err)
		}
	}
	f("r", `{"id":"x y z"}`, false)
	f(store.Shared, `{"id":"x y z"}`, true)
	f(store.Shared, strings.Repeat("x", largestKept), true)
	f(store.Shared, strings.Repeat("x", largestKept+1), false)
}
