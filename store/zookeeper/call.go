package zookeeper

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-zookeeper/zk"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

// call gives f the session. If that is lost meanwhile, f fails: what one session has read says nothing of what another one will, which
// may be with a server that is behind.
func (s *Store) call(ctx context.Context, f func(c *session) error) error {
	c, err := s.promptSession(ctx)
	if err == nil {
		err = f(c)
		if errors.Is(err, zk.ErrConnectionClosed) || errors.Is(err, zk.ErrNoServer) {
			err = fmt.Errorf("the connection was lost: %w", c.wire.problem())
		}
	}
	if err == nil || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrTrimmed) {
		return err
	}
	return s.explain(ctx, err)
}

// explain returns err as callers of the store should see it. ctx is the caller's.
func (s *Store) explain(ctx context.Context, err error) error {
	return backend.Explain(ctx, s.ctx, err, func(err error) error {
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			why := s.link.why()
			if why == nil {
				why = fmt.Errorf("nothing within %v", s.options.Timeout)
			}
			return fmt.Errorf("ZooKeeper at %s does not answer: %w", s.where(), why)
		case refused(err) && !errors.Is(err, store.ErrUnusable):
			return fmt.Errorf("%w: ZooKeeper at %s forbids %s what is needed below %s, or the password is wrong: %w", store.ErrUnusable, s.where(), s.who(), s.layout.root, err)
		}
		return fmt.Errorf("ZooKeeper at %s: %w", s.where(), err)
	})
}

func (s *Store) who() string {
	if s.options.Username == "" {
		return "those who do not log in"
	}
	return fmt.Sprintf("the user %q", s.options.Username)
}

// refused says whether ZooKeeper will go on saying this until somebody changes something.
func refused(err error) bool {
	return errors.Is(err, zk.ErrNoAuth) || errors.Is(err, zk.ErrAuthFailed) || errors.Is(err, zk.ErrInvalidACL)
}

// catchUp makes the server as new as the call, by a transaction of nothing but checks, and returns whether all of them are true. ZooKeeper's sync
// is not enough: a leader answers it, and the reads after it, before it has applied what it has committed, while its followers have already
// told their clients.
func (c *session) catchUp(ctx context.Context, checks ...any) (same bool, err error) {
	err = c.transact(ctx, checks)
	var no *refusal
	if errors.As(err, &no) {
		return false, nil // which had to wait for its turn, too
	}
	return err == nil, err
}

// check is true if the node has the version, or is there at all if that is -1.
func check(path string, version int32) any {
	return &zk.CheckVersionRequest{Path: path, Version: version}
}

// get reads a node, which may not be there: then stat is nil.
func (c *session) get(path string) (data []byte, stat *zk.Stat, err error) {
	data, stat, err = c.conn.Get(path)
	if errors.Is(err, zk.ErrNoNode) {
		return nil, nil, nil
	}
	return data, stat, err
}

// readHead reads a head, as the server has it.
func (s *Store) readHead(ctx context.Context, c *session, realm store.Realm) (versionedHead, error) {
	var data []byte
	var stat *zk.Stat
	err := c.do(ctx, func() (err error) {
		data, stat, err = c.get(s.layout.head(realm))
		return err
	})
	if err != nil {
		return versionedHead{}, err
	}
	head, err := parseHead(data, stat)
	if err == nil {
		c.memory.noteHead(realm, head)
	}
	return head, err
}

// parseHead reads a head. A node that is not there has no stat, and is the head of a realm that nobody wrote to.
func parseHead(data []byte, stat *zk.Stat) (versionedHead, error) {
	head, err := store.ParseHead(string(data))
	if stat == nil {
		return versionedHead{head, -1}, err
	}
	return versionedHead{head, stat.Version}, err
}

// children lists a node, which may not be there.
func (c *session) children(path string) ([]string, error) {
	names, _, err := c.conn.Children(path)
	if errors.Is(err, zk.ErrNoNode) {
		return nil, nil
	}
	return names, err
}

// getAndWatch reads a node and watches it, also if it is not there.
func (c *session) getAndWatch(path string) ([]byte, *zk.Stat, error) {
	data, stat, _, err := c.conn.GetW(path)
	if !errors.Is(err, zk.ErrNoNode) {
		return data, stat, err
	}
	there, _, _, err := c.conn.ExistsW(path)
	if err != nil || !there {
		return nil, nil, err
	}
	return c.get(path) // it was made meanwhile
}
