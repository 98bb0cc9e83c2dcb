package store

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
)

const (
	fileSlack    = 1 << 20     // a file is written anew when it has three times the size of the whole realms in it, and this
	rewritePause = time.Minute // after that has failed

	// Each realm costs the file at most one confirmation in ten seconds, and all together at most ten a second.
	confirmEvery = 10 * time.Second
	confirmShare = 100 * time.Millisecond
)

func (f *SnapshotFile) temporary() string { return f.path + ".tmp" }

// write writes one update, all of it or nothing.
func (f *SnapshotFile) write(u *fileUpdate) error {
	f.disk.Lock()
	defer f.disk.Unlock()
	if !u.anew && !f.continues(u) {
		return nil
	}
	if f.file == nil || f.gone() {
		if err := f.renew(); err != nil {
			return err
		}
	}
	if err := f.append(u); err != nil {
		return err
	}
	if f.size > 3*f.index.bases+fileSlack && time.Now().After(f.retry) {
		f.lighten()
	}
	return nil
}

// gone says that somebody deleted the file, or put another one in its place: what is written to it would be lost.
func (f *SnapshotFile) gone() bool {
	ours, err := f.file.Stat()
	there, errThere := os.Stat(f.path)
	return err == nil && (errThere != nil || !os.SameFile(ours, there))
}

// continues says whether an update, which is not a whole realm, is to be added to what there is of the realm.
func (f *SnapshotFile) continues(u *fileUpdate) bool {
	k := f.index.realms[u.realm]
	switch {
	case k != nil && k.Head == u.was && len(u.commits) > 0:
		return true
	case k != nil && k.Head == u.was:
		return u.now.at-k.at >= int64(max(confirmEvery, time.Duration(len(f.index.realms))*confirmShare))
	case k != nil && k.Rev >= u.now.Rev: // from before the realm was loaded again
	case len(u.commits) > 0:
		f.mu.Lock()
		f.lacks(u.realm)
		f.mu.Unlock()
	}
	return false
}

// append adds an update to the end of the file.
func (f *SnapshotFile) append(u *fileUpdate) error {
	w := partWriter{to: io.NewOffsetWriter(f.file, f.size), offset: f.size, next: part{realm: u.realm, anew: u.anew}}
	u.each(w.add)
	if !u.anew {
		u.now.skew = f.index.realms[u.realm].skew
	}
	w.end(u.now)
	err := w.err
	if err == nil && u.anew && !f.more(u) {
		err = f.file.Sync()
	}
	if err != nil {
		_ = f.file.Truncate(f.size)
		return err
	}
	f.size = w.offset
	f.mu.Lock()
	defer f.mu.Unlock()
	f.index.add(u.realm, u.anew, w.parts, u.now)
	f.stats.Bytes, f.stats.Written = f.size, time.Now()
	return nil
}

// each calls f with the items that an update writes or, without a value, deletes.
func (u *fileUpdate) each(f func(Item)) {
	for _, item := range u.items {
		if item.Value == nil {
			item.Value = []byte{}
		}
		f(item)
	}
	rev := u.was.Rev
	for _, c := range u.commits {
		if c.Rev <= rev {
			continue
		}
		rev = c.Rev
		for _, op := range c.Ops {
			f(Item{Key: op.Key, Value: op.Value, Rev: c.Rev})
		}
	}
}

// lighten writes a file anew that is larger than it has to be. If that fails the old one goes on.
func (f *SnapshotFile) lighten() {
	err := f.renew()
	if err == nil {
		f.retry = time.Time{}
		return
	}
	if f.retry.IsZero() {
		f.log.Warn("the snapshot file cannot be written anew, and grows; trying again", "file", f.path, "error", err)
	}
	f.retry = time.Now().Add(rewritePause)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.Failures++
}

// renew writes the file anew, as the realms are now. The new one takes the place of the old one when it is whole.
func (f *SnapshotFile) renew() error {
	index, size, err := f.copyTo(f.temporary())
	if err == nil && f.refused {
		if err = os.Rename(f.path, f.path+".refused"); err == nil || errors.Is(err, fs.ErrNotExist) {
			f.refused, err = false, nil
		}
	}
	if err != nil {
		_ = os.Remove(f.temporary())
		return err
	}
	if f.file != nil {
		_ = f.file.Close() // some systems give no other file the name of one that is open
	}
	renamed := os.Rename(f.temporary(), f.path)
	f.file, err = os.OpenFile(f.path, os.O_RDWR, 0)
	switch {
	case err != nil:
		f.file, index, size = nil, newFileIndex(f.index.max), 0 // all is loaded again
	case renamed != nil:
		_ = os.Remove(f.temporary())
		return renamed
	default:
		err = syncDir(filepath.Dir(f.path))
	}
	f.size = size
	f.mu.Lock()
	defer f.mu.Unlock()
	f.index, f.stats.Bytes, f.stats.Written = index, size, time.Now()
	return err
}

// copyTo writes what the realms are now to another file, and returns what is where in it. A realm that cannot be read is left out.
func (f *SnapshotFile) copyTo(path string) (*fileIndex, int64, error) {
	_ = os.Remove(path)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // what others put there is not written to
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	to := bufio.NewWriterSize(file, partSize) // Flush returns its first error
	_, _ = to.WriteString(f.first)
	offset, index := int64(len(f.first)), newFileIndex(f.index.max)
	for _, realm := range slices.Sorted(maps.Keys(f.index.realms)) {
		k := f.index.realms[realm]
		w := partWriter{to: to, offset: offset, next: part{realm: realm, anew: true}}
		if err := k.items(f.file, w.add); err != nil {
			f.lose(realm, err)
		} else {
			w.end(k.seal)
			index.add(realm, true, w.parts, k.seal)
		}
		offset = w.offset
	}
	if err := to.Flush(); err != nil {
		return nil, 0, err
	}
	return index, offset, errors.Join(file.Sync(), file.Close())
}

// syncDir makes the names in a folder outlive a loss of power.
func syncDir(path string) error {
	dir, err := fileutil.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// partWriter writes the parts of one write of a realm. It goes on after an error, to no effect.
type partWriter struct {
	to     io.Writer
	offset int64 // of the next part
	next   part
	frame  []byte
	parts  []extent // those with items
	err    error    // the first
}

func (w *partWriter) add(item Item) {
	w.next.items = appendItem(w.next.items, item)
	if len(w.next.items) >= partSize {
		w.write()
	}
}

func (w *partWriter) end(s seal) {
	w.next.last, w.next.seal = true, s
	w.write()
}

func (w *partWriter) write() {
	w.frame = w.next.appendFrame(w.frame[:0], w.offset)
	if w.err == nil {
		_, w.err = w.to.Write(w.frame)
	}
	size := int64(len(w.frame))
	if len(w.next.items) > 0 {
		w.parts = append(w.parts, extent{w.offset, size})
	}
	w.offset += size
	w.next = part{realm: w.next.realm, items: w.next.items[:0]}
}
