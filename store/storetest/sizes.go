package storetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/event-gateway/event-gateway/store"
)

func (s suite) sizes(t *testing.T) {
	s.test(t, "the largest commit", sizesCommit)
	s.test(t, "a realm of many items", sizesRealm)
}

func sizesCommit(t *testing.T, e env) {
	f := e.follow(t)
	many := make([]store.Op, store.MaxOps)
	for i := range many {
		key := fmt.Sprintf("%0*d", store.MaxKeyBytes, i)
		many[i] = put(key, strings.Repeat("\xff", store.MaxCommitBytes/store.MaxOps))
	}
	large := make([]store.Op, store.MaxCommitBytes/store.MaxValueBytes)
	for i := range large {
		large[i] = put(fmt.Sprint("large", i), strings.Repeat("\x00", store.MaxValueBytes))
	}
	for _, ops := range [][]store.Op{many, large} {
		c := f.commit(ops...)
		if err := c.Check(); err != nil {
			t.Fatalf("the test is wrong: %v", err)
		}
	}
	f.check()
	reader := e.follow(t)
	reader.catchUp()
	reader.check()
}

func sizesRealm(t *testing.T, e env) {
	const items = 12_000
	f := e.follow(t)
	for n := 0; n < items; n += store.MaxOps {
		ops := make([]store.Op, store.MaxOps)
		for i := range ops {
			ops[i] = put(fmt.Sprintf("subscription/%d", n+i), strings.Repeat("v", 20+i))
		}
		f.commit(ops...)
	}
	f.commit(del("subscription/0"), put("subscription/11999", "changed"), del("subscription/5000"))
	if len(f.items) != items-2 {
		t.Fatalf("the test is wrong: %d items", len(f.items))
	}
	f.check()
	reader := e.follow(t)
	reader.catchUp()
	reader.check()
}
