package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
)

// SnapshotFile keeps on disk what the realms of a process hold, so that it can start while the store is away. Only those who read it wait for the
// disk: what there is to write goes through a bounded queue to one goroutine. A realm that had no room there is loaded from the store again, later.
// A nil *SnapshotFile keeps nothing.
type SnapshotFile struct {
	path  string
	first string // line of the file
	log   *slog.Logger
	lock  *fileutil.LockedFile

	stop    context.CancelFunc
	running sync.WaitGroup
	wake    chan struct{} // has room for one

	mu      sync.Mutex // guards what follows; never held while the disk is waited for
	queue   []fileUpdate
	waiting struct{ bases, changes int } // bytes in the queue
	behind  map[Realm]time.Time          // of which the file lacks changes, and from when on they may be loaded for it
	failing bool                         // the last write failed
	closed  bool
	stats   SnapshotFileStats

	disk    sync.Mutex // held while the file is read or written; mu may be taken then
	index   *fileIndex // changed with mu held, too
	file    *os.File   // nil: the first write makes it
	size    int64      // up to where it is good
	refused bool       // there is one, of which nothing could be read, or of another store
	retry   time.Time  // it is not written anew before, as that failed
}

// SnapshotFileStats says how it goes.
type SnapshotFileStats struct {
	Failures uint64    // writes that failed, and realms that the queue had no room for
	Bytes    int64     // size of the file
	Written  time.Time // when it was last written to
}

// OpenSnapshotFile opens a file for up to max realms of a store, which is named by a word, or makes one. No other process can use it until Close.
// What is damaged of it is left out, as is the file of another store.
func OpenSnapshotFile(path, of string, max int, log *slog.Logger) (*SnapshotFile, error) {
	lock, err := fileutil.TryLockFile(path+".lock", os.O_CREATE|os.O_WRONLY, 0o600)
	var cause *fs.PathError
	switch {
	case errors.Is(err, fileutil.ErrLocked):
		return nil, fmt.Errorf("another process is using the snapshot file %s", path)
	case errors.As(err, &cause):
		return nil, fmt.Errorf("the folder of the snapshot file cannot be written to: %w", cause)
	case err != nil:
		return nil, fmt.Errorf("the snapshot file %s cannot be locked: %w", path, err)
	}
	f := &SnapshotFile{
		path: path, first: firstLine(of), log: log, lock: lock,
		wake: make(chan struct{}, 1), behind: map[Realm]time.Time{}, index: newFileIndex(max),
	}
	if err := f.open(); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("the snapshot file cannot be read: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f.stop = cancel
	f.running.Go(func() { f.run(ctx) })
	return f, nil
}

// open reads what there is.
func (f *SnapshotFile) open() error {
	_ = os.Remove(f.temporary()) // of a process that was killed
	file, err := os.OpenFile(f.path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", f.path)
	}
	if err != nil || info.Size() == 0 {
		_ = file.Close()
		return err
	}
	index, good, err := scanFile(file, info.Size(), f.index.max, f.first)
	if err == nil {
		err = file.Truncate(good)
	}
	if err != nil {
		_ = file.Close()
		f.refused = true
		f.log.Error("the snapshot file is of no use, and is kept aside when there is a new one", "file", f.path, "error", err)
		return nil
	}
	if err := file.Chmod(0o600); err != nil { // before more secrets go into it; who knows who made it
		_ = file.Close()
		return err
	}
	if lost := info.Size() - good; lost > 0 {
		f.log.Warn("the end of the snapshot file is damaged, and is left out", "file", f.path, "bytes", lost)
	}
	f.file, f.size, f.index = file, good, index
	f.stats.Bytes, f.stats.Written = good, info.ModTime()
	return nil
}

// Close writes what is still to be written, unless that fails.
func (f *SnapshotFile) Close() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.stop()
	f.running.Wait()
	var err error
	if f.file != nil {
		err = errors.Join(f.file.Sync(), f.file.Close())
		f.file = nil
	}
	return errors.Join(err, f.lock.Close())
}

// Stats says how it goes.
func (f *SnapshotFile) Stats() SnapshotFileStats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stats
}

// holds says whether there is something of a realm.
func (f *SnapshotFile) holds(realm Realm) bool {
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.index.realms[realm] != nil
}

// Holds says whether the file has something to serve while the store is away.
func (f *SnapshotFile) Holds() bool { return f.holds(Shared) || f.holdsSpaces() }

// holdsSpaces says whether there is something of a realm that is a space.
func (f *SnapshotFile) holdsSpaces() bool {
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for realm := range f.index.realms {
		if realm != Shared {
			return true
		}
	}
	return false
}

// read returns all items of a realm, and where it stands, if the file holds it.
func (f *SnapshotFile) read(realm Realm) ([]Item, seal, bool) {
	if !f.holds(realm) {
		return nil, seal{}, false
	}
	f.disk.Lock()
	defer f.disk.Unlock()
	k := f.index.realms[realm]
	if k == nil {
		return nil, seal{}, false
	}
	var items []Item
	if err := k.items(f.file, func(item Item) { items = append(items, item) }); err != nil {
		f.lose(realm, err)
		return nil, seal{}, false
	}
	s := k.seal
	s.at = min(s.at, time.Now().UnixNano()) // the clock may have been set back
	return items, s, true
}

// lose drops a realm that cannot be read. f.disk is held.
func (f *SnapshotFile) lose(realm Realm, err error) {
	f.log.Error("the snapshot file is damaged, and a realm is left out", "file", f.path, "realm", realm, "error", err)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.index.drop(realm)
	f.stats.Failures++
}
