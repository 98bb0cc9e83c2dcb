package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/memory"
	"github.com/event-gateway/event-gateway/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// instance is what one gateway knows of a realm.
type instance struct {
	logged *storetest.Buffer
	store.Store
	live   *store.Live
	config *store.Config
	rules  *store.Rules
}

// newInstance returns an instance that follows the store, once it has a snapshot.
func newInstance(t *testing.T, s store.Store) *instance {
	t.Helper()
	i := &instance{Store: s, rules: store.NewRules(invoke.FunctionTypes(invoke.GatewayCredentials), false, nil), logged: &storetest.Buffer{}}
	i.live = store.NewLive(s, store.Shared, i.rules, slog.New(slog.NewTextHandler(i.logged, nil)))
	i.config = store.NewConfig(s, i.live, i.rules)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { i.live.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	if err := i.live.WaitFor(ctx, 0); err != nil {
		t.Fatal(err)
	}
	return i
}

func (i *instance) function(t *testing.T, space, id string) {
	t.Helper()
	f, err := i.rules.DecodeFunction(fmt.Appendf(nil, `{"functionId":%q,"type":"http","provider":{"url":"http://localhost:1"}}`, id), space, "")
	if err == nil {
		_, err = i.config.CreateFunction(t.Context(), f)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (i *instance) subscribe(space, body string) error {
	s, err := i.rules.DecodeSubscription([]byte(body), space)
	if err == nil {
		_, err = i.config.CreateSubscription(context.Background(), s)
	}
	return err
}

// commitRaw writes items past all rules, as another version or a person with a database client would.
func commitRaw(t *testing.T, s store.Store, items map[string]string) {
	t.Helper()
	before, head, err := s.Load(t.Context(), store.Shared)
	if err != nil {
		t.Fatal(err)
	}
	was := map[string]store.Rev{}
	for _, item := range before {
		was[item.Key] = item.Rev
	}
	c := store.Commit{ID: fmt.Sprint("raw", head.Rev)}
	for key, value := range items {
		c.Ops = append(c.Ops, store.Op{Key: key, Was: was[key], Value: []byte(value)})
	}
	if _, err := s.Commit(t.Context(), store.Shared, head, c); err != nil {
		t.Fatal(err)
	}
}

// TestX3_X4: records that make no sense are left out, and harm nothing else.
func TestX3_X4(t *testing.T) {
	s := memory.New()
	i := newInstance(t, s)
	i.function(t, "default", "good")
	commitRaw(t, s, map[string]string{
		"noslash":                                "x",
		"functions":                              "{}",
		"functions/default":                      "{}",
		"functions/default/x4":                   `{"space":"default","functionId":"x4","type":"http"}`,
		"functions/default/null":                 `null`,
		"functions/default/text":                 `hello`,
		"functions/default/other":                `{"space":"default","functionId":"another","type":"http","provider":{"url":"http://localhost:1"}}`,
		"functions/default/strange":              `{"space":"default","functionId":"strange","type":"quantum","provider":{"url":"x"}}`,
		"subscriptions/default/a,good,%2F":       `{"space":"elsewhere","subscriptionId":"a,good,%2F","event":"a","functionId":"good","path":"/"}`,
		"subscriptions/default/none":             `{"space":"default"}`,
		"subscriptions/default/e,good,%2F..%2Fa": `{"space":"default","subscriptionId":"e,good,%2F..%2Fa","event":"e","functionId":"good","path":"/../a"}`,
		"eventtypes/default/t":                   `[]`,
		"cors/default/text":                      `hello`,
		"cors/default/GET%2Fother":               `{"space":"default","corsId":"GET%2Fother","method":"GET","path":"/another"}`,
		"cors/default/GET%2Fa%2F..":              `{"space":"default","corsId":"GET%2Fa%2F..","method":"GET","path":"/a/.."}`,
		"cors/default/FLY%2F":                    `{"space":"default","corsId":"FLY%2F","method":"FLY","path":"/"}`,
		"plans/default/x":                        `{}`,
	})
	if err := i.live.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	check := func(snapshot *store.Snapshot) {
		t.Helper()
		if n := snapshot.Corrupt(); n != 17 {
			t.Errorf("%d records are left out, want 17", n)
		}
		if snapshot.Function("default", "good") == nil || snapshot.Function("default", "x4") != nil {
			t.Error("the good one is gone, or a bad one is there")
		}
		items, head, err := s.Load(t.Context(), store.Shared)
		if err != nil || snapshot.Head != head || len(items) != 18 {
			t.Errorf("%v: snapshot at %v, store at %v with %d items", err, snapshot.Head, head, len(items))
		}
	}
	check(i.live.Snapshot())
	check(newInstance(t, s).live.Snapshot()) // also after a restart
	// Others can be changed, a bad one can be taken away, but not written over by accident.
	i.function(t, "default", "more")
	f, err := i.rules.DecodeFunction([]byte(`{"functionId":"x4","type":"http","provider":{"url":"http://localhost:1"}}`), "default", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.config.CreateFunction(t.Context(), f); err == nil {
		t.Error("a record that cannot be read was written over")
	}
	if _, err := i.config.DeleteFunction(t.Context(), "default", "x4", nil); err != nil {
		t.Error(err)
	}
	if n := i.live.Snapshot().Corrupt(); n != 16 {
		t.Errorf("%d records are left out, want 16", n)
	}
}

// TestN: whatever space is read first, a route belongs to the one that made it. A restart reads all of them again.
func TestN(t *testing.T) {
	s := memory.New()
	i := newInstance(t, s)
	i.function(t, "zzz", "f")
	i.function(t, "aaa", "f")
	const route = `{"functionId":"f","event":"http","method":"GET","path":"/r"}`
	if err := i.subscribe("zzz", route); err != nil {
		t.Fatal(err)
	}
	if err := i.subscribe("aaa", route); err == nil {
		t.Error("a second space took the route")
	}
	var r store.Route
	newInstance(t, s).live.Snapshot().Route("GET", "/r", store.Plain, &r)
	if r.Sync == nil || r.Sync.Subscription.Space != "zzz" {
		t.Errorf("after a restart the route goes to %+v", r.Sync)
	}
}

// TestUnknownMembersSurvive: what a newer version wrote is still there after this one has changed the record.
func TestUnknownMembersSurvive(t *testing.T) {
	s := memory.New()
	i := newInstance(t, s)
	commitRaw(t, s, map[string]string{
		"functions/default/f":           `{"space":"default","functionId":"f","type":"http","provider":{"url":"http://localhost:1","weight":{"a":1}},"color":"red"}`,
		"subscriptions/default/e,f,%2F": `{"space":"default","subscriptionId":"e,f,%2F","event":"e","functionId":"f","path":"/","color":"red"}`,
		"eventtypes/default/t":          `{"space":"default","name":"t","color":"red","subscriptions":"many"}`,
		"cors/default/GET%2Fa":          `{"space":"default","corsId":"GET%2Fa","method":"GET","path":"/a","color":"red"}`,
	})
	if err := i.live.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	f, err := i.rules.DecodeFunction([]byte(`{"type":"http","provider":{"url":"http://localhost:2"}}`), "default", "f")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.config.UpdateFunction(t.Context(), f, nil); err != nil {
		t.Fatal(err)
	}
	sub, err := i.rules.DecodeSubscription([]byte(`{"event":"e","functionId":"f","cors":{}}`), "default")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.config.UpdateSubscription(t.Context(), "e,f,%2F", sub, nil); err != nil {
		t.Fatal(err)
	}
	typ, err := i.rules.DecodeEventType([]byte(`{"metadata":{"a":"b"}}`), "default", "t")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.config.UpdateEventType(t.Context(), typ, nil); err != nil {
		t.Fatal(err)
	}
	cors, err := i.rules.DecodeCORS([]byte(`{"method":"GET","path":"/a","metadata":{"a":"b"}}`), "default")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.config.UpdateCORS(t.Context(), cors.ID, cors, nil); err != nil {
		t.Fatal(err)
	}
	items, _, err := s.Load(t.Context(), store.Shared)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range items {
		if !strings.Contains(string(item.Value), `"color":"red"`) {
			t.Errorf("%s is now %s", item.Key, item.Value)
		}
		if strings.Contains(string(item.Value), "many") {
			t.Errorf("a count was stored: %s", item.Value)
		}
		if strings.HasPrefix(item.Key, "functions/") && !strings.Contains(string(item.Value), `"weight":{"a":1}`) {
			t.Errorf("a setting of the provider is gone: %s", item.Value)
		}
	}
}

// TestLongIDs: an id may be longer than a key, and still names one record.
func TestLongIDs(t *testing.T) {
	i := newInstance(t, memory.New())
	i.function(t, "default", "f")
	path := strings.Repeat("/é", 60) + "/"
	for _, end := range []string{"a", "b"} {
		if err := i.subscribe("default", fmt.Sprintf(`{"functionId":"f","event":"e","path":"%s%s"}`, path, end)); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for sub := range i.live.Snapshot().Subscriptions("default") {
		n++
		if got, err := i.config.Subscription("default", sub.ID); err != nil || got != sub || len(sub.ID) < store.MaxKeyBytes {
			t.Error(got, err, len(sub.ID))
		}
	}
	if n != 2 {
		t.Errorf("there are %d subscriptions, want 2", n)
	}
}

// faulty is a store whose network is bad.
type faulty struct {
	store.Store
	down     atomic.Bool
	loseAcks atomic.Int64 // so many commits land, and the answer does not come back
	calls    atomic.Int64
	delay    time.Duration // of each commit
	drop     atomic.Bool   // leave out what changed, and claim that it was all
}

var errDown = errors.New("connection refused")

func (f *faulty) Load(ctx context.Context, r store.Realm) ([]store.Item, store.Head, error) {
	if f.calls.Add(1); f.down.Load() {
		return nil, store.Head{}, errDown
	}
	return f.Store.Load(ctx, r)
}

func (f *faulty) Changes(ctx context.Context, r store.Realm, after store.Rev, wait time.Duration) ([]store.Commit, store.Head, error) {
	if f.calls.Add(1); f.down.Load() {
		return nil, store.Head{}, errDown
	}
	commits, head, err := f.Store.Changes(ctx, r, after, wait)
	if f.down.Load() {
		return nil, store.Head{}, errDown
	}
	if f.drop.Load() && len(commits) > 0 {
		for i := range commits {
			commits[i].Ops = nil
		}
	}
	return commits, head, err
}

func (f *faulty) Commit(ctx context.Context, r store.Realm, at store.Head, c store.Commit) (store.Head, error) {
	if f.calls.Add(1); f.down.Load() {
		return store.Head{}, errDown
	}
	time.Sleep(f.delay)
	head, err := f.Store.Commit(ctx, r, at, c)
	if err == nil && f.loseAcks.Add(-1) >= 0 {
		return store.Head{}, context.DeadlineExceeded
	}
	return head, err
}

// TestLostAck: a commit that landed, though the store did not say so, is a success, and is made once.
func TestLostAck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{Store: memory.New()}
		i := newInstance(t, f)
		f.loseAcks.Store(1)
		i.function(t, "default", "f")
		if rev := i.live.Snapshot().Head.Rev; rev != 1 {
			t.Errorf("the realm is at revision %d, want 1", rev)
		}
		// Another instance gets in between, then the ack of ours is lost.
		other := newInstance(t, f.Store)
		f.loseAcks.Store(1)
		other.function(t, "default", "g")
		i.function(t, "default", "h")
		if rev := i.live.Snapshot().Head.Rev; rev != 3 {
			t.Errorf("the realm is at revision %d, want 3", rev)
		}
	})
}

// TestU: while the store is away, routing goes on, writes say so, and nobody asks it in a loop without a pause. Afterwards all is right.
func TestU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{Store: memory.New()}
		i := newInstance(t, f)
		i.function(t, "default", "f")
		if err := i.subscribe("default", `{"functionId":"f","event":"http","method":"GET","path":"/r"}`); err != nil {
			t.Fatal(err)
		}
		f.down.Store(true)
		other := newInstance(t, f.Store)
		other.function(t, "default", "meanwhile") // wakes the wait, which fails
		synctest.Wait()
		before := f.calls.Load()
		time.Sleep(10 * time.Minute)
		if n := f.calls.Load() - before; n < 500 || n > 2000 {
			t.Errorf("the store was asked %d times in ten minutes; two or three times a second is right", n)
		}
		var r store.Route
		if i.live.Snapshot().Route("GET", "/r", store.Plain, &r); r.Sync == nil {
			t.Error("the route is gone")
		}
		if age := i.live.Age(); age < 10*time.Minute {
			t.Errorf("the snapshot says that it is %s old", age)
		}
		err := i.subscribe("default", `{"functionId":"f","event":"e"}`)
		var e *store.Error
		if !errors.As(err, &e) || e.Code != store.Unavailable {
			t.Errorf("a write ended with %v", err)
		}
		if err := other.subscribe("default", `{"functionId":"f","event":"x"}`); err != nil {
			t.Fatal(err)
		}
		if _, err := other.config.DeleteSubscription(t.Context(), "default", "http,GET,%2Fr", nil); err != nil {
			t.Fatal(err)
		}
		f.down.Store(false)
		time.Sleep(5 * time.Second)
		if got, want := i.live.Snapshot().Head, other.live.Snapshot().Head; got != want {
			t.Errorf("the snapshot is at %v, want %v", got, want)
		}
		if i.live.Snapshot().Route("GET", "/r", store.Plain, &r); r.Sync != nil {
			t.Error("what was deleted meanwhile is still there")
		}
	})
}

// TestMissedChange: a snapshot that missed something is found by its digest, and loaded again.
func TestMissedChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{Store: memory.New()}
		i := newInstance(t, f)
		other := newInstance(t, f.Store)
		time.Sleep(time.Minute)
		f.drop.Store(true)
		other.function(t, "default", "f")
		synctest.Wait()
		if i.live.Snapshot().Function("default", "f") == nil {
			t.Error("the function is missing")
		}
		if s := i.live.Stats(); s.Mismatches != 1 || s.Loads != 2 {
			t.Errorf("%+v", s)
		}
	})
}

// TestMissedAgain: a snapshot that missed something again, right after it was loaded, is loaded once more soon, though nothing else is committed.
func TestMissedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{Store: memory.New()}
		f.drop.Store(true)
		here, there := newRealms(f, store.RealmsOptions{}), hosted(f, 10)
		defer run(here)()
		defer run(there)()
		subscribe(t, f.Store, "aaa", "aaa", "/0")
		request(t, there, "aaa", "/0")
		time.Sleep(time.Minute)
		for n := range 2 {
			subscribe(t, f.Store, store.Shared, "aaa", fmt.Sprint("/", n))
			subscribe(t, f.Store, "aaa", "aaa", fmt.Sprint("/more/", n))
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		if !request(t, here, store.Shared, "/1") || !request(t, there, "aaa", "/more/1") {
			t.Error("a route is missing")
		}
	})
}

// TestFolding: writes that wait at the same time are one commit; two instances that write against each other all succeed.
func TestFolding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		near, far := &faulty{Store: s, delay: time.Millisecond}, &faulty{Store: s, delay: 3 * time.Millisecond}
		a, b := newInstance(t, near), newInstance(t, far)
		a.function(t, "default", "f")
		var wg sync.WaitGroup
		for n := range 50 {
			for _, i := range []*instance{a, b} {
				wg.Go(func() {
					body := fmt.Sprintf(`{"functionId":"f","event":"e%d","path":"/%p"}`, n, i)
					if err := i.subscribe("default", body); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Wait()
		if rev := a.live.Snapshot().Head.Rev; rev > 8 {
			t.Errorf("100 writes took %d commits", rev)
		}
		// In one commit, the second of two that exclude each other is refused.
		var refused atomic.Int64
		for range 40 {
			wg.Go(func() {
				if a.subscribe("default", `{"functionId":"f","event":"http","method":"GET","path":"/one"}`) != nil {
					refused.Add(1)
				}
			})
		}
		wg.Wait()
		if refused.Load() != 39 {
			t.Errorf("%d of 40 were refused, want 39", refused.Load())
		}
	})
}

// TestSlowWriter: an instance that is far from the store gets its turn while one that is near writes all the time; and both count what it takes.
func TestSlowWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		near, far := newInstance(t, &faulty{Store: s, delay: time.Millisecond}), newInstance(t, &faulty{Store: s, delay: 3 * time.Millisecond})
		near.function(t, "default", "f")
		var wg sync.WaitGroup
		var stopped atomic.Bool
		for client := range 2 {
			wg.Go(func() {
				for n := 0; !stopped.Load(); n++ {
					if err := near.subscribe("default", fmt.Sprintf(`{"functionId":"f","event":"near","path":"/%d/%d"}`, client, n)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for n := range 5 {
			began := time.Now()
			if err := far.subscribe("default", fmt.Sprintf(`{"functionId":"f","event":"far","path":"/%d"}`, n)); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("write %d took %v", n, took)
			}
			time.Sleep(3 * time.Second)
		}
		stopped.Store(true)
		wg.Wait()
		near.function(t, "default", "g")
		for name, i := range map[string]*instance{"near": near, "far": far} {
			if s := i.live.Stats(); s.Batches < 5 || s.Commits != s.Batches+s.Conflicts || s.Commits >= 5*s.Batches && name == "near" {
				t.Errorf("%s: %+v", name, s)
			}
		}
	})
}

// TestLoneWriter: who is alone does not wait.
func TestLoneWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newInstance(t, &faulty{Store: memory.New(), delay: time.Millisecond})
		i.function(t, "default", "f")
		began := time.Now()
		for n := range 1000 {
			if err := i.subscribe("default", fmt.Sprintf(`{"functionId":"f","event":"e","path":"/%d"}`, n)); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took > 1010*time.Millisecond {
			t.Errorf("1000 writes of 1 ms took %v", took)
		}
	})
}

// blocked is a store whose commits wait.
type blocked struct {
	store.Store
	begun   chan struct{}
	release chan struct{}
}

func (b *blocked) Commit(ctx context.Context, r store.Realm, at store.Head, c store.Commit) (store.Head, error) {
	b.begun <- struct{}{}
	<-b.release
	return b.Store.Commit(ctx, r, at, c)
}

// held returns an instance, and a function that runs its argument while a commit is under way.
func held(t *testing.T) (i *instance, during func(func())) {
	b := &blocked{Store: memory.New(), begun: make(chan struct{}, 100), release: make(chan struct{}, 100)}
	i = newInstance(t, b)
	n := 0
	return i, func(f func()) {
		for range 100 {
			select {
			case <-b.begun:
			default:
			}
		}
		for len(b.release) > 0 {
			<-b.release
		}
		n++
		var wg sync.WaitGroup
		wg.Go(func() { i.function(t, "default", fmt.Sprint("first", n)) })
		<-b.begun
		f()
		for range 10 {
			b.release <- struct{}{}
		}
		wg.Wait()
	}
}

// TestW_GivenUp: a write whose sender has gone before its turn came is not made later.
func TestW_GivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, during := held(t)
		during(func() {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			f, err := i.rules.DecodeFunction([]byte(`{"functionId":"gone","type":"http","provider":{"url":"http://localhost:1"}}`), "default", "")
			if err != nil {
				t.Fatal(err)
			}
			_, err = i.config.CreateFunction(ctx, f)
			var e *store.Error
			if !errors.As(err, &e) || e.Code != store.Unavailable || !strings.Contains(e.Message, "Nothing was changed") {
				t.Error(err)
			}
		})
		during(func() {})
		if i.live.Snapshot().Function("default", "gone") != nil {
			t.Error("the write was made after its sender was told that it was not")
		}
	})
}

// TestW_SameRecord: of writes of one record that wait together, each is answered with what it wrote.
func TestW_SameRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, during := held(t)
		during(func() {})
		var wg sync.WaitGroup
		put := func(port int) {
			url := fmt.Sprintf("http://localhost:%d", port)
			f, err := i.rules.DecodeFunction(fmt.Appendf(nil, `{"type":"http","provider":{"url":%q}}`, url), "default", "first1")
			if err != nil {
				t.Fatal(err)
			}
			got, err := i.config.UpdateFunction(t.Context(), f, nil)
			if err != nil || got == nil || got.Provider.Text("url") != url {
				t.Errorf("put %d, got %v, %v", port, got, err)
			}
		}
		during(func() {
			for n := range 3 {
				wg.Go(func() { put(100 + n) })
				synctest.Wait()
			}
			wg.Go(func() {
				if _, err := i.config.DeleteFunction(t.Context(), "default", "first1", nil); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		})
		wg.Wait()
		if i.live.Snapshot().Function("default", "first1") != nil {
			t.Error("it was deleted last, and is there")
		}
	})
}

// panicking is a store with a bug.
type panicking struct {
	store.Store
	panics atomic.Bool
}

func (p *panicking) Commit(ctx context.Context, r store.Realm, at store.Head, c store.Commit) (store.Head, error) {
	if p.panics.Load() {
		panic("a bug")
	}
	return p.Store.Commit(ctx, r, at, c)
}

// TestPanicInCommit: a panic ends one request, not all that follow.
func TestPanicInCommit(t *testing.T) {
	p := &panicking{Store: memory.New()}
	i := newInstance(t, p)
	p.panics.Store(true)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("there was no panic")
			}
		}()
		_, _ = i.config.DeleteFunction(t.Context(), "default", "f", nil)
		i.function(t, "default", "f")
	}()
	p.panics.Store(false)
	i.function(t, "default", "g")
}

// restorable is a database that is replaced by another one.
type restorable struct {
	mu sync.Mutex
	store.Store
}

func (r *restorable) now() store.Store {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Store
}

func (r *restorable) Load(ctx context.Context, realm store.Realm) ([]store.Item, store.Head, error) {
	return r.now().Load(ctx, realm)
}

func (r *restorable) Changes(ctx context.Context, realm store.Realm, after store.Rev, wait time.Duration) ([]store.Commit, store.Head, error) {
	return r.now().Changes(ctx, realm, after, min(wait, time.Second))
}

// TestRestored: a database that was set back is noticed, also if it was written to since and is at the same revision again.
func TestRestored(t *testing.T) {
	for _, more := range []int{0, 1, 3} {
		synctest.Test(t, func(t *testing.T) {
			before, after := memory.New(), memory.New()
			write := func(s store.Store, port int) {
				i := newInstance(t, s)
				f, err := i.rules.DecodeFunction(fmt.Appendf(nil, `{"functionId":"f","type":"http","provider":{"url":"http://localhost:%d"}}`, port), "default", "")
				if err == nil {
					_, err = i.config.CreateFunction(t.Context(), f)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			write(before, 1)
			r := &restorable{Store: before}
			i := newInstance(t, r)
			if more > 0 {
				write(after, 2)
			}
			for n := range more - 1 {
				newInstance(t, after).function(t, "default", fmt.Sprint("g", n))
			}
			r.mu.Lock()
			r.Store = after
			r.mu.Unlock()
			time.Sleep(time.Minute)
			_, head, err := after.Load(t.Context(), store.Shared)
			if err != nil || i.live.Snapshot().Head != head {
				t.Errorf("%d commits after the restore: the snapshot is at %v, the store at %v, %v", more, i.live.Snapshot().Head, head, err)
			}
			if f := i.live.Snapshot().Function("default", "f"); more > 0 && (f == nil || f.Provider.Text("url") != "http://localhost:2") {
				t.Errorf("%d commits after the restore: the function is %v", more, f)
			}
			if n := strings.Count(i.logged.String(), "at an earlier revision"); (more == 0) != (n == 1) || n > 1 {
				t.Errorf("%d commits after the restore: the log says %d times that the store went back", more, n)
			}
		})
	}
}

// damaged is a store that reports another state than it has, each time.
type damaged struct {
	store.Store
	report func([]store.Commit, store.Head) ([]store.Commit, store.Head, error)
}

func (d *damaged) Changes(ctx context.Context, realm store.Realm, after store.Rev, wait time.Duration) ([]store.Commit, store.Head, error) {
	commits, head, err := d.Store.Changes(ctx, realm, after, wait)
	if err != nil {
		return nil, head, err
	}
	return d.report(commits, head)
}

// TestReloadsAreBounded: a database that is damaged for good is not read all the time, but the gateway goes on having what it holds.
func TestReloadsAreBounded(t *testing.T) {
	f := func(name string, most uint64, report func([]store.Commit, store.Head) ([]store.Commit, store.Head, error)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := memory.New()
				i, other := newInstance(t, &damaged{s, report}), newInstance(t, s)
				for n := range 100 {
					other.function(t, "default", fmt.Sprint("f", n))
					time.Sleep(100 * time.Millisecond)
				}
				if loads := i.live.Stats().Loads; loads < 4 || loads > 10 {
					t.Errorf("%d loads in ten seconds of changes", loads)
				}
				time.Sleep(15 * time.Second)
				if got, want := i.live.Snapshot().Head, other.live.Snapshot().Head; got != want {
					t.Errorf("the snapshot is at %v, the store at %v", got, want)
				}
				before := i.live.Stats().Loads
				time.Sleep(10 * time.Minute)
				if loads := i.live.Stats().Loads - before; loads > most {
					t.Errorf("%d loads in ten minutes without changes, at most %d are right", loads, most)
				}
			})
		})
	}
	f("commits without ops", 0, func(commits []store.Commit, head store.Head) ([]store.Commit, store.Head, error) {
		for i := range commits {
			commits[i].Ops = nil
		}
		return commits, head, nil
	})
	f("commits out of order", 0, func(commits []store.Commit, head store.Head) ([]store.Commit, store.Head, error) {
		for i := range commits {
			commits[i].Rev++
		}
		return commits, head, nil
	})
	f("no log", 61, func([]store.Commit, store.Head) ([]store.Commit, store.Head, error) {
		return nil, store.Head{}, store.ErrTrimmed
	})
	f("a head of something else", 61, func(commits []store.Commit, head store.Head) ([]store.Commit, store.Head, error) {
		head.Digest++
		return commits, head, nil
	})
}

// TestApply: a snapshot that followed every change is the same as one made of the items.
func TestApply(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	s := memory.New()
	i := newInstance(t, s)
	spaces := []string{"aaa", "bbb", "ccc"}
	for _, space := range spaces {
		i.function(t, space, "f")
	}
	for range 600 {
		space := spaces[random.IntN(len(spaces))]
		path := []string{"/", "/a", "/:x", "/a/:y", "/*z", "/:x/b"}[random.IntN(6)]
		if random.IntN(3) > 0 {
			event := []string{"http", "e", "invoke", "gateway.function.invoked"}[random.IntN(4)]
			_ = i.subscribe(space, fmt.Sprintf(`{"functionId":"f","event":%q,"method":"GET","path":%q}`, event, path)) // or refused
			continue
		}
		for sub := range i.live.Snapshot().Subscriptions(space) {
			if random.IntN(4) == 0 {
				if _, err := i.config.DeleteSubscription(t.Context(), space, sub.ID, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	fresh := newInstance(t, s)
	if fresh.live.Snapshot().Head != i.live.Snapshot().Head {
		t.Fatalf("%v and %v", fresh.live.Snapshot().Head, i.live.Snapshot().Head)
	}
	for _, path := range []string{"/", "/a", "/b", "/a/b", "/a/b/c"} {
		for event, method := range map[string]string{store.Plain: "GET", "e": "POST"} {
			var got, want store.Route
			i.live.Snapshot().Route(method, path, event, &got)
			fresh.live.Snapshot().Route(method, path, event, &want)
			if describe(got) != describe(want) {
				t.Errorf("%s on %s goes to\n%s, in a fresh snapshot to\n%s", event, path, describe(got), describe(want))
			}
		}
	}
	for _, space := range spaces {
		got := describe(store.Route{Async: i.live.Snapshot().System("function.invoked", space, nil)})
		if want := describe(store.Route{Async: fresh.live.Snapshot().System("function.invoked", space, nil)}); got != want {
			t.Errorf("the system event of %s goes to\n%s, in a fresh snapshot to\n%s", space, got, want)
		}
	}
}

func describe(r store.Route) string {
	var lines []string
	if r.Sync != nil {
		lines = append(lines, fmt.Sprintln("sync", r.Sync.Subscription.Space, r.Sync.Subscription.ID, r.Sync.Values))
	}
	for _, a := range r.Async {
		lines = append(lines, fmt.Sprintln(a.Subscription.Space, a.Subscription.ID, a.Values))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}
