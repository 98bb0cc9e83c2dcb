package zookeeper

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

// Inspect reads what there is only permission for after logging in, and asks the server for its version, which it may keep to itself.
func (s *Store) Inspect(ctx context.Context) (string, error) {
	var addr string
	err := s.call(ctx, func(c *session) error {
		addr = c.addr
		paths := []string{s.layout.heads(), s.layout.head(store.Shared)}
		return c.each(ctx, len(paths), func(i int) error {
			_, _, err := c.get(paths[i])
			return err
		})
	})
	if err != nil {
		return "", err
	}
	return backend.AtLeast("ZooKeeper", s.version(ctx, addr), 3, 5)
}

// version asks for a server's version by a command of four letters, which only that one connection can be used for.
func (s *Store) version(ctx context.Context, addr string) string {
	const unknown = "of unknown version"
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	conn, err := s.dial(ctx, addr)
	if err != nil {
		return unknown
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := io.WriteString(conn, "srvr"); err != nil {
		return unknown
	}
	answer, _ := io.ReadAll(io.LimitReader(conn, 4<<10))
	version, ok := strings.CutPrefix(string(answer), "Zookeeper version: ")
	if !ok {
		return unknown // the operator has not allowed the command
	}
	version, _, _ = strings.Cut(version, ",")
	version, _, _ = strings.Cut(version, "-")
	return version
}

// Realms lists the heads.
func (s *Store) Realms(ctx context.Context) ([]store.Realm, error) {
	var realms []store.Realm
	err := s.call(ctx, func(c *session) error {
		if _, err := c.catchUp(ctx, check(s.layout.heads(), -1)); err != nil {
			return err
		}
		var names []string
		err := c.do(ctx, func() (err error) {
			names, err = c.children(s.layout.heads())
			return err
		})
		if err != nil {
			return err
		}
		for _, name := range names {
			if realm, ok := unescape(name); ok {
				realms = append(realms, store.Realm(realm))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return realms, nil
}
