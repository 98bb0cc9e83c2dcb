package dynamodb

import (
	"fmt"
	"time"
)

type transactWriteItemsInput struct {
	TransactItems          []transactWriteItem
	ClientRequestToken     *string
	ReturnConsumedCapacity string
}

type transactWriteItem struct {
	ConditionCheck *write `json:",omitzero"`
	Put            *write `json:",omitzero"`
	Delete         *write `json:",omitzero"`
	Update         *write `json:",omitzero"`
}

type transactWriteItemsOutput struct {
	ConsumedCapacity []*capacity `json:",omitzero"`
}

const (
	maxActions          = 100
	maxTransactionBytes = 4 << 20
	tokenAge            = 10 * time.Minute
)

// transactWriteItems locks its items, waits, writes them one by one, and unlocks them.
func (c *call) transactWriteItems(in transactWriteItemsInput) (transactWriteItemsOutput, error) {
	d := c.s.db
	d.mu.Lock()
	defer d.mu.Unlock()
	var out transactWriteItemsOutput
	actions, err := c.actions(in)
	if err != nil {
		return out, err
	}
	known, err := d.begin(in)
	if err != nil {
		return out, err
	}
	if known {
		out.ConsumedCapacity = c.reread(actions, in.ReturnConsumedCapacity)
		return out, nil
	}
	results, reasons := check(actions)
	out.ConsumedCapacity = c.written(actions, results, in.ReturnConsumedCapacity)
	if reasons != nil {
		d.end(in, false)
		return transactWriteItemsOutput{}, cancelled(reasons)
	}
	d.apply(actions, results)
	d.end(in, true)
	return out, nil
}

// actions reads the actions, with what is wrong with one or all of them.
func (c *call) actions(in transactWriteItemsInput) ([]*prepared, error) {
	if err := askedUnits(in.ReturnConsumedCapacity); err != nil {
		return nil, err
	}
	if err := countActions(len(in.TransactItems)); err != nil {
		return nil, err
	}
	if t := in.ClientRequestToken; t != nil && (len(*t) < 1 || len(*t) > 36) {
		return nil, constraint(" '"+*t+"'", "clientRequestToken", "have length less than or equal to 36")
	}
	var actions []*prepared
	bytes := 0
	for _, i := range in.TransactItems {
		action, w, err := i.only()
		if err != nil {
			return nil, err
		}
		if err := c.may(action, w.TableName); err != nil {
			return nil, err
		}
		p, err := c.s.db.prepare(action, *w)
		if err != nil {
			return nil, err
		}
		actions = append(actions, p)
		bytes += w.Item.size() + w.Key.size() + item(w.ExpressionAttributeValues).size()
	}
	if bytes > maxTransactionBytes {
		return nil, invalid("Transaction payload size cannot exceed 4 MB")
	}
	type place struct {
		table *table
		key   key
	}
	seen := map[place]bool{}
	for _, p := range actions {
		if p.keyErr == nil && seen[place{p.table, p.key}] {
			return nil, invalid("Transaction request cannot include multiple operations on one item")
		}
		seen[place{p.table, p.key}] = true
	}
	for n, p := range actions {
		if err := p.fits(); err != nil {
			return nil, cancelledFor(len(actions), n, err)
		}
	}
	return actions, nil
}

func countActions(n int) error {
	if n < 1 {
		return constraint(" '[]'", "transactItems", "have length greater than or equal to 1")
	}
	if n > maxActions {
		return constraint("", "transactItems", fmt.Sprintf("have length less than or equal to %d", maxActions))
	}
	return nil
}

// only returns the one action that an item must be, under the name of its permission.
func (i transactWriteItem) only() (action string, w *write, err error) {
	n := 0
	all := map[string]*write{"ConditionCheckItem": i.ConditionCheck, "PutItem": i.Put, "DeleteItem": i.Delete, "UpdateItem": i.Update}
	for name, a := range all {
		if a != nil {
			action, w = name, a
			n++
		}
	}
	if n != 1 {
		return "", nil, invalid("TransactItems can only contain one of Check, Put, Update or Delete")
	}
	return action, w, nil
}

// check returns what becomes of the items, or why the transaction is cancelled.
func check(actions []*prepared) (results []item, reasons []reason) {
	results, reasons = make([]item, len(actions)), make([]reason, len(actions))
	bad := false
	for n, p := range actions {
		old := p.table.get(p.key, time.Time{})
		switch {
		case p.table.locked[p.key]:
			reasons[n] = conflict()
		case p.condition != nil && !p.condition.holds(old):
			reasons[n] = reason{Code: "ConditionalCheckFailed", Message: "The conditional request failed"}
			if p.ReturnValuesOnConditionCheckFailure == "ALL_OLD" {
				reasons[n].Item = old
			}
		default:
			var err error
			if results[n], err = p.result(old); err != nil {
				reasons[n] = validation(err)
			}
		}
		bad = bad || reasons[n].Code != ""
	}
	if !bad {
		return results, nil
	}
	return results, reasons
}

// apply writes the results, in any order and with a pause, during which others see only some of them. The items are locked meanwhile.
func (d *database) apply(actions []*prepared, results []item) {
	for _, p := range actions {
		p.table.locked[p.key] = true
	}
	d.pause()
	order := d.rand.Perm(len(actions))
	middle := 0
	if len(order) > 1 {
		middle = 1 + d.rand.IntN(len(order)-1)
	}
	for i, n := range order {
		if i == middle {
			d.pause()
		}
		if p := actions[n]; p.action != "ConditionCheckItem" {
			p.table.put(p.key, results[n], d.now(), d.lag)
		}
	}
	for _, p := range actions {
		delete(p.table.locked, p.key)
	}
}

// pause lets others work for half of the time that a transaction takes.
func (d *database) pause() {
	half := d.hold / 2
	d.mu.Unlock()
	time.Sleep(half)
	d.mu.Lock()
}
