package dynamodb

import (
	"errors"
	"strings"
)

// reason says why an item's transaction was cancelled; the zero value: not for this item.
type reason struct {
	Code    string
	Message string `json:",omitzero"`
	Item    item   `json:",omitzero"`
}

func conflict() reason { return reason{Code: "TransactionConflict", Message: conflictMessage} }

func validation(err error) reason {
	r := reason{Code: "ValidationError", Message: err.Error()}
	var f *failure
	if errors.As(err, &f) {
		r.Message = f.message
	}
	return r
}

// cancelledFor cancels a transaction of so many actions for one of them.
func cancelledFor(actions, n int, err error) error {
	reasons := make([]reason, actions)
	reasons[n] = validation(err)
	return cancelled(reasons)
}

// cancelled is the error of a transaction, with a reason for each of its items.
func cancelled(reasons []reason) error {
	codes := make([]string, len(reasons))
	for i := range reasons {
		if reasons[i].Code == "" {
			reasons[i].Code = "None"
		}
		codes[i] = reasons[i].Code
	}
	const message = "Transaction cancelled, please refer cancellation reasons for specific reasons "
	f := fail("TransactionCanceledException", message+"["+strings.Join(codes, ", ")+"]")
	f.more = map[string]any{"CancellationReasons": reasons}
	return f
}
