package dynamodb

import (
	"fmt"
	"time"
)

// walk is the making of one page.
type walk struct {
	*expressions
	c      *call
	in     scanInput
	table  *table
	filter *condition
	names  []string
	after  *key
	at     time.Time
	out    pageOutput
	bytes  int
	last   key
}

func (c *call) walk(action string, in scanInput) (*walk, error) {
	if err := c.may(action, in.TableName); err != nil {
		return nil, err
	}
	if err := askedUnits(in.ReturnConsumedCapacity); err != nil {
		return nil, err
	}
	if err := oneOf("select", in.Select, "ALL_ATTRIBUTES", "COUNT", "SPECIFIC_ATTRIBUTES"); err != nil {
		return nil, err
	}
	if in.Limit != nil && *in.Limit < 1 {
		return nil, constraint(fmt.Sprintf(" '%d'", *in.Limit), "limit", "have value greater than or equal to 1")
	}
	e, err := newExpressions(in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	if err != nil {
		return nil, err
	}
	w := &walk{expressions: e, c: c, in: in, at: c.s.db.moment(in.ConsistentRead)}
	if in.Select != "COUNT" {
		w.out.Items = []item{}
	}
	if w.filter, err = e.condition("FilterExpression", in.FilterExpression); err != nil {
		return nil, err
	}
	if w.names, err = e.projection(in.ProjectionExpression); err != nil {
		return nil, err
	}
	if w.names != nil && (in.Select == "ALL_ATTRIBUTES" || in.Select == "COUNT") {
		return nil, invalid("Cannot specify the ProjectionExpression when choosing to get %s", in.Select)
	}
	if w.table, err = c.s.db.table(in.TableName); err != nil {
		return nil, err
	}
	if in.ExclusiveStartKey != nil {
		k, err := w.table.key(in.ExclusiveStartKey)
		if err != nil {
			return nil, invalid("The provided starting key is invalid: %v", validation(err).Message)
		}
		w.after = &k
	}
	return w, nil
}

// visit reads one item, and says whether the page goes on.
func (w *walk) visit(r *row) bool {
	i := r.at(w.at)
	if i == nil || w.after != nil && r.key == *w.after {
		return true
	}
	size := i.size()
	full := w.in.Limit != nil && w.out.ScannedCount == *w.in.Limit
	if w.out.ScannedCount > 0 && (full || w.bytes+size > maxPage) {
		w.out.LastEvaluatedKey = w.table.keyItem(w.last)
		return false
	}
	w.bytes += size
	w.last = r.key
	w.out.ScannedCount++
	if w.filter == nil || w.filter.holds(i) {
		w.out.Count++
		if w.in.Select != "COUNT" {
			w.out.Items = append(w.out.Items, i.project(w.names))
		}
	}
	return true
}

// page returns what was read. A page that has as many items as it may is followed by another, which may be empty.
func (w *walk) page() pageOutput {
	if w.in.Limit != nil && w.out.ScannedCount == *w.in.Limit {
		w.out.LastEvaluatedKey = w.table.keyItem(w.last)
	}
	w.out.ConsumedCapacity = w.c.consumed(w.in.ReturnConsumedCapacity, w.table.name, readUnits(w.bytes, w.in.ConsistentRead, 1), 0)
	return w.out
}
