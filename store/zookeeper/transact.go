package zookeeper

import (
	"context"
	"fmt"

	"github.com/go-zookeeper/zk"
)

// refusal says that ZooKeeper has not made a transaction, because of one of its operations.
type refusal struct {
	path string
	err  error
}

func (r *refusal) Error() string { return fmt.Sprintf("%v: %s", r.err, r.path) }
func (r *refusal) Unwrap() error { return r.err }

// transact makes all of the operations, or none. If the error is no refusal, it is unknown which.
func (c *session) transact(ctx context.Context, ops []any) error {
	return c.do(ctx, func() error {
		results, err := c.conn.Multi(ops...)
		for i, r := range results {
			if r.Error != nil && i < len(ops) {
				return &refusal{pathOf(ops[i]), r.Error}
			}
		}
		return err
	})
}

func pathOf(op any) string {
	switch op := op.(type) {
	case *zk.CreateRequest:
		return op.Path
	case *zk.SetDataRequest:
		return op.Path
	case *zk.DeleteRequest:
		return op.Path
	case *zk.CheckVersionRequest:
		return op.Path
	}
	return ""
}
