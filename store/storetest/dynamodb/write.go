package dynamodb

import "time"

// write is a write or check of one item: what PutItem, DeleteItem and the actions of a transaction have in common.
type write struct {
	TableName                           string
	Item                                item    // of a put
	Key                                 item    // of all others
	UpdateExpression                    *string // of an update
	ConditionExpression                 *string
	ExpressionAttributeNames            map[string]string
	ExpressionAttributeValues           map[string]value
	ReturnValuesOnConditionCheckFailure string
}

type writeItemInput struct {
	write
	ReturnValues           string
	ReturnConsumedCapacity string
}

type writeItemOutput struct {
	Attributes       item      `json:",omitzero"`
	ConsumedCapacity *capacity `json:",omitzero"`
}

const conflictMessage = "Transaction is ongoing for the item"

func (c *call) putItem(in writeItemInput) (writeItemOutput, error) { return c.writeItem("PutItem", in) }

func (c *call) deleteItem(in writeItemInput) (writeItemOutput, error) {
	return c.writeItem("DeleteItem", in)
}

func (c *call) writeItem(action string, in writeItemInput) (writeItemOutput, error) {
	d := c.s.db
	d.mu.Lock()
	defer d.mu.Unlock()
	var out writeItemOutput
	if err := c.may(action, in.TableName); err != nil {
		return out, err
	}
	if err := askedUnits(in.ReturnConsumedCapacity); err != nil {
		return out, err
	}
	if err := oneOf("returnValues", in.ReturnValues, "NONE", "ALL_OLD"); err != nil {
		return out, err
	}
	w, err := d.prepare(action, in.write)
	if err == nil {
		err = w.fits()
	}
	if err != nil {
		return out, err
	}
	if w.table.locked[w.key] {
		return out, fail("TransactionConflictException", conflictMessage)
	}
	old := w.table.get(w.key, time.Time{})
	used := c.consumed(in.ReturnConsumedCapacity, in.TableName, 0, writeUnits(old, in.Item, 1))
	if w.condition != nil && !w.condition.holds(old) {
		f := fail("ConditionalCheckFailedException", "The conditional request failed")
		if in.ReturnValuesOnConditionCheckFailure == "ALL_OLD" && old != nil {
			f.more = map[string]any{"Item": old}
		}
		return out, f
	}
	w.table.put(w.key, in.Item, d.now(), d.lag)
	if in.ReturnValues == "ALL_OLD" {
		out.Attributes = old
	}
	out.ConsumedCapacity = used
	return out, nil
}

// prepared is a write whose parameters were read.
type prepared struct {
	write
	action    string
	table     *table
	key       key
	keyErr    error // the key, or the item, does not fit to the table
	condition *condition
	update    update
}

// prepare reads the parameters of a write. Errors of the item itself are told by fits, since transactions treat them otherwise.
func (d *database) prepare(action string, w write) (*prepared, error) {
	if err := oneOf("returnValuesOnConditionCheckFailure", w.ReturnValuesOnConditionCheckFailure, "ALL_OLD", "NONE"); err != nil {
		return nil, err
	}
	if (w.Item != nil) != (action == "PutItem") || (w.Key != nil) == (action == "PutItem") {
		return nil, invalid("%s needs an Item if it puts one, and a Key otherwise", action)
	}
	if (w.UpdateExpression != nil) != (action == "UpdateItem") {
		return nil, invalid("an UpdateExpression is needed for updates, and can be used there only")
	}
	if action == "ConditionCheckItem" && w.ConditionExpression == nil {
		return nil, required(false, "transactItems.member.conditionCheck.conditionExpression")
	}
	e, err := newExpressions(w.ExpressionAttributeNames, w.ExpressionAttributeValues)
	if err != nil {
		return nil, err
	}
	p := &prepared{write: w, action: action}
	if w.UpdateExpression != nil {
		if p.update, err = e.update(*w.UpdateExpression); err != nil {
			return nil, err
		}
	}
	if p.condition, err = e.condition("ConditionExpression", w.ConditionExpression); err != nil {
		return nil, err
	}
	if err := e.done(); err != nil {
		return nil, err
	}
	if p.table, err = d.table(w.TableName); err != nil {
		return nil, err
	}
	if action == "PutItem" {
		p.key, p.keyErr = p.table.keyOf(w.Item)
	} else {
		p.key, p.keyErr = p.table.key(w.Key)
	}
	return p, nil
}

// fits says what is wrong with the item that is put, or with the key.
func (p *prepared) fits() error {
	if p.keyErr != nil {
		return p.keyErr
	}
	if p.Item.size() > maxItem {
		return invalid("Item size has exceeded the maximum allowed size")
	}
	for _, a := range p.update {
		if a.name == p.table.partition || a.name == p.table.sort {
			return badValue("Cannot update attribute %s. This attribute is part of the key", a.name)
		}
	}
	return nil
}

// result returns what becomes of the item; nil: it is deleted.
func (p *prepared) result(old item) (item, error) {
	switch p.action {
	case "PutItem":
		return p.Item, nil
	case "ConditionCheckItem":
		return old, nil
	case "UpdateItem":
		i, err := p.update.of(old, p.Key)
		if err == nil && i.size() > maxItem {
			err = invalid("Item size to update has exceeded the maximum allowed size")
		}
		return i, err
	}
	return nil, nil
}
