package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// past is a realm as a store would hold it, at all its revisions.
type past struct {
	realm  Realm
	states []pastState
}

type pastState struct {
	head  Head
	items map[string]Item
}

func newPast(realm Realm) *past { return &past{realm, []pastState{{items: map[string]Item{}}}} }

func (p *past) now() pastState { return p.states[len(p.states)-1] }

// commit adds a revision. A nil value deletes.
func (p *past) commit(values map[string][]byte) Commit {
	was := p.now()
	c := Commit{ID: fmt.Sprint(p.realm, was.head.Rev), Rev: was.head.Rev + 1}
	items := maps.Clone(was.items)
	for key, value := range values {
		c.Ops = append(c.Ops, Op{Key: key, Was: items[key].Rev, Value: value})
		if items[key] = (Item{key, value, c.Rev}); value == nil {
			delete(items, key)
		}
	}
	p.states = append(p.states, pastState{was.head.Next(c), items})
	return c
}

// changes hands the file the commits of one update.
func (p *past) change(f *SnapshotFile, commits ...Commit) {
	f.change(p.realm, p.states[len(p.states)-1-len(commits)].head, p.now().head, commits)
}

// keep hands the file all that there is.
func (p *past) keep(f *SnapshotFile) {
	now := p.now()
	var own Digest
	for key, item := range now.items {
		own = own.With(key, item.Rev)
	}
	f.keep(p.realm, slices.Collect(maps.Values(now.items)), now.head, own)
}

// revision returns which of its states the items and the head are, or fails.
func (p *past) revision(t testing.TB, items []Item, at seal) Rev {
	t.Helper()
	if int(at.Rev) >= len(p.states) || at.Head != p.states[at.Rev].head {
		t.Fatalf("the file has the head %v, which the realm %q never had", at.Head, p.realm)
	}
	want := p.states[at.Rev].items
	for _, item := range items {
		if w := want[item.Key]; w.Rev != item.Rev || !bytes.Equal(w.Value, item.Value) || item.Value == nil {
			t.Fatalf("at revision %d %q is %.80q of %d, want %.80q of %d", at.Rev, item.Key, item.Value, item.Rev, w.Value, w.Rev)
		}
	}
	if len(items) != len(want) {
		t.Fatalf("at revision %d there are %d items, want %d", at.Rev, len(items), len(want))
	}
	return at.Rev
}

// held returns the revision that an open file holds of the realm.
func (p *past) held(t testing.TB, f *SnapshotFile) (Rev, bool) {
	t.Helper()
	items, at, ok := f.read(p.realm)
	if !ok {
		return 0, false
	}
	return p.revision(t, items, at), true
}

const testStore = "a-store"

func openFile(t testing.TB, path string, max int) *SnapshotFile {
	t.Helper()
	f, err := OpenSnapshotFile(path, testStore, max, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func closeFile(t testing.TB, f *SnapshotFile) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// sample is a small file with all that a file can have, and what its realms are.
func sample(t testing.TB) (path string, one, two *past) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "snapshot")
	f := openFile(t, path, 10)
	one, two = newPast("one"), newPast("two")
	one.commit(map[string][]byte{"functions/one/f": []byte(`{"unknown":1}`), "noslash": {0, 0xff, '\n'}, "empty": {}, "gone": []byte("x")})
	one.keep(f)
	two.keep(f) // nobody wrote to it yet
	one.change(f, one.commit(map[string][]byte{"gone": nil, "\xff": []byte("not UTF-8")}))
	a, b := two.commit(map[string][]byte{"a": []byte("1")}), two.commit(map[string][]byte{"a": []byte("2"), "b": {}})
	f.change("two", Head{}, two.now().head, []Commit{a, a, b, a})
	f.confirm("one", one.now().head, time.Now().Add(time.Hour))
	one.change(f, one.commit(map[string][]byte{"empty": nil, "gone": []byte("back")}))
	two.commit(map[string][]byte{"c": []byte("another load")})
	two.states[3].head.Digest += 7 // the database is damaged
	two.keep(f)
	two.change(f, two.commit(map[string][]byte{"c": nil}))
	closeFile(t, f)
	return path, one, two
}

// TestFileRoundTrip: what is read is what was written, byte for byte, also after the file was written anew.
func TestFileRoundTrip(t *testing.T) {
	t.Parallel()
	path, one, two := sample(t)
	check := func(f *SnapshotFile) {
		t.Helper()
		if rev, ok := one.held(t, f); rev != 3 || !ok {
			t.Errorf("one is at %d, %t", rev, ok)
		}
		if rev, ok := two.held(t, f); rev != 4 || !ok {
			t.Errorf("two is at %d, %t", rev, ok)
		}
		if _, ok := newPast("three").held(t, f); ok {
			t.Error("there is a realm that nobody wrote")
		}
	}
	f := openFile(t, path, 10)
	check(f)
	if err := f.renew(); err != nil {
		t.Fatal(err)
	}
	check(f)
	one.change(f, one.commit(map[string][]byte{"gone": nil}))
	closeFile(t, f)
	one.states = one.states[:4]
	if f = openFile(t, path, 10); f.index.realms["one"].Rev != 4 {
		t.Error("a write after the file was written anew is not there")
	}
	closeFile(t, f)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
}

// TestFileLarge: a realm of many parts, with items larger than one.
func TestFileLarge(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "snapshot")
	f := openFile(t, path, 1)
	p := newPast(Shared)
	values := map[string][]byte{"large": bytes.Repeat([]byte("x"), 3*partSize)}
	for i := range 20_000 {
		values[fmt.Sprint("key/", i)] = fmt.Appendf(nil, "value %d of something that is a bit longer", i)
	}
	p.commit(values)
	p.keep(f)
	p.change(f, p.commit(map[string][]byte{"larger": bytes.Repeat([]byte("y"), 5*partSize), "key/7": nil, "key/8": []byte("new")}))
	closeFile(t, f)
	f = openFile(t, path, 1)
	defer closeFile(t, f)
	if rev, ok := p.held(t, f); rev != 2 || !ok || len(f.index.realms[Shared].base) < 4 {
		t.Errorf("at %d, %t", rev, ok)
	}
}

// TestFileTorn: however much of the end is missing, the file holds what was there before, and can be written to.
func TestFileTorn(t *testing.T) {
	t.Parallel()
	whole, one, two := sample(t)
	b, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "torn")
	var before [2]Rev
	for n := range len(b) + 1 {
		if err := os.WriteFile(path, b[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		f := openFile(t, path, 10)
		var now [2]Rev
		for i, p := range []*past{one, two} {
			now[i], _ = p.held(t, f)
		}
		if now[0] < before[0] || now[1] < before[1] {
			t.Errorf("with %d bytes the realms are at %v, with fewer at %v", n, now, before)
		}
		before = now
		if n%10 > 0 {
			closeFile(t, f)
			continue
		}
		one.keep(f)
		closeFile(t, f)
		f = openFile(t, path, 10)
		if rev, ok := one.held(t, f); !ok || rev != one.now().head.Rev {
			t.Fatalf("with %d bytes: what was written afterwards is not there", n)
		}
		if rev, _ := two.held(t, f); rev != now[1] {
			t.Fatalf("with %d bytes: the other realm is at %d, was at %d", n, rev, now[1])
		}
		closeFile(t, f)
	}
	if before != [2]Rev{3, 4} || len(b) < 500 {
		t.Error("the whole file holds", before)
	}
}

// TestFileFlipped: no flipped bit makes a file hold what never was.
func TestFileFlipped(t *testing.T) {
	t.Parallel()
	path, one, two := sample(t)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i := range b {
		for bit := range 8 {
			flipped := bytes.Clone(b)
			flipped[i] ^= 1 << bit
			index, _, err := scanFile(bytes.NewReader(flipped), int64(len(flipped)), 10, firstLine(testStore))
			if err != nil {
				refused++
				continue
			}
			for _, p := range []*past{one, two} {
				k := index.realms[p.realm]
				if k == nil {
					continue
				}
				var items []Item
				if err := k.items(bytes.NewReader(flipped), func(item Item) { items = append(items, item) }); err != nil {
					t.Errorf("bit %d of byte %d: %v", bit, i, err)
				}
				if rev := p.revision(t, items, k.seal); rev == p.now().head.Rev && len(index.realms) == 2 && one.now().head == index.realms["one"].Head && two.now().head == index.realms["two"].Head {
					t.Errorf("bit %d of byte %d was not noticed", bit, i)
				}
			}
		}
	}
	t.Logf("%d of %d bits refuse the file", refused, 8*len(b))
	if refused < 8*len(firstLine(testStore)) {
		t.Error("the first line is not checked")
	}
	// And on the disk, after it was opened.
	f := openFile(t, path, 10)
	defer closeFile(t, f)
	at := f.index.realms["two"].base[0].offset + frameHeader + 10
	if err := os.WriteFile(path, slices.Concat(b[:at], []byte{b[at] ^ 1}, b[at+1:]), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := two.held(t, f); ok || f.Stats().Failures != 1 {
		t.Error("what went bad after the file was opened is served")
	}
	if rev, _ := one.held(t, f); rev != 3 {
		t.Error("the other realm is gone, too")
	}
	if err := f.renew(); err != nil || f.holds("two") || !f.holds("one") {
		t.Error(err)
	}
}

// TestFileShifted: a file that lacks a part in the middle holds what was before it.
func TestFileShifted(t *testing.T) {
	t.Parallel()
	path, one, two := sample(t)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	frames := 0
	for offset := int64(len(firstLine(testStore))); offset < int64(len(b)); frames++ {
		_, size, err := readPart(bytes.NewReader(b[offset:]), offset, int64(len(b))-offset)
		if err != nil {
			t.Fatal(err)
		}
		shifted := slices.Concat(b[:offset], b[offset+size:])
		index, good, err := scanFile(bytes.NewReader(shifted), int64(len(shifted)), 10, firstLine(testStore))
		if err == nil && good != offset {
			t.Errorf("without the part at %d the file is good up to %d", offset, good)
		}
		for _, p := range []*past{one, two} {
			if err != nil || index.realms[p.realm] == nil {
				continue
			}
			var items []Item
			if err := index.realms[p.realm].items(bytes.NewReader(shifted), func(item Item) { items = append(items, item) }); err != nil {
				t.Error(err)
			}
			p.revision(t, items, index.realms[p.realm].seal)
		}
		offset += size
	}
	if frames < 8 {
		t.Error("the file has", frames, "parts")
	}
}

// TestFileLength: a length that lies costs no memory.
func TestFileLength(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	const claimed = 1 << 30
	if err := os.WriteFile(path, binary.BigEndian.AppendUint32([]byte(firstLine(testStore)), claimed), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 2*claimed); err != nil { // it takes no room on the disk
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	closeFile(t, openFile(t, path, 1))
	if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > maxPart {
		t.Errorf("%d bytes of memory", after.TotalAlloc-before.TotalAlloc)
	}
}

// TestFileLost: a realm that cannot be read any more is left out when the file is written anew, and the others are not.
func TestFileLost(t *testing.T) {
	t.Parallel()
	f := openFile(t, filepath.Join(t.TempDir(), "snapshot"), 3)
	values := map[string][]byte{}
	for i := range 300 {
		values[fmt.Sprint("key/", i)] = make([]byte, 10<<10)
	}
	pasts := []*past{newPast("a"), newPast("b"), newPast("c")}
	for _, p := range pasts {
		p.commit(values)
		p.keep(f)
	}
	f.Flush()
	parts := f.index.realms["b"].base
	if _, err := f.file.WriteAt([]byte("xxx"), parts[len(parts)-1].offset+100); err != nil {
		t.Fatal(err)
	}
	if err := f.renew(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, p := range pasts {
			if rev, ok := p.held(t, f); ok != (p.realm != "b") || ok && rev != 1 {
				t.Errorf("%s is at %d, %t", p.realm, rev, ok)
			}
		}
		closeFile(t, f)
		f = openFile(t, f.path, 3)
	}
	closeFile(t, f)
}

// TestFileRefused: a file that is none is kept aside, and only when there is something to write.
func TestFileRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "snapshot")
	for _, content := range []string{"not one of ours", "event-gateway snapshot 2\nsomething", firstLine(testStore) + "damaged from the start"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var logged bytes.Buffer
		f, err := OpenSnapshotFile(path, testStore, 1, slog.New(slog.NewTextHandler(&logged, nil)))
		if err != nil {
			t.Fatal(err)
		}
		p := newPast(Shared)
		if _, ok := p.held(t, f); ok || strings.Count(logged.String(), "level=ERROR") != 1 {
			t.Error(ok, logged.String())
		}
		if b, err := os.ReadFile(path); string(b) != content || err != nil {
			t.Errorf("%q, %v", b, err)
		}
		p.keep(f)
		closeFile(t, f)
		if b, err := os.ReadFile(path + ".refused"); string(b) != content || err != nil {
			t.Errorf("%q, %v", b, err)
		}
		f = openFile(t, path, 1)
		if _, ok := p.held(t, f); !ok {
			t.Error("what was written is not there")
		}
		closeFile(t, f)
	}
}

// TestFileOfAnotherStore: a file of another store is not served. It is kept aside when this one has answered.
func TestFileOfAnotherStore(t *testing.T) {
	t.Parallel()
	path, one, _ := sample(t)
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	open := func() *SnapshotFile {
		f, err := OpenSnapshotFile(path, "b-store", 10, slog.New(slog.NewTextHandler(&logged, nil)))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := open()
	if f.holds("one") || f.holdsSpaces() || strings.Count(logged.String(), "of another store") != 1 {
		t.Errorf("it holds something, or does not say why not: %s", &logged)
	}
	closeFile(t, f)
	if b, err := os.ReadFile(path); !bytes.Equal(b, was) || err != nil {
		t.Error("the file was changed though nothing was written:", err)
	}
	f = open()
	one.keep(f)
	closeFile(t, f)
	if b, err := os.ReadFile(path + ".refused"); !bytes.Equal(b, was) || err != nil {
		t.Error("the file was not kept aside:", err)
	}
	f = open()
	if rev, ok := one.held(t, f); rev != 3 || !ok || f.holds("two") {
		t.Errorf("at %d, %t", rev, ok)
	}
	closeFile(t, f)
	if f = openFile(t, path, 10); f.holds("one") {
		t.Error("the first store gets what is of the second")
	}
	closeFile(t, f)
}

// TestFileDigest: items that do not add up to the digest are not served, and said to be damaged once.
func TestFileDigest(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	f, err := OpenSnapshotFile(filepath.Join(t.TempDir(), "snapshot"), testStore, 1, slog.New(slog.NewTextHandler(&logged, nil)))
	if err != nil {
		t.Fatal(err)
	}
	p := newPast(Shared)
	p.commit(map[string][]byte{"a": []byte("1"), "b": []byte("2")})
	f.keep(Shared, []Item{p.now().items["a"]}, p.now().head, p.now().head.Digest)
	f.Flush()
	for range 2 {
		if _, ok := p.held(t, f); ok || f.holds(Shared) {
			t.Error("half of a realm is served")
		}
	}
	closeFile(t, f)
	if strings.Count(logged.String(), "a realm is left out") != 1 {
		t.Error(logged.String())
	}
}

// TestFileSize: a file stays within a few times the size of what it has to hold, and a realm too many makes room.
func TestFileSize(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "snapshot")
	f := openFile(t, path, 3)
	p := newPast("busy")
	p.keep(f)
	for i := range 500 {
		p.change(f, p.commit(map[string][]byte{fmt.Sprint("key/", i%30): bytes.Repeat([]byte{byte(i)}, 20<<10)}))
		if i%100 == 0 {
			newPast(Realm(fmt.Sprint("idle", i))).keep(f)
		}
	}
	closeFile(t, f)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(3*30*(20<<10) + fileSlack + 64<<10); info.Size() > most {
		t.Errorf("the file has %d bytes, want at most %d", info.Size(), most)
	}
	f = openFile(t, path, 3)
	defer closeFile(t, f)
	if rev, ok := p.held(t, f); rev != 500 || !ok {
		t.Errorf("at %d, %t", rev, ok)
	}
	if f.holds("idle0") || !f.holds("idle300") || !f.holds("idle400") {
		t.Error("it is not the realm with the oldest state that made room")
	}
	if names, err := filepath.Glob(path + "*"); err != nil || len(names) != 2 {
		t.Error("there are", names, err)
	}
}

// TestFileFewer: a file with more realms than may be held has those with the newest states.
func TestFileFewer(t *testing.T) {
	t.Parallel()
	path, _, two := sample(t)
	f := openFile(t, path, 1)
	defer closeFile(t, f)
	if rev, ok := two.held(t, f); rev != 4 || !ok || f.holds("one") {
		t.Errorf("at %d, %t", rev, ok)
	}
}

// TestFileGap: changes that do not follow from what the file holds are not written, and the realm is asked for.
func TestFileGap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := openFile(t, filepath.Join(t.TempDir(), "snapshot"), 1)
		defer closeFile(t, f)
		p := newPast(Shared)
		p.keep(f)
		p.commit(map[string][]byte{"a": []byte("missed")})
		p.change(f, p.commit(map[string][]byte{"b": []byte("seen")}))
		synctest.Wait()
		if rev, _ := p.held(t, f); rev != 0 || f.wants(Shared) {
			t.Error("the file is at", rev)
		}
		time.Sleep(keepAgain + time.Second)
		if !f.wants(Shared) {
			t.Error("the realm is not asked for")
		}
		p.change(f, p.commit(map[string][]byte{"b": []byte("ignored")}))
		p.keep(f)
		p.change(f, p.commit(map[string][]byte{"c": []byte("seen")}))
		p.change(f) // also late, by one who was at the same
		f.change(Shared, p.states[2].head, p.states[3].head, nil)
		f.change(Shared, p.states[2].head, p.states[3].head, []Commit{{ID: "late", Rev: 3}})
		synctest.Wait()
		if rev, _ := p.held(t, f); rev != 4 || len(f.behind) > 0 {
			t.Error("the file is at", rev)
		}
	})
}

// TestFileOverflow: a disk that hangs holds up nobody. What had no room is asked for again.
func TestFileOverflow(t *testing.T) {
	t.Parallel()
	f := openFile(t, filepath.Join(t.TempDir(), "snapshot"), 2)
	p, q := newPast("p"), newPast("q")
	p.keep(f)
	f.disk.Lock() // as a write holds it that does not come back
	value := make([]byte, 1<<20)
	large := newPast("large")
	large.commit(map[string][]byte{"a": make([]byte, maxFileQueue+1)})
	large.keep(f) // alone it has room, and changes have room beside it
	for range 40 {
		p.change(f, p.commit(map[string][]byte{"a": value}))
	}
	q.keep(f)
	f.confirm("idle", Head{}, time.Now()) // of which nothing is lost
	f.mu.Lock()
	behind, waiting, failures := maps.Clone(f.behind), f.waiting, f.stats.Failures
	f.mu.Unlock()
	if len(behind) != 2 || behind["p"].IsZero() || behind["q"].IsZero() || failures != 2 {
		t.Errorf("behind are %v, %d failures", behind, failures)
	}
	if waiting.changes > maxFileQueue+2<<20 || waiting.bases > maxFileQueue+1<<20 {
		t.Errorf("%+v bytes wait", waiting)
	}
	f.disk.Unlock()
	closeFile(t, f)
	f = openFile(t, f.path, 2)
	defer closeFile(t, f)
	if rev, ok := p.held(t, f); rev < 16 || rev > 18 || !ok {
		t.Errorf("at %d, %t: want what had room", rev, ok)
	}
}

// stuck is a log that nobody reads.
type stuck struct {
	slog.Handler
	begun, release chan struct{}
}

func (s *stuck) Handle(context.Context, slog.Record) error {
	s.begun <- struct{}{}
	<-s.release
	return nil
}

// TestFileLogStuck: a log that cannot be written to holds up nobody who has something for the file.
func TestFileLogStuck(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]func(t *testing.T, f *SnapshotFile, p *past){
		"lacks": func(_ *testing.T, f *SnapshotFile, p *past) {
			defer f.Stall()()
			for range 40 {
				p.change(f, p.commit(map[string][]byte{"a": make([]byte, 1<<20)}))
			}
		},
		"failed": func(t *testing.T, f *SnapshotFile, p *past) {
			if err := os.MkdirAll(filepath.Join(f.temporary(), "x"), 0o700); err != nil {
				t.Fatal(err)
			}
			p.keep(f)
		},
		"written": func(_ *testing.T, f *SnapshotFile, p *past) {
			f.mu.Lock()
			f.failing = true
			f.mu.Unlock()
			p.keep(f)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &stuck{slog.NewTextHandler(io.Discard, nil), make(chan struct{}, 100), make(chan struct{})}
			f, err := OpenSnapshotFile(filepath.Join(t.TempDir(), "snapshot"), testStore, 2, slog.New(log))
			if err != nil {
				t.Fatal(err)
			}
			put := make(chan struct{})
			go func() {
				defer close(put)
				trouble(t, f, newPast("p"))
				<-log.begun
				newPast("q").keep(f)
			}()
			select {
			case <-put:
			case <-time.After(10 * time.Second):
				t.Error("an update waits for the log")
			}
			close(log.release)
			<-put
			_ = f.Close()
		})
	}
}

// TestFileTrouble: a file that cannot be written is tried again, and what there is stays as it is. The log says so once.
func TestFileTrouble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "snapshot")
		var logged bytes.Buffer
		f, err := OpenSnapshotFile(path, testStore, 1, slog.New(slog.NewTextHandler(&logged, nil)))
		if err != nil {
			t.Fatal(err)
		}
		block := func() { // a folder that is not empty cannot be replaced by a file
			if err := os.MkdirAll(filepath.Join(f.temporary(), "x"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		free := func() {
			if err := os.RemoveAll(f.temporary()); err != nil {
				t.Fatal(err)
			}
		}
		check := func(p *past, rev Rev, lines int, what string) {
			t.Helper()
			if now, ok := p.held(t, f); now != rev || ok != (rev > 0) {
				t.Errorf("the file is at %d, %t, want %d", now, ok, rev)
			}
			if n := strings.Count(logged.String(), what); n != lines {
				t.Errorf("%q is logged %d times, want %d:\n%s", what, n, lines, logged.String())
			}
		}
		block()
		p := newPast(Shared)
		p.commit(map[string][]byte{"a": []byte("1")})
		p.keep(f)
		time.Sleep(10 * time.Minute)
		p.change(f, p.commit(map[string][]byte{"a": []byte("2")}))
		check(p, 0, 1, "cannot be written; trying again")
		if n := f.Stats().Failures; n < 10 || n > 20 {
			t.Errorf("%d tries in ten minutes", n)
		}
		free()
		time.Sleep(maxFilePause)
		synctest.Wait()
		check(p, 2, 1, "can be written again")

		block()
		value := bytes.Repeat([]byte("x"), 10<<10)
		for range 300 {
			time.Sleep(time.Second)
			p.change(f, p.commit(map[string][]byte{"a": value}))
		}
		synctest.Wait()
		check(p, 302, 1, "cannot be written anew, and grows")
		if f.Stats().Bytes < 300*int64(len(value)) {
			t.Error("it was written anew")
		}
		free()
		time.Sleep(rewritePause)
		p.change(f, p.commit(map[string][]byte{"b": nil}))
		synctest.Wait()
		check(p, 303, 1, "cannot be written anew, and grows")
		if n := f.Stats().Bytes; n > fileSlack {
			t.Errorf("it still has %d bytes", n)
		}
		closeFile(t, f)
	})
}

// TestFileConfirm: the time of a state is when it was last said to be the newest, though not each time is written.
func TestFileConfirm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := openFile(t, filepath.Join(t.TempDir(), "snapshot"), 1)
		p := newPast(Shared)
		p.keep(f)
		synctest.Wait()
		before := f.Stats().Bytes
		for range 600 {
			time.Sleep(time.Second)
			f.confirm(Shared, p.now().head, time.Now())
		}
		synctest.Wait()
		if written := f.Stats().Bytes - before; written > 60*100 {
			t.Errorf("ten idle minutes took %d bytes", written)
		}
		f.confirm(Shared, Head{Rev: 9}, time.Now().Add(time.Minute)) // which the file does not have
		closeFile(t, f)
		time.Sleep(time.Hour)
		f = openFile(t, f.path, 1)
		defer closeFile(t, f)
		if _, at, _ := f.read(Shared); time.Since(time.Unix(0, at.at)) < time.Hour || time.Since(time.Unix(0, at.at)) > time.Hour+confirmEvery {
			t.Error("it was last confirmed", time.Since(time.Unix(0, at.at)), "ago")
		}
		f.confirm(Shared, p.now().head, time.Now().Add(time.Hour)) // then the clock is set back
		synctest.Wait()
		if _, at, _ := f.read(Shared); at.at != time.Now().UnixNano() {
			t.Error("it was last confirmed at", time.Unix(0, at.at))
		}
	})
}

// TestFileLocked: two processes do not share a file, nor do two gateways in one. What was put before Close is written.
func TestFileLocked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "snapshot")
	f := openFile(t, path, 1)
	if _, err := OpenSnapshotFile(path, testStore, 1, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "another process is using the snapshot file "+path) {
		t.Error(err)
	}
	closeFile(t, f)
	newPast(Shared).keep(f) // after Close it is ignored
	for range 50 {
		f := openFile(t, path, 1)
		p := newPast(Shared)
		p.keep(f)
		f.Flush()
		time.Sleep(time.Millisecond) // until it waits for more
		p.change(f, p.commit(map[string][]byte{"a": {}}))
		closeFile(t, f) // writes what was put before
		f = openFile(t, path, 1)
		if rev, ok := p.held(t, f); rev != 1 || !ok {
			t.Fatalf("at %d, %t", rev, ok)
		}
		closeFile(t, f)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFileRandom: whatever is written, in whichever order and with restarts in between, the file is at the last state.
func TestFileRandom(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	path := filepath.Join(t.TempDir(), "snapshot")
	f := openFile(t, path, 4)
	pasts := []*past{newPast("a"), newPast("b"), newPast("c")}
	for _, p := range pasts {
		p.keep(f)
	}
	for range 2000 {
		p := pasts[random.IntN(3)]
		switch random.IntN(30) {
		case 0:
			closeFile(t, f)
			f = openFile(t, path, 4)
			for _, p := range pasts {
				if rev, ok := p.held(t, f); !ok || rev != p.now().head.Rev {
					t.Fatalf("%s is at %d, want %d", p.realm, rev, p.now().head.Rev)
				}
			}
		case 1:
			p.keep(f)
		default:
			var commits []Commit
			for range 1 + random.IntN(3) {
				values := map[string][]byte{}
				for range 1 + random.IntN(3) {
					value := make([]byte, random.IntN(2000))
					if random.IntN(4) == 0 {
						value = nil
					}
					values[fmt.Sprint(random.IntN(40))] = value
				}
				commits = append(commits, p.commit(values))
			}
			p.change(f, commits...)
		}
	}
	closeFile(t, f)
}

// FuzzSnapshotFile reads hostile files: as they are, and as parts with a good checksum.
func FuzzSnapshotFile(f *testing.F) {
	path, _, _ := sample(f)
	b, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-1])
	index, _, err := scanFile(bytes.NewReader(b), int64(len(b)), 10, firstLine(testStore))
	if err != nil {
		f.Fatal(err)
	}
	var parts []byte // the payloads, each after its length
	for _, k := range index.realms {
		for _, e := range slices.Concat(k.base, k.changes) {
			parts = appendBytes(parts, b[e.offset+frameHeader:e.offset+e.size])
		}
	}
	f.Add(parts)
	f.Fuzz(func(t *testing.T, b []byte) {
		read := func(file []byte) {
			index, good, err := scanFile(bytes.NewReader(file), int64(len(file)), 3, firstLine(testStore))
			if err != nil {
				return
			}
			if len(index.realms) > 3 || good > int64(len(file)) {
				t.Fatalf("%d realms in %d of %d bytes", len(index.realms), good, len(file))
			}
			for _, k := range index.realms {
				digest := k.skew
				err := k.items(bytes.NewReader(file), func(item Item) { digest = digest.With(item.Key, item.Rev) })
				if err == nil && digest != k.Digest {
					t.Fatal("the items do not match the digest")
				}
			}
		}
		read(b)
		framed := []byte(firstLine(testStore))
		for {
			payload, rest, ok := cutBytes(b)
			if !ok {
				break
			}
			offset := len(framed)
			framed = append(append(framed, make([]byte, frameHeader)...), payload...)
			binary.BigEndian.PutUint32(framed[offset:], uint32(len(payload)))
			binary.BigEndian.PutUint32(framed[offset+4:], checksum(int64(offset), framed[offset:offset+4], payload))
			b = rest
		}
		read(framed)
	})
}
