package etcd

import (
	"context"
	"errors"
	"maps"
	"slices"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/event-gateway/event-gateway/store"
)

const (
	pageBytes   = 8 << 20 // what a page of items should be about as large as: for each, etcd counts all keys that are left
	firstPage   = 1_000   // items of the first page, when their size is not known yet
	largestPage = 50_000
	logPage     = 200     // log entries of one request; most catch-ups are shorter
	mostCounted = 1 << 20 // items that there is room for from the start, however many etcd has counted
	loadTries   = 3
)

// Load returns all items of the realm, as of one revision of etcd, which the first page tells.
func (s *Store) Load(ctx context.Context, realm store.Realm) ([]store.Item, store.Head, error) {
	for try := 1; ; try++ {
		items, head, err := s.load(ctx, realm)
		if err == nil {
			return items, head, nil
		}
		// A compaction took the old revision away before the last page was read.
		if !errors.Is(err, rpctypes.ErrCompacted) || try == loadTries {
			return nil, store.Head{}, err
		}
	}
}

func (s *Store) load(ctx context.Context, realm store.Realm) ([]store.Item, store.Head, error) {
	prefix := s.layout.items(realm)
	answers, revision, err := s.read(ctx,
		clientv3.OpGet(s.layout.head(realm)),
		clientv3.OpGet(prefix, clientv3.WithRange(end(prefix)), clientv3.WithLimit(firstPage)))
	if err != nil {
		return nil, store.Head{}, err
	}
	head, err := headOf(answers[0].Kvs)
	if err != nil {
		return nil, store.Head{}, err
	}
	page := answers[1]
	items := make([]store.Item, 0, min(max(page.Count, 0), mostCounted))
	size, limit := 0, firstPage
	for {
		for _, kv := range page.Kvs {
			items = append(items, item(kv.Key[len(prefix):], kv.Value))
			size += len(kv.Key) + len(kv.Value)
		}
		if !page.More {
			return items, head, nil
		}
		from := string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
		// Records of one kind come together: those of the next page may be far larger than those so far.
		limit = min(max(pageBytes*len(items)/size, 1), 2*limit, largestPage)
		if page, err = s.page(ctx, from, end(prefix), limit, revision); err != nil {
			return nil, store.Head{}, err
		}
	}
}

const txnOps = 128 // what etcd allows in one transaction, unless told otherwise

// readHeads leaves out what is no head, so that one broken realm does not stop the others; Load and Changes fail for it.
func (s *Store) readHeads(ctx context.Context, known map[store.Realm]store.Rev) (map[store.Realm]store.Head, error) {
	moved := make(map[store.Realm]store.Head)
	for realms := range slices.Chunk(slices.Collect(maps.Keys(known)), txnOps) {
		gets := make([]clientv3.Op, len(realms))
		for i, realm := range realms {
			gets[i] = clientv3.OpGet(s.layout.head(realm))
		}
		answers, _, err := s.read(ctx, gets...)
		if err != nil {
			return nil, err
		}
		for i, realm := range realms {
			head, err := headOf(answers[i].Kvs)
			if err == nil && head.Rev != known[realm] {
				moved[realm] = head
			}
		}
	}
	return moved, nil
}

// page reads part of a range as of a revision of etcd.
func (s *Store) page(ctx context.Context, from, to string, limit int, revision int64) (page *etcdserverpb.RangeResponse, err error) {
	err = s.call(ctx, func(ctx context.Context, c *clientv3.Client) error {
		r, err := c.Get(ctx, from, clientv3.WithRange(to), clientv3.WithLimit(int64(limit)), clientv3.WithRev(revision))
		if err != nil {
			return err
		}
		page = (*etcdserverpb.RangeResponse)(r)
		return check(page.Header, page, []byte(from), []byte(to))
	})
	return page, err
}

// read makes several gets at one revision of etcd, which it returns as well.
func (s *Store) read(ctx context.Context, gets ...clientv3.Op) (answers []*etcdserverpb.RangeResponse, revision int64, err error) {
	err = s.call(ctx, func(ctx context.Context, c *clientv3.Client) error {
		txn, err := c.Txn(ctx).Then(gets...).Commit()
		if err != nil {
			return err
		}
		revision = txn.Header.GetRevision()
		answers, err = ranges(txn, gets)
		return err
	})
	return answers, revision, err
}

// changes returns the commits after the revision. Each page comes with the head of its moment, and the last one reaches it.
func (s *Store) changes(ctx context.Context, realm store.Realm, after store.Rev) ([]store.Commit, store.Head, error) {
	var commits []store.Commit
	for {
		answers, _, err := s.read(ctx,
			clientv3.OpGet(s.layout.head(realm)),
			clientv3.OpGet(s.layout.entry(realm, after+1), clientv3.WithRange(end(s.layout.log(realm))), clientv3.WithLimit(logPage)))
		if err != nil {
			return nil, store.Head{}, err
		}
		head, err := headOf(answers[0].Kvs)
		if err != nil {
			return nil, store.Head{}, err
		}
		page, err := s.entries(realm, after, answers[1].Kvs)
		if err != nil {
			return nil, store.Head{}, err
		}
		commits, after = append(commits, page...), after+store.Rev(len(page))
		switch {
		case after == head.Rev:
			return commits, head, nil
		case after > head.Rev, len(page) == 0:
			return nil, store.Head{}, store.ErrTrimmed
		}
	}
}

// entries reads log entries, which must be those right after the revision: leases of several processes may leave holes where
// the log is old.
func (s *Store) entries(realm store.Realm, after store.Rev, kvs []*mvccpb.KeyValue) ([]store.Commit, error) {
	commits := make([]store.Commit, 0, len(kvs))
	for _, kv := range kvs {
		after++
		if string(kv.Key) != s.layout.entry(realm, after) {
			return nil, store.ErrTrimmed
		}
		c, err := store.DecodeCommit(after, kv.Value)
		if err != nil { // as good as not there
			s.log.Warn("etcd holds a log entry that cannot be read", "realm", string(realm), "error", err)
			return nil, store.ErrTrimmed
		}
		commits = append(commits, c)
	}
	return commits, nil
}
