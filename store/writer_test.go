package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/memory"
)

// refusing is a store that refuses to commit, at first with other errors.
type refusing struct {
	store.Store
	first []error
	tries int
}

func (r *refusing) Commit(context.Context, store.Realm, store.Head, store.Commit) (store.Head, error) {
	if r.tries++; r.tries <= len(r.first) {
		return store.Head{}, r.first[r.tries-1]
	}
	return store.Head{}, fmt.Errorf("%w: permission denied", store.ErrUnusable)
}

// TestCommitRefused: a commit is not tried again once the store refuses it for good. If it did so at once, the answer says that nothing was changed.
func TestCommitRefused(t *testing.T) {
	for _, first := range [][]error{nil, {context.DeadlineExceeded}} {
		synctest.Test(t, func(t *testing.T) {
			r := &refusing{Store: memory.New(), first: first}
			i := newInstance(t, r)
			began := time.Now()
			f, err := i.rules.DecodeFunction([]byte(`{"functionId":"f","type":"http","provider":{"url":"http://localhost:1"}}`), "acme", "")
			if err == nil {
				_, err = i.config.CreateFunction(t.Context(), f)
			}
			var e *store.Error
			if !errors.As(err, &e) || e.Code != store.Unavailable || strings.Contains(e.Message, "Nothing was changed") != (first == nil) {
				t.Errorf("after %v: %v", first, err)
			}
			if !errors.Is(err, store.ErrUnusable) || strings.Contains(e.Message, "permission") {
				t.Errorf("the reason belongs into the log alone: %v", err)
			}
			if told := strings.Count(i.logged.String(), "refuses changes"); (told == 1) != (first == nil) || told > 1 {
				t.Errorf("after %v: the log has %d lines about it", first, told)
			}
			if took := time.Since(began); took > time.Second || r.tries != len(first)+1 {
				t.Errorf("%d tries in %v", r.tries, took)
			}
		})
	}
}
