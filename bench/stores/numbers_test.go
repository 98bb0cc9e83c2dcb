package stores

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/event-gateway/event-gateway/app"
	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/storetest"
)

func TestMain(m *testing.M) {
	if os.Getenv("STORES") == "" {
		fmt.Println("the numbers of the stores take minutes and real servers: make bench-stores")
		return
	}
	os.Exit(m.Run())
}

// database is one kind of store, and its client's own calls.
type database struct {
	name  string
	start func(t *testing.T) (url, addr string) // of one server
	dial  func(t *testing.T, url string) client
	poll  time.Duration // how often the store asks; 0 if it is told
}

// client does with the client of a database what a store is compared with.
type client interface {
	// read reads one key of about the size of a head, and what it returns is no older than the call.
	read(ctx context.Context) error
	// swap replaces the value of one key in a transaction that compares it.
	swap(ctx context.Context) error
	// put writes a key. watch sends to seen what n others see of it, each on a connection of its own, until ctx ends.
	put(ctx context.Context, value string) error
	watch(ctx context.Context, n int, seen chan<- string) error
	// readAll reads all items that a store holds of the realm, and returns how many there are.
	readAll(ctx context.Context, realm store.Realm) (int, error)
}

// row is one line of the table.
type row struct {
	name, note      string
	measured, limit float64
}

// wanted returns the databases that STORES names, or all.
func wanted() []database {
	names := os.Getenv("STORES")
	return slices.DeleteFunc(slices.Clone(databases), func(db database) bool {
		return names != "all" && !slices.Contains(strings.Split(names, ","), db.name)
	})
}

func TestNumbers(t *testing.T) {
	var rows []row
	for _, db := range wanted() {
		t.Run(db.name, func(t *testing.T) {
			url, addr := db.start(t)
			b := bench{t: t, db: db, url: url, addr: addr, client: db.dial(t, url)}
			for _, measure := range []func() []row{b.catchUp, b.commit, b.watch, b.load, b.idle} {
				rows = append(rows, measure()...)
			}
		})
	}
	for _, r := range rows {
		if r.measured > r.limit {
			t.Errorf("%s is over its limit", r.name)
		}
	}
	printTable(os.Stdout, rows)
}

func printTable(to io.Writer, rows []row) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "number\tmeasured\tlimit\t\tin this run")
	for _, r := range rows {
		verdict := "ok"
		if r.measured > r.limit {
			verdict = "over"
		}
		fmt.Fprintf(w, "%s\t%.3gx\t%.3gx\t%s\t%s\n", r.name, r.measured, r.limit, verdict, r.note)
	}
	w.Flush()
}

// bench measures one store.
type bench struct {
	t         *testing.T
	db        database
	url, addr string
	client    client
}

func (b bench) open(url string) store.Database {
	b.t.Helper()
	s, err := app.OpenStore(url, slog.New(slog.DiscardHandler))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { s.Close() })
	return s
}

func (b bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// compare measures two things in turns, so that a busy machine disturbs both, and returns the ratio of their medians.
func (b bench) compare(name string, limit float64, times int, ours, own func() error) row {
	b.t.Helper()
	var a, z []time.Duration
	for range times {
		a, z = append(a, b.took(ours)), append(z, b.took(own))
	}
	return ratio(b.db.name+": "+name, limit, at(a, 0.5), at(z, 0.5))
}

func (b bench) took(f func() error) time.Duration {
	b.t.Helper()
	began := time.Now()
	b.must(f())
	return time.Since(began)
}

func ratio(name string, limit float64, ours, own time.Duration) row {
	return row{name: name, measured: float64(ours) / float64(own), limit: limit, note: fmt.Sprintf("%v against %v", round(ours), round(own))}
}

func round(d time.Duration) time.Duration {
	if d > 10*time.Millisecond {
		return d.Round(time.Millisecond)
	}
	return d.Round(time.Microsecond)
}

// at returns a quantile.
func at(d []time.Duration, q float64) time.Duration {
	slices.SortFunc(d, cmp.Compare)
	return d[min(int(q*float64(len(d))), len(d)-1)]
}

// catchUp: a catch-up with nothing new, against a read of one key.
func (b bench) catchUp() []row {
	s := b.open(b.url)
	head := storetest.Fill(b.t, s, "caught", 600)
	return []row{b.compare("a catch-up with nothing new, against the client's read of a key", 2, 500, func() error {
		_, _, err := s.Changes(b.t.Context(), "caught", head.Rev, 0)
		return err
	}, func() error { return b.client.read(b.t.Context()) })}
}

// commit: a commit of one record, against a transaction of one key.
func (b bench) commit() []row {
	s := b.open(b.url)
	var head store.Head
	value := []byte(strings.Repeat("v", 300))
	return []row{b.compare("a commit, against the client's transaction of a key", 2.5, 500, func() (err error) {
		c := store.Commit{ID: "id" + head.String(), Ops: []store.Op{{Key: "k", Was: head.Rev, Value: value}}}
		head, err = s.Commit(b.t.Context(), "committed", head, c)
		return err
	}, func() error { return b.client.swap(b.t.Context()) })}
}

const watchers, watched = 50, 200

// watch: from a commit until each of fifty instances has it, against fifty clients that watch a key, in turns.
func (b bench) watch() []row {
	ctx, cancel := context.WithCancel(b.t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	name := b.db.name + ": 50 instances see a change, p99"
	ours := b.follow(ctx, &wg)
	if b.db.poll > 0 {
		took := rounds(10, ours)
		return []row{ratio(name+", against the poll interval", 1.5, at(took[0], 0.99), b.db.poll)}
	}
	took := rounds(watched, ours, b.watchKey(ctx))
	return []row{ratio(name+", against the client's own watch", 3, at(took[0], 0.99), at(took[1], 0.99))}
}

// rounds runs all in turns, n times, and returns what each took. The first two rounds do not count: they find watches not running yet.
func rounds(n int, all ...func() []time.Duration) [][]time.Duration {
	took := make([][]time.Duration, len(all))
	for i := range n + 2 {
		for k, round := range all {
			if now := round(); i > 1 {
				took[k] = append(took[k], now...)
			}
			time.Sleep(20 * time.Millisecond) // until they wait again
		}
		if i == 0 {
			time.Sleep(2 * time.Second)
		}
	}
	return took
}

// follow has fifty instances follow a realm until ctx ends. What it returns commits a change, and says how long each took to see it.
func (b bench) follow(ctx context.Context, wg *sync.WaitGroup) (round func() []time.Duration) {
	seen := make(chan store.Rev, watchers)
	for range watchers {
		s := b.open(b.url)
		wg.Go(func() {
			for after := store.Rev(0); ctx.Err() == nil; {
				_, head, err := s.Changes(ctx, "watched", after, 30*time.Second)
				if err == nil && head.Rev > after {
					after = head.Rev
					seen <- after
				}
			}
		})
	}
	writer, value := b.open(b.url), []byte(strings.Repeat("v", 300))
	var head store.Head
	return func() []time.Duration {
		began := time.Now()
		var err error
		head, err = writer.Commit(ctx, "watched", head, store.Commit{ID: "id" + head.String(), Ops: []store.Op{{Key: "k", Was: head.Rev, Value: value}}})
		b.must(err)
		return arrivals(b, began, seen, head.Rev)
	}
}

// watchKey is follow with the client of the database.
func (b bench) watchKey(ctx context.Context) (round func() []time.Duration) {
	seen := make(chan string, watchers)
	b.must(b.client.watch(ctx, watchers, seen))
	n := 0
	return func() []time.Duration {
		n++
		began := time.Now()
		b.must(b.client.put(ctx, fmt.Sprint(n)))
		return arrivals(b, began, seen, fmt.Sprint(n))
	}
}

// arrivals returns when all watchers had seen what they should.
func arrivals[T comparable](b bench, began time.Time, seen <-chan T, want T) (took []time.Duration) {
	for len(took) < watchers {
		select {
		case got := <-seen:
			if got == want {
				took = append(took, time.Since(began))
			}
		case <-time.After(30 * time.Second):
			b.t.Fatalf("only %d of %d saw %v", len(took), watchers, want)
		}
	}
	return took
}

// load: a realm of 100,000 subscriptions.
func (b bench) load() []row {
	const n = 100_000
	s := b.open(b.url + b.patience())
	storetest.Fill(b.t, s, "loaded", n)
	return []row{b.compare("Load of 100,000 items, against the client's own read of them", 2, 5, func() error {
		items, _, err := s.Load(b.t.Context(), "loaded")
		if err == nil && len(items) != n {
			err = fmt.Errorf("%d items", len(items))
		}
		return err
	}, func() error {
		read, err := b.client.readAll(b.t.Context(), "loaded")
		if err == nil && read != n {
			err = fmt.Errorf("the client read %d items", read)
		}
		return err
	})}
}

// patience returns a parameter of the URL: one request of a slow machine may take longer than an operator would wait.
func (b bench) patience() string {
	if strings.Contains(b.url, "?") {
		return "&timeout=30s"
	}
	return "?timeout=30s"
}

// idle: the traffic of an instance to which nothing happens, with ten and with ten thousand subscriptions.
func (b bench) idle() []row {
	const window = 65 * time.Second // two waits and the time between
	small, large := b.traffic("small", 10), b.traffic("large", 10_000)
	time.Sleep(5 * time.Second) // loads are over
	fromSmall, fromLarge := small(), large()
	time.Sleep(window)
	perMinute := func(bytes int64) float64 { return float64(bytes) * float64(time.Minute) / float64(window) }
	a, z := perMinute(large()-fromLarge), perMinute(small()-fromSmall)
	if a == 0 || z == 0 {
		b.t.Errorf("%s: %.0f and %.0f bytes a minute: an instance that follows sends some", b.db.name, a, z)
	}
	return []row{{
		name: b.db.name + ": traffic of an idle instance with 10,000 subscriptions, against one with 10", measured: a / z, limit: 1.25,
		note: fmt.Sprintf("%.0f against %.0f bytes a minute", a, z),
	}}
}

// traffic follows a realm through a proxy, and returns how many bytes have passed so far.
func (b bench) traffic(realm store.Realm, n int) (bytes func() int64) {
	storetest.Fill(b.t, b.open(b.url), realm, n)
	way := newCounter(b.t, b.addr)
	s := b.open(strings.Replace(b.url, b.addr, way.addr, 1))
	rules := store.NewRules([]store.FunctionType{{Name: "http", Fields: []store.Field{{Name: "url"}}}}, false, nil)
	live := store.NewLive(s, realm, rules, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(b.t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { live.Run(ctx) })
	b.t.Cleanup(func() { cancel(); wg.Wait() })
	b.must(live.WaitFor(b.t.Context(), 1))
	return way.bytes.Load
}
