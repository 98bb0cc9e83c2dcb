package dynamodb

type scanInput struct {
	TableName                 string
	FilterExpression          *string
	ProjectionExpression      *string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues map[string]value
	Limit                     *int
	ExclusiveStartKey         item
	ConsistentRead            bool
	ReturnConsumedCapacity    string
	Select                    string
}

type queryInput struct {
	scanInput
	KeyConditionExpression *string
	ScanIndexForward       *bool
}

type pageOutput struct {
	Items            []item `json:",omitzero"` // nil if only their number was asked for
	Count            int
	ScannedCount     int
	LastEvaluatedKey item      `json:",omitzero"`
	ConsumedCapacity *capacity `json:",omitzero"`
}

const maxPage = 1 << 20

func (c *call) query(in queryInput) (pageOutput, error) {
	d := c.s.db
	d.mu.Lock()
	defer d.mu.Unlock()
	w, err := c.walk("Query", in.scanInput)
	if err != nil {
		return pageOutput{}, err
	}
	s, err := w.table.span(w.expressions, in.KeyConditionExpression)
	if err != nil {
		return pageOutput{}, err
	}
	if w.filter != nil {
		if name := w.filter.mentions(w.table.partition, w.table.sort); name != "" {
			return pageOutput{}, invalid("Filter Expression can only contain non-primary key attributes: Primary key attribute: %s", name)
		}
	}
	if err := w.done(); err != nil {
		return pageOutput{}, err
	}
	if w.after != nil && !s.contains(*w.after) {
		return pageOutput{}, invalid("The provided starting key is outside query boundaries based on provided conditions")
	}
	step, pivot := w.table.rows.Ascend, key{s.partition, s.low}
	if in.ScanIndexForward != nil && !*in.ScanIndexForward {
		step, pivot = w.table.rows.Descend, key{s.partition, s.high}
	}
	if w.after != nil {
		pivot = *w.after
	}
	step(newRow(pivot), func(r *row) bool {
		if !s.contains(r.key) {
			return r.partition == s.partition && (r.sort == s.low || r.sort == s.high) // an open bound
		}
		return w.visit(r)
	})
	return w.page(), nil
}

// scan reads the partitions in an order that says nothing.
func (c *call) scan(in scanInput) (pageOutput, error) {
	d := c.s.db
	d.mu.Lock()
	defer d.mu.Unlock()
	w, err := c.walk("Scan", in)
	if err != nil {
		return pageOutput{}, err
	}
	if err := w.done(); err != nil {
		return pageOutput{}, err
	}
	if w.after == nil {
		w.table.rows.Scan(w.visit)
	} else {
		w.table.rows.Ascend(newRow(*w.after), w.visit)
	}
	return w.page(), nil
}
