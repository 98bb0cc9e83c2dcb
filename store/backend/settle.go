package backend

import (
	"errors"

	"github.com/event-gateway/event-gateway/store"
)

// Pieces are the ways in which Load and LoadOnce ask a database that cannot read a whole realm at one moment.
type Pieces struct {
	Head    func() (store.Head, error)
	Items   func() ([]store.Item, error) // each as it is at some moment during the call
	Changes func(after store.Rev) ([]store.Commit, store.Head, error)
}

const loadTries = 3

// Load is LoadOnce, and some more tries if the log was trimmed meanwhile, or somebody set the realm back.
func Load(p Pieces) ([]store.Item, store.Head, error) {
	for try := 1; ; try++ {
		items, head, err := LoadOnce(p)
		if !errors.Is(err, store.ErrTrimmed) || try == loadTries {
			return items, head, err
		}
	}
}

// LoadOnce reads the head, then the items, then what was committed since that head, and makes one state out of it: so it comes to an
// end however much is written meanwhile.
func LoadOnce(p Pieces) ([]store.Item, store.Head, error) {
	began, err := p.Head()
	if err != nil {
		return nil, store.Head{}, err
	}
	items, err := p.Items()
	if err != nil {
		return nil, store.Head{}, err
	}
	commits, head, err := p.Changes(began.Rev)
	if err != nil {
		return nil, store.Head{}, err
	}
	return Settle(items, commits), head, nil
}

// Settle applies commits to items of which some may be newer than some of the commits: after the last commit it does not matter.
func Settle(items []store.Item, commits []store.Commit) []store.Item {
	if len(commits) == 0 {
		return items
	}
	last := make(map[string]store.Item)
	for _, c := range commits {
		for _, op := range c.Ops {
			last[op.Key] = store.Item{Key: op.Key, Value: op.Value, Rev: c.Rev}
		}
	}
	kept := items[:0]
	for _, item := range items {
		if _, written := last[item.Key]; !written {
			kept = append(kept, item)
		}
	}
	for _, item := range last {
		if item.Value != nil {
			kept = append(kept, item)
		}
	}
	return kept
}
