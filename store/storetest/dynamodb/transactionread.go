package dynamodb

import "time"

type transactGetItemsInput struct {
	TransactItems          []struct{ Get *get }
	ReturnConsumedCapacity string
}

type transactGetItemsOutput struct {
	Responses        []itemResponse
	ConsumedCapacity []*capacity `json:",omitzero"`
}

type itemResponse struct {
	Item item `json:",omitzero"`
}

// transactGetItems reads all items at once. It is cancelled if one of them is being written.
func (c *call) transactGetItems(in transactGetItemsInput) (transactGetItemsOutput, error) {
	d := c.s.db
	d.mu.Lock()
	defer d.mu.Unlock()
	var out transactGetItemsOutput
	if err := askedUnits(in.ReturnConsumedCapacity); err != nil {
		return out, err
	}
	if err := countActions(len(in.TransactItems)); err != nil {
		return out, err
	}
	reasons, bad, bytes := make([]reason, len(in.TransactItems)), false, 0
	units := map[string]float64{}
	var tables []string
	for n, i := range in.TransactItems {
		if i.Get == nil {
			return out, required(false, "transactItems.member.get")
		}
		if err := c.may("GetItem", i.Get.TableName); err != nil {
			return out, err
		}
		t, k, names, err := d.find(*i.Get)
		if err != nil {
			return out, err
		}
		if t.locked[k] {
			reasons[n], bad = conflict(), true
		}
		found := t.get(k, time.Time{})
		bytes += found.size()
		if units[t.name] == 0 {
			tables = append(tables, t.name)
		}
		units[t.name] += readUnits(found.size(), true, 2)
		out.Responses = append(out.Responses, itemResponse{found.project(names)})
	}
	for _, name := range tables {
		if used := c.consumed(in.ReturnConsumedCapacity, name, units[name], 0); used != nil {
			out.ConsumedCapacity = append(out.ConsumedCapacity, used)
		}
	}
	if bad {
		return transactGetItemsOutput{}, cancelled(reasons)
	}
	if bytes > maxTransactionBytes {
		return transactGetItemsOutput{}, invalid("The aggregate size of the items in the transaction cannot exceed 4 MB")
	}
	return out, nil
}
