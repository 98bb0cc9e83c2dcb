package consul

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
)

// maxOps is how many operations Consul takes in one transaction.
const maxOps = 128

// op is one operation of a transaction.
type op struct {
	Verb  string
	Key   string
	Value []byte `json:",omitzero"`
	Flags uint64 `json:",omitzero"`
	Index uint64 `json:",omitzero"`
}

func get(key string) op        { return op{Verb: "get-or-empty", Key: key} }
func getTree(prefix string) op { return op{Verb: "get-tree", Key: prefix} }

type stored struct{ KV op }

func encode(ops []op) ([]byte, error) {
	all := make([]stored, len(ops))
	for i, o := range ops {
		all[i].KV = o
	}
	return json.Marshal(all)
}

// read makes several reads of one moment that is not before the call. Each get has a pair, each get-tree those that there are, in this order.
func (s *Store) read(ctx context.Context, ops ...op) ([]pair, error) {
	body, err := encode(ops)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Results               []struct{ KV pair }
		ResultsFilteredByACLs bool
	}
	r := request{method: http.MethodPut, path: "/v1/txn", query: url.Values{"consistent": {""}}, body: body}
	err = s.call(ctx, r, func(resp *http.Response) error {
		answer.Results = nil
		return json.UnmarshalRead(resp.Body, &answer)
	})
	if err != nil {
		return nil, err
	}
	gets := 0
	for _, o := range ops {
		if o.Verb == get("").Verb {
			gets++
		}
	}
	// What may not be read is left out without an error, as if it were not there.
	if len(answer.Results) < gets || answer.ResultsFilteredByACLs {
		return nil, s.explain(ctx, &refusal{http.StatusForbidden, "the token may not read all keys that begin with " + s.layout.prefix})
	}
	pairs := make([]pair, len(answer.Results))
	for i, r := range answer.Results {
		pairs[i] = r.KV
	}
	return pairs, nil
}

// rolledBack is why a transaction was not applied.
type rolledBack struct{ what string }

func (r *rolledBack) Error() string {
	return fmt.Sprintf("the transaction was rolled back: %.300q", r.what)
}

// write applies all operations or, if the error is a *rolledBack, surely none. After any other error this is unknown.
func (s *Store) write(ctx context.Context, body []byte) error {
	r := request{method: http.MethodPut, path: "/v1/txn", body: body, write: true, accept: http.StatusConflict}
	var undone error
	err := s.call(ctx, r, func(resp *http.Response) error {
		var answer struct{ Errors []struct{ What string } }
		if err := json.UnmarshalRead(resp.Body, &answer); err != nil {
			return err
		}
		if resp.StatusCode == http.StatusOK {
			return nil
		}
		if len(answer.Errors) == 0 || answer.Errors[0].What == "" {
			return errors.New("a transaction failed without a reason")
		}
		what := answer.Errors[0].What
		if strings.Contains(what, "Permission denied") {
			return &refusal{http.StatusForbidden, what}
		}
		undone = &rolledBack{what}
		return nil
	})
	if err == nil {
		err = s.explain(ctx, undone)
	}
	return err
}
