package zookeeper

import "github.com/go-zookeeper/zk"

// transaction is operations that ZooKeeper makes one after the other, or none.
type transaction struct {
	ops   []any
	acl   []zk.ACL
	there map[string]bool
}

// put creates or sets a node.
func (t *transaction) put(path string, data []byte, version int32) {
	if t.there[path] {
		t.ops = append(t.ops, &zk.SetDataRequest{Path: path, Data: data, Version: version})
		return
	}
	t.ops = append(t.ops, &zk.CreateRequest{Path: path, Data: data, Acl: t.acl})
	t.there[path] = true
}

// need creates a node that is known not to be there.
func (t *transaction) need(path string) {
	if there, known := t.there[path]; known && !there {
		t.put(path, nil, -1)
	}
}

// drop deletes a node.
func (t *transaction) drop(path string) {
	if t.there[path] {
		t.ops = append(t.ops, &zk.DeleteRequest{Path: path, Version: -1})
	}
}

// operations returns those of the transaction. Two of them compare the head: its mark goes, and its node must have the version that it had when
// it was seen.
func (p *pendingCommit) operations() []any {
	t := &transaction{acl: p.acl(), there: p.there}
	t.drop(p.layout.mark(p.realm, p.at))
	for _, path := range p.parents {
		t.need(path)
	}
	t.put(p.layout.head(p.realm), []byte(p.next.String()), p.version)
	t.put(p.layout.mark(p.realm, p.next), nil, -1)
	t.put(p.layout.entry(p.realm, p.next.Rev), p.entry, -1)
	for _, op := range p.ops {
		path, parent := p.layout.item(p.realm, op.Key)
		if op.Value == nil {
			t.drop(path)
			continue
		}
		t.need(parent)
		t.put(path, itemValue(p.next.Rev, op.Value), -1)
	}
	p.dropOld(t)
	return t.ops
}

// acl is of the nodes that are made.
func (s *Store) acl() []zk.ACL {
	if s.options.Username == "" {
		return zk.WorldACL(zk.PermAll)
	}
	return zk.AuthACL(zk.PermAll)
}

// buckets returns the nodes that the items are in which the commit puts.
func (p *pendingCommit) buckets() []string {
	var paths []string
	for _, op := range p.ops {
		if op.Value != nil {
			_, parent := p.layout.item(p.realm, op.Key)
			paths = append(paths, parent)
		}
	}
	return paths
}
