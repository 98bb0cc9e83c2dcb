package upkeep_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/memory"
	"github.com/event-gateway/event-gateway/store/upkeep"
)

func check(ctx context.Context, s store.Database, o upkeep.CheckOptions) (out string, err error) {
	o.Rules = rules()
	var b strings.Builder
	err = upkeep.Check(ctx, s, o, &b)
	return b.String(), err
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s := memory.New()
	f := func(want string, o upkeep.CheckOptions) {
		t.Helper()
		want = strings.ReplaceAll(want, "T", `[0-9.]+(ns|µs|ms|s)`)
		if out, err := check(t.Context(), s, o); err != nil || !regexp.MustCompile(`^`+want+`$`).MatchString(out) {
			t.Errorf("%+v: %v\n%swant\n%s", o, err, out, want)
		}
	}
	speeds := "reads     allowed\ncatch-up  median T, worst T of 10\n"
	writes := "writes    allowed\ncommit    median T, worst T of 10\nwaits     from a commit to its being noticed: median T, worst T of 5\n"
	f(speeds+writes+"realms    nobody has written to the shared realm; -deep looks for those of spaces\n", upkeep.CheckOptions{})
	f(speeds+writes+"records   0 in 0 realms\n", upkeep.CheckOptions{Deep: true})
	fill(t, s, store.Shared).put(function("default", "f")).put(function("default", "g")).commit()
	f(speeds+writes+"realms    the shared realm is there, at revision 1; -deep reads all\n", upkeep.CheckOptions{})
	fill(t, s, "acme").put(function("acme", "f")).commit()
	f(speeds+writes+"realm     \"_\": revision 1, 2 records, a log of 1 commit\nrealm     \"acme\": revision 1, 1 record, a log of 1 commit\nrecords   3 in 2 realms\n", upkeep.CheckOptions{Deep: true})
	_, before, _ := s.Load(t.Context(), "_check")
	f(speeds+"writes    not tried\nrealms    the shared realm is there, at revision 1; -deep reads all\n", upkeep.CheckOptions{ReadOnly: true})
	if items, after, _ := s.Load(t.Context(), "_check"); len(items) > 0 || after != before || after.Rev == 0 {
		t.Errorf("it leaves %d records at %v; before -read-only the realm was at %v", len(items), after, before)
	}
}

// TestCheckFinds: what does not fit together is named, by key only.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	f := func(prepare func(s *hooked), wants ...string) {
		t.Helper()
		s := &hooked{Store: memory.New()}
		fill(t, s, "good").put(function("good", "f")).commit()
		w := fill(t, s, "acme")
		for i := range 40 {
			w.put(function("acme", fmt.Sprint(i))).commit()
		}
		prepare(s)
		out, err := check(t.Context(), s, upkeep.CheckOptions{Deep: true})
		if err == nil || strings.Contains(out+err.Error(), secret) || strings.Count(err.Error(), "\n") != len(wants)-1 {
			t.Errorf("%s%v: want %d problems", out, err, len(wants))
			return
		}
		for i, line := range strings.Split(err.Error(), "\n") {
			if !strings.HasPrefix(line, `realm "acme": `+wants[i]) {
				t.Errorf("got %q, want %q", line, wants[i])
			}
		}
	}
	commit := func(s *hooked, op store.Op) {
		_, head, _ := s.Load(t.Context(), "acme")
		if _, err := s.Store.Commit(t.Context(), "acme", head, store.Commit{ID: "x", Ops: []store.Op{op}}); err != nil {
			t.Fatal(err)
		}
	}
	key, value := function("acme", "1")
	f(func(s *hooked) { commit(s, store.Op{Key: key, Was: 77, Value: []byte(value)}) }, "the records do not match the digest")
	f(func(s *hooked) { commit(s, store.Op{Key: key, Was: 2, Value: []byte(secret)}) }, `1 record cannot be read by this version, nor served: "functions/acme/1"`)
	f(func(s *hooked) { commit(s, store.Op{Key: "nokey", Value: []byte(secret)}) }, `1 record cannot be read by this version, nor served: "nokey"`)
	log := func(change func(c *store.Commit)) func(s *hooked) {
		return func(s *hooked) {
			s.changes = func(commits []store.Commit, _ time.Duration) []store.Commit {
				for i := range commits {
					if commits[i].Rev == 30 {
						change(&commits[i])
					}
				}
				return commits
			}
		}
	}
	f(log(func(c *store.Commit) { c.ID = "other" }), "the log does not lead to the head")
	f(log(func(c *store.Commit) { c.Ops[0].Value = []byte("other") }), `1 record is not what the log says: "functions/acme/29"`)
	f(log(func(c *store.Commit) { c.Ops[0].Value = nil }), "the log does not lead to the head", `1 record is not what the log says: "functions/acme/29"`)
	f(log(func(c *store.Commit) { c.Ops[0].Key = "functions/acme/x" }), "the log does not lead to the head", `2 records are not what the log says: "functions/acme/29", "functions/acme/x"`)
	// A log that does not reach back to the first commit says nothing of the chain until then, but what its commits wrote.
	trimmed := func(upTo store.Rev, then func(s *hooked)) func(s *hooked) {
		return func(s *hooked) { s.Trim("acme", upTo); then(s) }
	}
	f(trimmed(20, log(func(c *store.Commit) { c.Ops[0].Value = []byte("other") })), `1 record is not what the log says: "functions/acme/29"`)
}

// TestCheckTrimmed: as much of the log is read as there is.
func TestCheckTrimmed(t *testing.T) {
	t.Parallel()
	s := memory.New()
	w := fill(t, s, "acme")
	for i := range 100 {
		w.put(function("acme", fmt.Sprint(i))).commit()
	}
	for upTo := range store.Rev(101) {
		s.Trim("acme", upTo)
		out, err := check(t.Context(), s, upkeep.CheckOptions{Deep: true, ReadOnly: true})
		if want := fmt.Sprintf("revision 100, 100 records, a log of %d commit", 100-upTo); err != nil || !strings.Contains(out, want) {
			t.Fatalf("trimmed up to %d: %s%v", upTo, out, err)
		}
	}
}

// TestCheckBesideWriters: what gateways write meanwhile, and other checks, is no failure.
func TestCheckBesideWriters(t *testing.T) {
	t.Parallel()
	endpoint := etcdServer(t)
	var writing, checking sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	for i := range 3 {
		w := fill(t, openEtcd(t, endpoint, "/p"), store.Realm(fmt.Sprint("space-", i)))
		writing.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				w.put(function(string(w.realm), fmt.Sprint(n%50)))
				if n%7 == 6 {
					w.commit()
				}
				if n%50 == 49 {
					w.commit()
					w.delete("functions/" + string(w.realm) + "/49").commit()
				}
			}
		})
	}
	for range 3 {
		s := openEtcd(t, endpoint, "/p")
		checking.Go(func() {
			for range 3 {
				if out, err := check(t.Context(), s, upkeep.CheckOptions{Deep: true}); err != nil {
					t.Errorf("%s%v", out, err)
				}
			}
		})
	}
	checking.Wait()
	cancel()
	writing.Wait()
}

// TestCheckRefused: a login that may only read.
func TestCheckRefused(t *testing.T) {
	t.Parallel()
	s := &hooked{Store: memory.New()}
	s.commit = func(context.Context, store.Realm, store.Head, store.Commit) (store.Head, error) {
		return store.Head{}, fmt.Errorf("%w: etcd at h: permission denied", store.ErrUnusable)
	}
	out, err := check(t.Context(), s, upkeep.CheckOptions{Deep: true})
	if want := "writes: etcd at h: permission denied (-read-only leaves them out)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if !strings.Contains(out, "reads     allowed") || !strings.Contains(out, "records   0 in 0 realms") || strings.Contains(out, "writes") {
		t.Error(out)
	}
	if out, err := check(t.Context(), s, upkeep.CheckOptions{ReadOnly: true}); err != nil {
		t.Error(out, err)
	}
}

// TestCheckCleans: no record stays behind, also if it is not known whether one was written, or a check before was killed.
func TestCheckCleans(t *testing.T) {
	t.Parallel()
	for lost := range 16 { // a check makes 15 commits
		s := &hooked{Store: memory.New()}
		fill(t, s, "_check").put("check/0190163d-8694-7398-8ab6-1e3b2c5d4e6f", "killed in 2024").put("check/"+uuid.Must(uuid.NewV7()).String(), "under way").commit()
		n := 0
		s.commit = func(ctx context.Context, realm store.Realm, at store.Head, c store.Commit) (store.Head, error) {
			head, err := s.Store.Commit(ctx, realm, at, c)
			if n++; n == lost {
				return store.Head{}, errors.New("the answer is lost")
			}
			return head, err
		}
		_, err := check(t.Context(), s, upkeep.CheckOptions{})
		items, head, _ := s.Load(t.Context(), "_check")
		var digest store.Digest
		for _, item := range items {
			digest = digest.With(item.Key, item.Rev)
		}
		if (err != nil) != (lost > 0) || len(items) != 1 || string(items[0].Value) != "under way" || digest != head.Digest {
			t.Errorf("answer %d lost: %v, %v left behind, digest %x, want %x", lost, err, items, digest, head.Digest)
		}
	}
}

// TestCheckWaits: a store that tells those who wait only when their time is over, one that loses what is written, and one that does not answer.
func TestCheckWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &hooked{Store: memory.New()}
		s.changes = func(commits []store.Commit, wait time.Duration) []store.Commit {
			time.Sleep(wait)
			return commits
		}
		out, err := check(t.Context(), s, upkeep.CheckOptions{})
		if want := "waits: a change was not noticed within 10s: gateways would be late"; err == nil || err.Error() != want {
			t.Errorf("%sgot %v, want %s", out, err, want)
		}
		if items, _, _ := s.Load(t.Context(), "_check"); len(items) > 0 {
			t.Errorf("%d records are left behind", len(items))
		}
	})
	s := &hooked{Store: memory.New()}
	s.commit = func(ctx context.Context, realm store.Realm, at store.Head, c store.Commit) (store.Head, error) {
		for i := range c.Ops {
			c.Ops[i].Key += "?"
		}
		return s.Store.Commit(ctx, realm, at, c)
	}
	if _, err := check(t.Context(), s, upkeep.CheckOptions{}); err == nil || err.Error() != "writes: a record that was written just now is not there" {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := check(ctx, s, upkeep.CheckOptions{}); err == nil || err.Error() != "interrupted" {
		t.Error(err)
	}
	s.Close()
	if _, err := check(t.Context(), s, upkeep.CheckOptions{ReadOnly: true}); err == nil || !strings.Contains(err.Error(), "reads: "+store.ErrClosed.Error()) {
		t.Error(err)
	}
}
