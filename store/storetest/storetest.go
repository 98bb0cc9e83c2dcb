// Package storetest is the suite that every backend of package store passes. Each subtest is named after a sentence of the
// contract in store.Store.
package storetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// Env is the database that one subtest works on. Subtests run at once and use realms of different names, so that all Envs of a
// run may be one database. It need not be empty of other realms.
type Env struct {
	// Open returns a client of the database. The backend closes it when the subtest ends, if the subtest has not. A backend
	// whose clients cannot be told apart may return the same one each time.
	Open func() store.Store
	// Trim removes all entries of the realm's log up to and including the given revision, as age would.
	Trim func(realm store.Realm, upTo store.Rev)
}

// Run runs the suite. It calls open once a subtest, and expects that what open starts ends with the t that it is given. The sentences of without
// are left out, for an emulator that is too slow for them.
func Run(t *testing.T, open func(t *testing.T) Env, without ...string) {
	suite := suite{open: open, without: without, run: strings.ToLower(rand.Text()[:10])}
	t.Run("Load", suite.load)
	t.Run("Changes", suite.changes)
	t.Run("Wait", suite.wait)
	t.Run("Commit", suite.commit)
	t.Run("Heads", suite.heads)
	t.Run("Ends", suite.ends)
	t.Run("Sizes", suite.sizes)
	t.Run("Versions", suite.versions)
}

type suite struct {
	open    func(t *testing.T) Env
	without []string
	run     string // makes the realms of this run its own
}

// test runs one subtest beside the others, with a realm of its own.
func (s suite) test(t *testing.T, sentence string, f func(t *testing.T, e env)) {
	if slices.Contains(s.without, sentence) {
		t.Logf("left out: %s", sentence)
		return
	}
	t.Run(sentence, func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		defer cancel()
		f(t, env{Env: s.open(t), ctx: ctx, realm: store.Realm(fmt.Sprintf("%s-%s", short(t.Name()), s.run))})
	})
}

// env is what a subtest gets.
type env struct {
	Env
	ctx   context.Context // of all calls, so that a broken backend fails the test, and does not hang it
	realm store.Realm
}

const (
	soon     = 5 * time.Second  // what should take a moment fails after this
	long     = 30 * time.Second // a wait that must not be waited for to its end
	deadline = time.Minute      // of a subtest
)

// short makes a realm's name, which may be a DNS label of 40 letters, of a test's.
func short(name string) string {
	var b []byte
	for _, c := range []byte(name[max(0, len(name)-40):]) {
		if c >= 'a' && c <= 'z' {
			b = append(b, c)
		}
	}
	return string(b)
}
