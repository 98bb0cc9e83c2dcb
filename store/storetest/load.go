package storetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/event-gateway/event-gateway/store"
)

func (s suite) load(t *testing.T) {
	s.test(t, "a realm that nobody wrote to is empty and at revision 0", loadEmpty)
	s.test(t, "returns the items as they were committed", loadItems)
	s.test(t, "is no older than the call", loadFresh)
	s.test(t, "is one consistent state while others write", loadConsistent)
	s.test(t, "realms are independent", loadRealms)
}

func loadEmpty(t *testing.T, e env) {
	items, head, err := e.Open().Load(e.ctx, e.realm)
	if len(items) != 0 || head != (store.Head{}) || err != nil {
		t.Errorf("got %v, %v, %v", items, head, err)
	}
}

func loadItems(t *testing.T, e env) {
	f := e.follow(t)
	binary := string([]byte{0, 1, 2, 0xff, 0xfe, '\n'})
	f.commit(put("a", "1"), put("a/b", "2"), put("a/b/c", "3"))
	f.commit(put("empty", ""), put("binary", binary), put("spaces", " 7 8 "))
	f.commit(put("a key with spaces", "x"), put("ü/~/€/😀", "y"), put("%2f", "z"), put("-", ""), put("k"+strings.Repeat("/0", 200), "deep"))
	f.commit(put("a", "changed"))
	f.check()
	// What a caller does with the slices that it was given is its own affair.
	items, _, _ := f.store.Load(e.ctx, e.realm)
	for _, i := range items {
		clear(i.Value)
	}
	f.check()
}

func loadFresh(t *testing.T, e env) {
	writer, reader := e.follow(t), e.Open()
	for i := range 20 {
		writer.commit(put("k", fmt.Sprint(i)))
		if _, head, err := reader.Load(e.ctx, e.realm); head != writer.head || err != nil {
			t.Fatalf("after commit %d: got %v, %v; want %v", i, head, err, writer.head)
		}
	}
}

func loadConsistent(t *testing.T, e env) {
	const keys = 40
	writer, reader := e.follow(t), e.Open()
	done := make(chan struct{})
	defer beside(t, func() error {
		defer close(done)
		for i := range 150 {
			value := fmt.Sprint(i)
			ops := []store.Op{put(fmt.Sprintf("only-%d", i), value), del(fmt.Sprintf("only-%d", i-1))}
			for k := range keys {
				ops = append(ops, put(fmt.Sprintf("all-%d", k), value))
			}
			if _, err := writer.commitSometime(ops...); err != nil {
				return err
			}
		}
		return nil
	})()
	for n, last := 0, false; !last; n++ {
		select {
		case <-done:
			last = true
		default:
		}
		items, head, err := reader.Load(e.ctx, e.realm)
		if err != nil {
			t.Fatal(err)
		}
		if d := digest(items); d != head.Digest {
			t.Fatalf("load %d, at revision %d: the items' digest is %x, the head's %x", n, head.Rev, d, head.Digest)
		}
		for _, i := range items {
			if i.Rev != head.Rev || string(i.Value) != string(items[0].Value) {
				t.Fatalf("load %d, at revision %d: %q is of revision %d; all items change with each", n, head.Rev, i.Key, i.Rev)
			}
		}
		if head.Rev > 0 && len(items) != keys+1 {
			t.Fatalf("load %d, at revision %d: %d items, want %d", n, head.Rev, len(items), keys+1)
		}
	}
}

func loadRealms(t *testing.T, e env) {
	var all []*follower
	for _, suffix := range []string{"", "a", "b", "-"} { // names that begin alike
		f := e.follow(t)
		f.realm += store.Realm(suffix)
		f.commit(put("k", "of "+suffix), put("k/"+suffix, ""))
		all = append(all, f)
	}
	all[1].commit(del("k"))
	for _, f := range all {
		f.check()
		f.catchUp()
	}
	if all[0].head.Rev != 1 || all[1].head.Rev != 2 {
		t.Errorf("revisions %d and %d, want 1 and 2", all[0].head.Rev, all[1].head.Rev)
	}
}
