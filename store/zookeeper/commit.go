package zookeeper

import (
	"context"
	"errors"
	"slices"

	"github.com/event-gateway/event-gateway/store"
)

// commitTries bounds how often a commit that ZooKeeper refused, so that nothing was written, is made to fit what is there.
const commitTries = 5

// Commit writes the head, a log entry and the items in one transaction, if the head is still the given one. ZooKeeper has one operation for
// nodes that are there, and another for those that are not. Which is right is mostly known; if not, or if ZooKeeper refuses, it is looked at.
func (s *Store) Commit(ctx context.Context, realm store.Realm, at store.Head, c store.Commit) (store.Head, error) {
	next := at.Next(c)
	entry, err := c.Encode()
	if err != nil {
		return store.Head{}, err
	}
	p := &pendingCommit{Store: s, realm: realm, at: at, next: next, entry: entry, ops: c.Ops}
	if err := s.call(ctx, func(c *session) error { return p.run(ctx, c) }); err != nil {
		return store.Head{}, err
	}
	return next, nil
}

// pendingCommit is a commit in the making.
type pendingCommit struct {
	*Store
	realm    store.Realm
	at, next store.Head
	entry    []byte
	ops      []store.Op

	parents []string        // nodes that may have to be made, each after that which it is in
	there   map[string]bool // which nodes are there, as far as is known or believed
	version int32           // of the head's node; -1 if there is none
	old     []string        // entries of the log that go
	oldest  store.Rev       // the first that stays; 0 if the log stays as it is
}

func (p *pendingCommit) run(ctx context.Context, c *session) error {
	for try := 1; ; try++ {
		same, err := p.look(ctx, c, try > 1)
		switch {
		case err != nil:
			return err
		case !same:
			return store.ErrConflict
		}
		err = c.transact(ctx, p.operations())
		if err == nil {
			c.memory.noteNodes(p.buckets())
			c.memory.noteHead(p.realm, versionedHead{p.next, p.version + 1})
			return nil
		}
		var no *refusal
		if !errors.As(err, &no) || try == commitTries || refused(no.err) && p.oldest == 0 {
			return err
		}
		// The realm has moved, or there is something that should not be, or the other way round. What is read from now on is not older.
	}
}

// look finds out which nodes are there, and whether the head is what it should be. If the session has seen that head, it believes most of it,
// unless it has to be thorough: if it is wrong, ZooKeeper refuses.
func (p *pendingCommit) look(ctx context.Context, c *session, thorough bool) (same bool, err error) {
	p.old, p.oldest = nil, 0
	last := c.memory.head(p.realm)
	if thorough || p.at.Rev == 0 || last.Head != p.at {
		return p.lookAtAll(ctx, c, thorough)
	}
	p.version = last.version
	if err := p.lookAt(ctx, c, p.believe(c)); err != nil {
		return false, err
	}
	if p.next.Rev%trimEvery == 0 {
		err = p.findOld(ctx, c)
	}
	return true, err
}

// believe takes it that the items are what the writer saw, and that what each commit leaves behind is there. It returns what is in doubt then.
func (p *pendingCommit) believe(c *session) (doubtful []string) {
	p.there = map[string]bool{p.layout.head(p.realm): true, p.layout.mark(p.realm, p.at): true}
	for _, op := range p.ops {
		path, parent := p.layout.item(p.realm, op.Key)
		switch {
		case op.Was > 0:
			p.there[path] = true
		case op.Value == nil:
			doubtful = append(doubtful, path)
		case !c.memory.node(parent):
			doubtful = append(doubtful, parent)
		}
	}
	return doubtful
}

// lookAtAll believes nothing. The server may be behind, unless it is known to be fresh.
func (p *pendingCommit) lookAtAll(ctx context.Context, c *session, fresh bool) (same bool, err error) {
	head, err := p.readHead(ctx, c, p.realm)
	if err == nil && head.Head != p.at && !fresh {
		if _, err := c.catchUp(ctx, check(p.layout.heads(), -1)); err != nil {
			return false, err
		}
		head, err = p.readHead(ctx, c, p.realm)
	}
	if err != nil || head.Head != p.at {
		return false, err
	}
	p.version = head.version
	p.there = map[string]bool{p.layout.head(p.realm): head.version >= 0}
	p.parents = p.layout.parents(p.realm)
	paths := append(slices.Clone(p.parents),
		p.layout.mark(p.realm, p.at), p.layout.mark(p.realm, p.next), p.layout.entry(p.realm, p.next.Rev))
	for _, op := range p.ops {
		path, parent := p.layout.item(p.realm, op.Key)
		paths = append(paths, path, parent)
	}
	return true, p.lookAt(ctx, c, paths)
}

func (p *pendingCommit) lookAt(ctx context.Context, c *session, paths []string) error {
	there := make([]bool, len(paths))
	err := c.each(ctx, len(paths), func(i int) (err error) {
		there[i], _, err = c.conn.Exists(paths[i])
		return err
	})
	if err != nil {
		return err
	}
	for i, path := range paths {
		p.there[path] = there[i]
	}
	return nil
}
