package zookeeper

import "github.com/go-zookeeper/zk"

// plan is the operations of a transaction in the making. ZooKeeper makes them one after the other, or none.
type plan struct {
	ops   []any
	acl   []zk.ACL
	there map[string]bool
}

// put creates or sets a node.
func (p *plan) put(path string, data []byte, version int32) {
	if p.there[path] {
		p.ops = append(p.ops, &zk.SetDataRequest{Path: path, Data: data, Version: version})
		return
	}
	p.ops = append(p.ops, &zk.CreateRequest{Path: path, Data: data, Acl: p.acl})
	p.there[path] = true
}

// need creates a node that is known not to be there.
func (p *plan) need(path string) {
	if there, known := p.there[path]; known && !there {
		p.put(path, nil, -1)
	}
}

// drop deletes a node.
func (p *plan) drop(path string) {
	if p.there[path] {
		p.ops = append(p.ops, &zk.DeleteRequest{Path: path, Version: -1})
	}
}

// plan returns the operations of the transaction. Two of them compare the head: its mark goes, and its node must have the version that it had when
// it was seen.
func (w *write) plan() []any {
	p := &plan{acl: w.acl(), there: w.there}
	p.drop(w.layout.mark(w.realm, w.at))
	for _, path := range w.parents {
		p.need(path)
	}
	p.put(w.layout.head(w.realm), []byte(w.next.String()), w.version)
	p.put(w.layout.mark(w.realm, w.next), nil, -1)
	p.put(w.layout.entry(w.realm, w.next.Rev), w.entry, -1)
	for _, op := range w.ops {
		path, parent := w.layout.item(w.realm, op.Key)
		if op.Value == nil {
			p.drop(path)
			continue
		}
		p.need(parent)
		p.put(path, itemValue(w.next.Rev, op.Value), -1)
	}
	w.planOld(p)
	return p.ops
}

// acl is of the nodes that are made.
func (s *Store) acl() []zk.ACL {
	if s.options.Username == "" {
		return zk.WorldACL(zk.PermAll)
	}
	return zk.AuthACL(zk.PermAll)
}

// buckets returns the nodes that the items are in which the commit puts.
func (w *write) buckets() []string {
	var paths []string
	for _, op := range w.ops {
		if op.Value != nil {
			_, parent := w.layout.item(w.realm, op.Key)
			paths = append(paths, parent)
		}
	}
	return paths
}
