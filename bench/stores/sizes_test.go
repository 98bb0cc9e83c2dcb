package stores

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// TestSizes fills each store with subscriptions, and says what that does to it. SIZES is how many there are in the end; it is not run without.
// SIZES_URL names a server that runs already, with more memory than those of tests have.
func TestSizes(t *testing.T) {
	most, _ := strconv.Atoi(os.Getenv("SIZES"))
	if most == 0 {
		t.Skip("SIZES is not set")
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer w.Flush()
	fmt.Fprintln(w, "store\tsubscriptions\twritten in\ta commit\tLoad\tgateway's heap\tservers' memory")
	for _, db := range wanted() {
		t.Run(db.name, func(t *testing.T) {
			url := os.Getenv("SIZES_URL")
			if url == "" {
				url, _ = db.start(t)
			}
			b := bench{t: t, db: db, url: url}
			b.url += b.patience()
			s, realm := b.open(b.url), store.Realm("sizes")
			var head store.Head
			began := time.Now()
			for n, next := 0, 1000; ; {
				c := store.Commit{ID: "id" + head.String()}
				for len(c.Ops) < store.MaxOps && n < next {
					id := fmt.Sprintf("http,GET,%%2Fusers%%2F%07d", n)
					c.Ops = append(c.Ops, store.Op{Key: "subscriptions/default/" + id, Value: fmt.Appendf(nil,
						`{"space":"default","subscriptionId":%q,"event":"http","functionId":"f%d","method":"GET","path":"/users/%07d"}`, id, n%1000, n)})
					n++
				}
				var err error
				head, err = s.Commit(t.Context(), realm, head, c)
				b.must(err)
				if n < next {
					continue
				}
				head = b.size(w, s, realm, head, n, time.Since(began))
				if next *= 10; next > most {
					return
				}
			}
		})
	}
}

// size prints a line about a realm that holds n subscriptions.
func (b bench) size(w *tabwriter.Writer, s store.Store, realm store.Realm, head store.Head, n int, written time.Duration) store.Head {
	var commits []time.Duration
	for i := range 20 {
		commits = append(commits, b.took(func() (err error) {
			op := store.Op{Key: fmt.Sprintf("functions/default/%d-%d", n, i), Value: []byte(aRecord)}
			head, err = s.Commit(b.t.Context(), realm, head, store.Commit{ID: "size" + head.String(), Ops: []store.Op{op}})
			return err
		}))
	}
	var items []store.Item
	before := heap()
	load := b.took(func() (err error) {
		items, _, err = s.Load(b.t.Context(), realm)
		return err
	})
	held := heap() - before
	if len(items) < n {
		b.t.Errorf("Load returned %d items of %d", len(items), n)
	}
	fmt.Fprintf(w, "%s\t%d\t%v\t%v\t%v\t%d MB\t%d MB\n", b.db.name, n, written.Round(time.Second), round(at(commits, 0.5)), round(load), held>>20, children()>>20)
	runtime.KeepAlive(items)
	return head
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// children returns how many bytes of memory the processes have that this one started.
func children() (sum int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, _ := os.ReadFile(path) // one may have ended
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) < 22 || string(fields[1]) != fmt.Sprint(os.Getpid()) {
			continue
		}
		pages, _ := strconv.Atoi(string(fields[21]))
		sum += pages * os.Getpagesize()
	}
	return sum
}
