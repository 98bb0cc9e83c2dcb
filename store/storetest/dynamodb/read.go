package dynamodb

// get is a read of one item.
type get struct {
	TableName                string
	Key                      item
	ProjectionExpression     *string
	ExpressionAttributeNames map[string]string
}

type getItemInput struct {
	get
	ConsistentRead         bool
	ReturnConsumedCapacity string
}

type getItemOutput struct {
	Item             item      `json:",omitzero"`
	ConsumedCapacity *capacity `json:",omitzero"`
}

func (c *call) getItem(in getItemInput) (getItemOutput, error) {
	d := c.s.db
	d.mu.Lock()
	defer d.mu.Unlock()
	var out getItemOutput
	if err := c.may("GetItem", in.TableName); err != nil {
		return out, err
	}
	if err := askedUnits(in.ReturnConsumedCapacity); err != nil {
		return out, err
	}
	t, k, names, err := d.find(in.get)
	if err != nil {
		return out, err
	}
	found := t.get(k, d.moment(in.ConsistentRead))
	out.Item = found.project(names)
	out.ConsumedCapacity = c.consumed(in.ReturnConsumedCapacity, t.name, readUnits(found.size(), in.ConsistentRead, 1), 0)
	return out, nil
}

// find returns where a read looks, and which attributes it wants.
func (d *database) find(g get) (*table, key, []string, error) {
	e, err := newExpressions(g.ExpressionAttributeNames, nil)
	if err != nil {
		return nil, key{}, nil, err
	}
	names, err := e.projection(g.ProjectionExpression)
	if err == nil {
		err = e.done()
	}
	if err != nil {
		return nil, key{}, nil, err
	}
	t, err := d.table(g.TableName)
	if err != nil {
		return nil, key{}, nil, err
	}
	k, err := t.key(g.Key)
	return t, k, names, err
}
