package store_test

import (
	"sync"
	"testing"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/memory"
)

func (i *instance) eventType(t *testing.T, space, body string) error {
	t.Helper()
	e, err := i.rules.DecodeEventType([]byte(body), space, "")
	if err == nil {
		_, err = i.config.CreateEventType(t.Context(), e)
	}
	return err
}

// TestAuthorizer: who has to be asked before an event goes in. What cannot be read lets nothing in.
func TestAuthorizer(t *testing.T) {
	t.Parallel()
	m := memory.New()
	i := newInstance(t, m)
	i.function(t, "aaa", "auth")
	for _, body := range []string{`{"name":"open"}`, `{"name":"paid","authorizerId":"auth"}`} {
		if err := i.eventType(t, "aaa", body); err != nil {
			t.Fatal(err)
		}
	}
	f := func(space, eventType, wantID string, wanted, readable bool) {
		t.Helper()
		for _, s := range []*store.Snapshot{i.live.Snapshot(), newInstance(t, m).live.Snapshot()} {
			fn, id, got := s.Authorizer(space, eventType)
			if id != wantID || got != wanted || (fn != nil) != readable || fn != nil && fn.ID != wantID {
				t.Errorf("Authorizer(%s, %s) is %v, %q, %t", space, eventType, fn, id, got)
			}
		}
	}
	change := func(items map[string]string) {
		t.Helper()
		commitRaw(t, m, items)
		if err := i.live.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	f("aaa", "paid", "auth", true, true)
	f("aaa", "open", "", false, false)
	f("aaa", "nothing", "", false, false)
	f("bbb", "paid", "", false, false)

	was := rawItem(t, m, "functions/aaa/auth")
	change(map[string]string{"functions/aaa/auth": "nonsense"})
	f("aaa", "paid", "auth", true, false)
	change(map[string]string{"functions/aaa/auth": was})
	f("aaa", "paid", "auth", true, true)

	// No type has an authorizer any more, that can be read.
	change(map[string]string{"eventtypes/aaa/paid": `{"space":"aaa","name":"paid","authorizerId":["auth"]}`})
	f("aaa", "paid", "", true, false)
	f("aaa", "open", "", false, false)
	change(map[string]string{"eventtypes/aaa/paid": `{"space":"aaa","name":"other","authorizerId":"auth"}`})
	f("aaa", "paid", "", true, false)
	f("aaa", "other", "", false, false)
	change(map[string]string{"eventtypes/aaa/paid": `{"space":"aaa","name":"paid"}`})
	f("aaa", "paid", "", false, false)
	change(map[string]string{"eventtypes/aaa/paid": `{"space":"aaa","name":"paid","authorizerId":"auth"}`})
	f("aaa", "paid", "auth", true, true)
	// X1: a system event is not authorized, whatever is stored.
	change(map[string]string{"eventtypes/aaa/eventgateway.x": `{"space":"aaa","name":"eventgateway.x","authorizerId":"auth"}`, "eventtypes/aaa/gateway.y": "nonsense"})
	f("aaa", "eventgateway.x", "", false, false)
	f("aaa", "gateway.y", "", false, false)
}

// TestAuthorizerAtOnce: a function is not deleted while it becomes an authorizer, though both are asked for at the same time.
func TestAuthorizerAtOnce(t *testing.T) {
	t.Parallel()
	for range 50 {
		m := memory.New()
		a, b := newInstance(t, m), newInstance(t, m)
		a.function(t, "aaa", "auth")
		if err := b.live.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var made, gone error
		wg.Go(func() { made = a.eventType(t, "aaa", `{"name":"paid","authorizerId":"auth"}`) })
		wg.Go(func() { _, gone = b.config.DeleteFunction(t.Context(), "aaa", "auth", nil) })
		wg.Wait()
		if (made == nil) == (gone == nil) {
			t.Fatalf("created: %v, deleted: %v", made, gone)
		}
	}
}

func rawItem(t *testing.T, s store.Store, key string) string {
	t.Helper()
	items, _, err := s.Load(t.Context(), store.Shared)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range items {
		if item.Key == key {
			return string(item.Value)
		}
	}
	t.Fatal("there is no", key)
	return ""
}
