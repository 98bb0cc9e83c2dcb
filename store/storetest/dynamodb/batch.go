package dynamodb

type batchGetItemInput struct {
	RequestItems           map[string]keys
	ReturnConsumedCapacity string
}

// keys are the items of one table.
type keys struct {
	Keys                     []item
	ConsistentRead           bool              `json:",omitzero"`
	ProjectionExpression     *string           `json:",omitzero"`
	ExpressionAttributeNames map[string]string `json:",omitzero"`
}

type batchGetItemOutput struct {
	Responses        map[string][]item
	UnprocessedKeys  map[string]keys
	ConsumedCapacity []*capacity `json:",omitzero"`
}

const (
	maxBatch          = 100
	maxBatchBytes     = 16 << 20
	maxPartitionBytes = 1 << 20
)

// batchGetItem reads items each on its own. What it finds it returns in any order.
func (c *call) batchGetItem(in batchGetItemInput) (batchGetItemOutput, error) {
	d := c.s.db
	d.mu.Lock()
	defer d.mu.Unlock()
	out := batchGetItemOutput{Responses: map[string][]item{}, UnprocessedKeys: map[string]keys{}}
	if err := in.check(); err != nil {
		return out, err
	}
	room := maxBatchBytes
	for name, want := range in.RequestItems {
		if err := c.may("BatchGetItem", name); err != nil {
			return out, err
		}
		found, left, units, err := c.readKeys(name, want, &room)
		if err != nil {
			return out, err
		}
		d.rand.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
		out.Responses[name] = found
		if len(left.Keys) > 0 {
			out.UnprocessedKeys[name] = left
		}
		if used := c.consumed(in.ReturnConsumedCapacity, name, units, 0); used != nil {
			out.ConsumedCapacity = append(out.ConsumedCapacity, used)
		}
	}
	return out, nil
}

// readKeys reads what it can of one table: as much as there is room for, and at most so much of each partition.
func (c *call) readKeys(name string, want keys, room *int) (items []item, left keys, units float64, err error) {
	d := c.s.db
	items, left = []item{}, want
	left.Keys = nil
	most := len(want.Keys)
	if c.fault == Unprocessed {
		most /= 2
	}
	seen, partitions := map[key]bool{}, map[string]int{}
	for n, k := range want.Keys {
		t, at, names, err := d.find(get{name, k, want.ProjectionExpression, want.ExpressionAttributeNames})
		if err != nil {
			return nil, left, 0, err
		}
		if seen[at] {
			return nil, left, 0, invalid("Provided list of item keys contains duplicates")
		}
		seen[at] = true
		found := t.get(at, d.moment(want.ConsistentRead))
		size := found.size()
		if n >= most || size > *room || partitions[at.partition]+size > maxPartitionBytes {
			left.Keys = append(left.Keys, k)
			continue
		}
		*room -= size
		partitions[at.partition] += size
		units += readUnits(size, want.ConsistentRead, 1)
		if found != nil {
			items = append(items, found.project(names))
		}
	}
	return items, left, units, nil
}

func (in batchGetItemInput) check() error {
	if err := askedUnits(in.ReturnConsumedCapacity); err != nil {
		return err
	}
	n := 0
	for name, want := range in.RequestItems {
		if len(want.Keys) == 0 {
			return constraint("", "requestItems."+name+".member.keys", "have length greater than or equal to 1")
		}
		n += len(want.Keys)
	}
	if n == 0 {
		return constraint("", "requestItems", "have length greater than or equal to 1")
	}
	if n > maxBatch {
		return invalid("Too many items requested for the BatchGetItem call")
	}
	return nil
}
