package upkeep_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/memory"
	"github.com/event-gateway/event-gateway/store/upkeep"
)

func TestCopy(t *testing.T) {
	t.Parallel()
	from, to := memory.New(), memory.New()
	for _, realm := range []store.Realm{"acme", "zebra"} {
		fill(t, from, realm).put(function(string(realm), "f")).put(subscription(string(realm), "GET", "/users")).commit()
	}
	f := fill(t, from, "acme").put(function("acme", "old")).put("functions/acme/broken", "{").put("functions/acme/empty", "").put("widgets/acme/new", "1")
	f.commit()
	f.delete("functions/acme/old").commit()
	f = fill(t, from, "empty").put(function("empty", "f"))
	f.commit()
	f.delete("functions/empty/f").commit()
	fill(t, from, "_check").put("check/x", "left behind").commit()

	want := contents(t, from)
	delete(want, "_check: check/x")
	out, err := copyOf(t.Context(), t, from, to, upkeep.Same)
	if err != nil {
		t.Fatal(out, err)
	}
	same(t, "copied", contents(t, to), want)
	if realms, _ := to.Realms(t.Context()); len(realms) != 2 {
		t.Errorf("realms: %v", realms)
	}
	for _, line := range []string{
		"found     7 records in 2 realms, 640 bytes\n",
		`warning   3 records, copied as stored, cannot be read by this version: "acme: functions/acme/broken", "acme: functions/acme/empty", "acme: widgets/acme/new"` + "\n",
		"copied    7 records to 2 realms, 640 bytes, 2 commits, ",
		"verified  FROM and TO were read and compared: 7 records, all the same\n",
	} {
		if !strings.Contains(out, line) {
			t.Errorf("there is no %q in\n%s", line, out)
		}
	}

	// Again: nothing is left to do. One record less: it is written.
	if out, err = copyOf(t.Context(), t, from, to, upkeep.Same); err != nil || !strings.Contains(out, "copied    0 records to 2 realms, 0 bytes, 0 commits") {
		t.Error(out, err)
	}
	_, head, _ := to.Load(t.Context(), "zebra")
	key, _ := function("zebra", "f")
	if _, err := to.Commit(t.Context(), "zebra", head, store.Commit{ID: "1", Ops: []store.Op{{Key: key, Was: 1}}}); err != nil {
		t.Fatal(err)
	}
	if out, err = copyOf(t.Context(), t, from, to, upkeep.Same); err != nil || !strings.Contains(out, "copied    1 record to 2 realms") {
		t.Error(out, err)
	}
	same(t, "completed", contents(t, to), want)
}

// TestLayouts goes from the shared layout to the hosted one and back.
func TestLayouts(t *testing.T) {
	t.Parallel()
	shared, hosted, back := memory.New(), memory.New(), memory.New()
	f := fill(t, shared, store.Shared)
	for i := range 300 {
		space := fmt.Sprintf("space-%d", i)
		f.put(function(space, "f")).put(subscription(space, "GET", "/"+space)).put("widgets/"+space+"/w", "x")
	}
	f.commit()
	for _, step := range []struct {
		from, to store.Database
		layout   upkeep.Layout
		told     string
	}{
		{shared, hosted, upkeep.Hosted, "copied    900 records to 300 realms"},
		{hosted, back, upkeep.Shared, "copied    900 records to 1 realm,"},
	} {
		if out, err := copyOf(t.Context(), t, step.from, step.to, step.layout); err != nil || !strings.Contains(out, step.told) {
			t.Fatal(out, err)
		}
		consistentButWidgets(t, step.to)
	}
	same(t, "there and back", contents(t, back), contents(t, shared))
	items, _, err := hosted.Load(t.Context(), "space-7")
	if err != nil || len(items) != 3 {
		t.Errorf("a space has %d records, %v", len(items), err)
	}
	// A store that has the layout already is copied as it is.
	for _, layout := range []upkeep.Layout{upkeep.Hosted, upkeep.Same} {
		again := memory.New()
		if out, err := copyOf(t.Context(), t, hosted, again, layout); err != nil {
			t.Fatal(out, err)
		}
		same(t, string(layout), contents(t, again), contents(t, hosted))
	}
}

// consistentButWidgets is consistent for a store with records that this version cannot read.
func consistentButWidgets(t *testing.T, s store.Database) {
	t.Helper()
	err := upkeep.Check(t.Context(), s, upkeep.CheckOptions{Deep: true, ReadOnly: true, Rules: rules()}, &strings.Builder{})
	if err == nil {
		t.Error("unreadable records are not told of")
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if !strings.Contains(line, "cannot be read") {
			t.Error(line)
		}
	}
}

// TestRefused: what cannot be copied is named before anything is written.
func TestRefused(t *testing.T) {
	t.Parallel()
	f := func(layout upkeep.Layout, prepare func(from, to *memory.Store), wants ...string) {
		t.Helper()
		from, to := memory.New(), memory.New()
		prepare(from, to)
		before := contents(t, to)
		out, err := copyOf(t.Context(), t, from, to, layout)
		if err == nil {
			t.Errorf("%q: copied: %s", wants, out)
			return
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("got %q, want %q", err, want)
			}
		}
		same(t, wants[0], contents(t, to), before)
	}
	one := func(s *memory.Store, realm store.Realm, keyAndValue ...string) {
		fill(t, s, realm).put(keyAndValue[0], keyAndValue[1]).commit()
	}
	put := func(s *memory.Store, realm store.Realm) func(key, value string) {
		return func(k, v string) { one(s, realm, k, v) }
	}

	f(upkeep.Same, func(from, to *memory.Store) {}, "FROM: it holds no records")
	f(upkeep.Same, func(from, to *memory.Store) {
		put(from, "acme")(function("acme", "f"))
		put(to, "acme")(function("acme", "g"))
	}, `TO holds 1 record that FROM does not have like that: "acme: functions/acme/g"`, "Nothing was written")
	f(upkeep.Same, func(from, to *memory.Store) {
		put(from, "acme")(function("acme", "f"))
		one(to, "acme", "functions/acme/f", "{}")
		for i := range 7 {
			put(to, "other")(function("other", fmt.Sprint(i)))
		}
	}, `TO holds 8 records`, `"acme: functions/acme/f", "other: functions/other/0"`, "and 3 more")
	f(upkeep.Hosted, func(from, to *memory.Store) {
		for _, space := range []string{"acme", "Acme", "a_b", "x"} {
			put(from, store.Shared)(function(space, "f"))
		}
		one(from, store.Shared, "functions/f", "{}")
	}, `FROM: 3 spaces cannot be hosted`, `"Acme", "a_b", "x"`, "\nFROM: 1 record is under a key", `"_: functions/f"`)
	f(upkeep.Shared, func(from, to *memory.Store) {
		put(from, "acme")(function("acme", "f"))
		put(from, "acme")(subscription("acme", "GET", "/users/:id"))
		put(from, "acme")(subscription("acme", "GET", "/acme"))
		put(from, "zebra")(subscription("zebra", "GET", "/users/:name"))
		put(from, "zebra")(subscription("zebra", "POST", "/users/:name"))
	}, `FROM: 1 route is there twice`, `"http GET /users/:name of the spaces acme and zebra"`)
	f(upkeep.Shared, func(from, to *memory.Store) {
		put(from, "acme")(function("zebra", "f"))
	}, `1 record is under a key that no gateway writes there`, `"acme: functions/zebra/f"`)
	for _, layout := range []upkeep.Layout{upkeep.Shared, upkeep.Hosted} {
		f(layout, func(from, to *memory.Store) {
			put(from, "acme")(function("acme", "f"))
			put(from, store.Shared)(function("acme", "f"))
		}, "FROM: it holds the shared realm and 1 realm of a space beside it")
	}
	f(upkeep.Same, func(from, to *memory.Store) {
		one(from, "acme", "functions/acme/f", strings.Repeat("x", store.MaxValueBytes+1))
	}, `FROM: realm "acme": the commit is too large: a record of 65537 bytes under "functions/acme/f"`)
	f(upkeep.Same, func(from, to *memory.Store) {
		put(from, "a/b")(function("acme", "f"))
		one(from, "acme", "functions/acme/\x00", "{}")
		one(from, "other", "functions/other/\xff", "{}")
	}, `FROM: "a/b" is no name of a realm`, `FROM: realm "acme": the key "functions/acme/\x00" is no text`, `"functions/other/\xff" is no text`)
}

// TestSameStore: the URLs of one store can differ.
func TestSameStore(t *testing.T) {
	t.Parallel()
	s := memory.New()
	fill(t, s, "acme").put(function("acme", "f")).commit()
	before := contents(t, s)
	_, err := copyOf(t.Context(), t, s, s, upkeep.Same)
	if err == nil || !strings.Contains(err.Error(), `FROM and TO are the same store, or one is a backup of the other: the realm "acme"`) {
		t.Error(err)
	}
	same(t, "afterwards", contents(t, s), before)
}

// TestUnknownOutcomes has commits fail that landed, and others that did not.
func TestUnknownOutcomes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from, to := memory.New(), &hooked{Store: memory.New()}
		for realm := range 3 {
			f := fill(t, from, store.Realm(fmt.Sprint("space-", realm)))
			for i := range 1000 {
				f.put(function(string(f.realm), fmt.Sprint(i)))
			}
			f.commit()
		}
		f := fill(t, from, "large")
		for i := range 20 { // two of them go into one commit
			f.put("large/large/"+fmt.Sprint(i), strings.Repeat("x", store.MaxValueBytes)).commit()
		}
		random := rand.New(rand.NewPCG(1, 2))
		landed, lost := 0, 0
		to.commit = func(ctx context.Context, realm store.Realm, at store.Head, c store.Commit) (head store.Head, err error) {
			fails := random.IntN(2) == 0
			if fails && random.IntN(2) == 0 {
				lost++
				return head, errors.New("away")
			}
			if head, err = to.Store.Commit(ctx, realm, at, c); err == nil && fails {
				landed++
				return store.Head{}, errors.New("no answer")
			}
			return head, err
		}
		out, err := copyOf(t.Context(), t, from, to, upkeep.Same)
		if err != nil || !strings.Contains(out, "copied    3020 records to 4 realms, ") || !strings.Contains(out, ", 61 commits, ") {
			t.Error(out, err)
		}
		same(t, "copied", contents(t, to), contents(t, from))
		consistentButWidgets(t, to)
		if landed < 5 || lost < 5 {
			t.Errorf("%d unknown outcomes, of which %d landed: too few", landed+lost, landed)
		}
	})
}

// TestAway: TO goes away for good, or refuses.
func TestAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from, to := memory.New(), &hooked{Store: memory.New()}
		f := fill(t, from, store.Shared)
		for i := range 200 {
			f.put(function("default", fmt.Sprint(i)))
		}
		f.commit()
		commits := 0
		away := errors.New("etcd does not answer")
		to.commit = func(ctx context.Context, realm store.Realm, at store.Head, c store.Commit) (store.Head, error) {
			if commits++; commits > 2 {
				return store.Head{}, away
			}
			return to.Store.Commit(ctx, realm, at, c)
		}
		began := time.Now()
		_, err := copyOf(t.Context(), t, from, to, upkeep.Same)
		if want := `TO: realm "_": etcd does not answer; 120 records are written so far: run the same command again to go on`; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if took := time.Since(began); took < 5*time.Second || took > time.Minute {
			t.Errorf("given up after %v", took)
		}
		away, began = fmt.Errorf("%w: no permission", store.ErrUnusable), time.Now()
		if _, err = copyOf(t.Context(), t, from, to, upkeep.Same); !errors.Is(err, store.ErrUnusable) || time.Since(began) > time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		to.commit = nil
		if out, err := copyOf(t.Context(), t, from, to, upkeep.Same); err != nil || !strings.Contains(out, "copied    80 records") {
			t.Error(out, err)
		}
		same(t, "completed", contents(t, to), contents(t, from))
	})
}

// TestFromChanges: what is written meanwhile is copied, too, if there is an end of it.
func TestFromChanges(t *testing.T) {
	t.Parallel()
	f := func(changes int) (out string, err error) {
		from, to := &hooked{Store: memory.New()}, memory.New()
		w := fill(t, from, store.Shared).put(function("default", "f")).put(function("default", "gone")).put(function("default", "changed"))
		w.commit()
		n := 0
		from.load = func(store.Realm) {
			if n++; n > 1 && n <= changes+1 {
				w.s = from.Store
				w.put(function("default", fmt.Sprint(n))).put("functions/default/changed", fmt.Sprint(n))
				if n == 2 {
					w.delete("functions/default/gone")
				}
				w.commit()
			}
		}
		out, err = copyOf(t.Context(), t, from, to, upkeep.Same)
		from.load = nil
		if err == nil {
			same(t, fmt.Sprint(changes, " changes"), contents(t, to), contents(t, from))
		}
		consistentButWidgets(t, to)
		return out, err
	}
	for changes := 1; changes <= 5; changes++ {
		if out, err := f(changes); err != nil {
			t.Errorf("%d changes: %s%v", changes, out, err)
		}
	}
	if out, err := f(1000); err == nil || !strings.Contains(err.Error(), "FROM changes all the while, and 2 changes are not copied") {
		t.Error(out, err)
	}
}

// TestOthersWrite: TO belongs to the copy while it runs.
func TestOthersWrite(t *testing.T) {
	t.Parallel()
	from, to := memory.New(), &hooked{Store: memory.New()}
	f := fill(t, from, store.Shared)
	for i := range 200 {
		f.put(function("default", fmt.Sprint(i)))
	}
	f.commit()
	commits := 0
	to.commit = func(ctx context.Context, realm store.Realm, at store.Head, c store.Commit) (store.Head, error) {
		if commits++; commits == 2 {
			fill(t, to.Store, realm).put(function("default", "other")).commit()
		}
		return to.Store.Commit(ctx, realm, at, c)
	}
	_, err := copyOf(t.Context(), t, from, to, upkeep.Same)
	if want := `TO is written to by others meanwhile: "_: functions/default/other"`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestInterrupted: it ends between two commits, and goes on when it is run again.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	from, to := memory.New(), &hooked{Store: memory.New()}
	f := fill(t, from, store.Shared)
	for i := range 600 {
		f.put(function("default", fmt.Sprint(i)))
	}
	f.commit()
	ctx, cancel := context.WithCancel(t.Context())
	commits := 0
	to.commit = func(ctx context.Context, realm store.Realm, at store.Head, c store.Commit) (store.Head, error) {
		if commits++; commits == 4 {
			cancel() // while this one is under way
		}
		return to.Store.Commit(ctx, realm, at, c)
	}
	_, err := copyOf(ctx, t, from, to, upkeep.Same)
	if want := "interrupted; 240 records are written so far: run the same command again to go on"; err == nil || err.Error() != want || commits != 4 {
		t.Errorf("after %d commits: got %v, want %s", commits, err, want)
	}
	if out, err := copyOf(t.Context(), t, from, to, upkeep.Same); err != nil || !strings.Contains(out, "copied    360 records") {
		t.Error(out, err)
	}
	same(t, "completed", contents(t, to), contents(t, from))
	consistent(t, to)
}
