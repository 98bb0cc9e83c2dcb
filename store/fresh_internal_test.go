package store

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"
)

// still is a store of realms that have nothing in them, which counts what it is asked.
type still struct {
	Store
	asked int
	panic bool
}

func (s *still) Load(context.Context, Realm) ([]Item, Head, error) {
	s.asked++
	return nil, Head{}, nil
}

func (s *still) Changes(context.Context, Realm, Rev, time.Duration) ([]Commit, Head, error) {
	s.asked++
	return nil, Head{}, nil
}

func (s *still) Heads(context.Context, map[Realm]Rev, time.Duration) (map[Realm]Head, error) {
	if s.panic {
		panic("told to")
	}
	return nil, nil
}

// TestClockSetBack: a process whose clock was set back asks the store.
func TestClockSetBack(t *testing.T) {
	s := &still{}
	r := NewRealms(s, NewRules(nil, false, nil), RealmsOptions{Frozen: &Frozen{MaxStaleness: time.Minute, Redial: func() {}}}, slog.New(slog.DiscardHandler))
	use := func() {
		t.Helper()
		u, err := r.Begin(t.Context(), Shared)
		if err != nil {
			t.Fatal(err)
		}
		u.End()
	}
	use()
	use()
	if s.asked != 1 {
		t.Errorf("asked %d times, want once", s.asked)
	}
	r.held(Shared).live.confirmed.Add(int64(time.Hour))
	use()
	if s.asked != 2 {
		t.Error("the store was not asked after the clock was set back")
	}
	use()
	if s.asked != 2 {
		t.Error("once was enough")
	}
}

// TestProbePanic: a question that ends with a panic is over.
func TestProbePanic(t *testing.T) {
	s := &still{panic: true}
	r := NewRealms(s, NewRules(nil, false, nil), RealmsOptions{Hosted: true, Max: 10}, slog.New(slog.DiscardHandler))
	func() {
		defer func() { _ = recover() }()
		_, _ = r.Begin(t.Context(), "acme")
	}()
	s.panic = false
	var e *Error
	if _, err := r.Begin(t.Context(), "acme"); !errors.As(err, &e) || e.Code != NotFound {
		t.Errorf("got %v, want NotFound", err)
	}
}
