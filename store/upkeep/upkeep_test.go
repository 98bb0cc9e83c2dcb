package upkeep_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/event-gateway/event-gateway/app/embed"
	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/etcd"
	"github.com/event-gateway/event-gateway/store/memory"
	"github.com/event-gateway/event-gateway/store/upkeep"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func rules() *store.Rules {
	return store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil)
}

// secret stands in the records of all tests, and must stand nowhere else.
const secret = "a-key-that-nobody-may-see"

func function(space, id string) (key, value string) {
	return "functions/" + space + "/" + id,
		fmt.Sprintf(`{"space":%q,"functionId":%q,"type":"awslambda","provider":{"arn":"arn:aws:lambda:us-east-1:1:function:f","region":"us-east-1","awsAccessKeyId":"k","awsSecretAccessKey":%q}}`, space, id, secret)
}

func subscription(space, method, path string) (key, value string) {
	id := "http," + method + "," + strings.ReplaceAll(path, "/", "%2F")
	return "subscriptions/" + space + "/" + id,
		fmt.Sprintf(`{"space":%q,"subscriptionId":%q,"event":"http","functionId":"f","method":%q,"path":%q}`, space, id, method, path)
}

// filler writes records to one realm.
type filler struct {
	t     testing.TB
	s     store.Store
	realm store.Realm
	head  store.Head
	revs  map[string]store.Rev
	ops   []store.Op
}

func fill(t testing.TB, s store.Store, realm store.Realm) *filler {
	_, head, err := s.Load(t.Context(), realm)
	if err != nil {
		t.Fatal(err)
	}
	return &filler{t: t, s: s, realm: realm, head: head, revs: map[string]store.Rev{}}
}

func (f *filler) put(key, value string) *filler {
	f.ops = append(f.ops, store.Op{Key: key, Was: f.revs[key], Value: []byte(value)})
	if len(f.ops) == store.MaxOps {
		f.commit()
	}
	return f
}

func (f *filler) delete(key string) *filler {
	f.ops = append(f.ops, store.Op{Key: key, Was: f.revs[key]})
	return f
}

func (f *filler) commit() {
	f.t.Helper()
	if len(f.ops) == 0 {
		return
	}
	c := store.Commit{ID: rand.Text(), Ops: f.ops}
	head, err := f.s.Commit(context.WithoutCancel(f.t.Context()), f.realm, f.head, c)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, op := range f.ops {
		f.revs[op.Key] = head.Rev
		if op.Value == nil {
			delete(f.revs, op.Key)
		}
	}
	f.head, f.ops = head, nil
}

// contents returns all records of a store, as realm: key = value. Those of a check do not count.
func contents(t testing.TB, s store.Database) map[string]string {
	t.Helper()
	realms, err := s.Realms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, realm := range realms {
		items, _, err := s.Load(t.Context(), realm)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range items {
			all[string(realm)+": "+item.Key] = string(item.Value)
		}
	}
	return all
}

func same(t testing.TB, what string, got, want map[string]string) {
	t.Helper()
	if maps.Equal(got, want) {
		return
	}
	var differ []string
	for key, value := range want {
		if got[key] != value {
			differ = append(differ, "-"+key)
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			differ = append(differ, "+"+key)
		}
	}
	slices.Sort(differ)
	t.Errorf("%s: %d records, want %d: %.1000v", what, len(got), len(want), differ)
}

// copyOf runs Copy and checks that no secret is told.
func copyOf(ctx context.Context, t testing.TB, from, to store.Database, layout upkeep.Layout) (out string, err error) {
	t.Helper()
	var b strings.Builder
	err = upkeep.Copy(ctx, from, to, upkeep.CopyOptions{Layout: layout, Rules: rules()}, &b)
	if told := fmt.Sprint(b.String(), err); strings.Contains(told, secret) {
		t.Errorf("a secret is told: %s", told)
	}
	return b.String(), err
}

// consistent checks a store as upkeep.Check does it: digests, chains and logs.
func consistent(t testing.TB, s store.Database) {
	t.Helper()
	var b strings.Builder
	if err := upkeep.Check(t.Context(), s, upkeep.CheckOptions{Deep: true, ReadOnly: true, Rules: rules()}, &b); err != nil {
		t.Errorf("%s%v", b.String(), err)
	}
}

// hooked is a memory store whose calls can be interfered with.
type hooked struct {
	*memory.Store
	load    func(realm store.Realm)
	commit  func(ctx context.Context, realm store.Realm, at store.Head, c store.Commit) (store.Head, error)
	changes func(commits []store.Commit, wait time.Duration) []store.Commit

	mu sync.Mutex
}

func (h *hooked) Load(ctx context.Context, realm store.Realm) ([]store.Item, store.Head, error) {
	if h.load != nil {
		h.mu.Lock()
		h.load(realm)
		h.mu.Unlock()
	}
	return h.Store.Load(ctx, realm)
}

func (h *hooked) Commit(ctx context.Context, realm store.Realm, at store.Head, c store.Commit) (store.Head, error) {
	if err := c.Check(); err != nil {
		return store.Head{}, err
	}
	if h.commit == nil {
		return h.Store.Commit(ctx, realm, at, c)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.commit(ctx, realm, at, c)
}

func (h *hooked) Changes(ctx context.Context, realm store.Realm, after store.Rev, wait time.Duration) ([]store.Commit, store.Head, error) {
	commits, head, err := h.Store.Changes(ctx, realm, after, wait)
	if h.changes != nil {
		commits = h.changes(commits, wait)
	}
	return commits, head, err
}

// etcdServer starts an etcd and returns its endpoint.
func etcdServer(t testing.TB) string {
	t.Helper()
	s, err := embed.Start(context.Background(), embed.Options{DataDir: t.TempDir(), UnsafeNoFsync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s.Endpoint()
}

func openEtcd(t testing.TB, endpoint, prefix string) *etcd.Store {
	t.Helper()
	s, err := etcd.Open(etcd.Options{Endpoints: []string{endpoint}, Prefix: prefix, Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
