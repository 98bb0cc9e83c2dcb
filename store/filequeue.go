package store

import (
	"context"
	"time"
)

// fileUpdate is what there is to write of a realm: all its items, or commits, or only that it is still the newest.
type fileUpdate struct {
	realm   Realm
	anew    bool
	items   []Item
	commits []Commit
	was     Head // before the commits
	now     seal
	size    int
}

const (
	maxFileQueue = 16 << 20    // bytes of changes that wait, and as many of whole realms
	keepAgain    = time.Minute // before a realm that had no room is loaded for the file, and between tries
	maxFilePause = time.Minute // between tries to write
	updateBytes  = 256         // that an update has of its own, about
)

// keep is told of all items of a realm, as they were loaded. own is their digest.
func (f *SnapshotFile) keep(realm Realm, items []Item, head Head, own Digest) {
	if f == nil {
		return
	}
	u := fileUpdate{realm: realm, anew: true, items: items, now: sealNow(head), size: updateBytes}
	u.now.skew = head.Digest - own
	for _, item := range items {
		u.size += len(item.Key) + len(item.Value)
	}
	f.put(u)
}

// change is told of commits that led from one head to another, as Snapshot.Apply was.
func (f *SnapshotFile) change(realm Realm, was, now Head, commits []Commit) {
	if f == nil {
		return
	}
	u := fileUpdate{realm: realm, commits: commits, was: was, now: sealNow(now), size: updateBytes}
	for _, c := range commits {
		for _, op := range c.Ops {
			u.size += len(op.Key) + len(op.Value)
		}
	}
	f.put(u)
}

// confirm is told when the store said that a realm was at its head.
func (f *SnapshotFile) confirm(realm Realm, head Head, at time.Time) {
	if f != nil {
		f.put(fileUpdate{realm: realm, was: head, now: seal{Head: head, at: at.UnixNano()}, size: updateBytes})
	}
}

func sealNow(h Head) seal { return seal{Head: h, at: time.Now().UnixNano()} }

// wants says whether the file needs all items of a realm.
func (f *SnapshotFile) wants(realm Realm) bool {
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	from, behind := f.behind[realm]
	return behind && !f.failing && time.Now().After(from)
}

// putOff is told that the items are asked for now.
func (f *SnapshotFile) putOff(realm Realm) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, behind := f.behind[realm]; behind {
		f.behind[realm] = time.Now().Add(keepAgain)
	}
}

// forget is told that nobody follows a realm any more. What the file holds of it stays.
func (f *SnapshotFile) forget(realm Realm) {
	if f != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.behind, realm)
	}
}

// put hands an update to the goroutine that writes, and never waits for it.
func (f *SnapshotFile) put(u fileUpdate) {
	f.mu.Lock()
	defer f.mu.Unlock()
	waiting := f.waits(&u)
	_, behind := f.behind[u.realm]
	switch {
	case f.closed, behind && !u.anew:
	case *waiting > maxFileQueue:
		if u.anew || len(u.commits) > 0 {
			f.lacks(u.realm)
		}
	default:
		delete(f.behind, u.realm)
		*waiting += u.size
		f.queue = append(f.queue, u)
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
}

// waits returns the count that an update is in while it waits. A large realm must not keep out the changes that come after it.
func (f *SnapshotFile) waits(u *fileUpdate) *int {
	if u.anew {
		return &f.waiting.bases
	}
	return &f.waiting.changes
}

// lacks says that the file will not have the changes of a realm. f.mu is held, and the caller must not wait for the log.
func (f *SnapshotFile) lacks(realm Realm) {
	f.behind[realm] = time.Now().Add(keepAgain)
	f.stats.Failures++
	f.running.Go(func() {
		f.log.Warn("the snapshot file lacks changes; the realm is loaded again for it, later", "file", f.path, "realm", realm)
	})
}

// run writes what is put until ctx ends, and then what is left. A write that fails is tried again.
func (f *SnapshotFile) run(ctx context.Context) {
	pause := time.Second
	for u := f.next(ctx); u != nil; u = f.next(ctx) {
		if err := f.write(u); err == nil {
			f.written(u)
			pause = time.Second
			continue
		} else if f.failed(err); ctx.Err() != nil {
			return
		}
		sleep(ctx, pause)
		pause = min(2*pause, maxFilePause)
	}
}

// next returns the first update of the queue, which stays there, or nil if ctx ended and there is none.
func (f *SnapshotFile) next(ctx context.Context) *fileUpdate {
	for {
		ended := ctx.Err() != nil // nothing is put any more then
		f.mu.Lock()
		if len(f.queue) > 0 {
			first := f.queue[0]
			f.mu.Unlock()
			return &first
		}
		f.mu.Unlock()
		if ended {
			return nil
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
		}
	}
}

// more says whether more whole realms wait than the one that is being written.
func (f *SnapshotFile) more(u *fileUpdate) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.waiting.bases > u.size
}

// written takes the first update out of the queue.
func (f *SnapshotFile) written(u *fileUpdate) {
	f.mu.Lock()
	*f.waits(u) -= u.size
	f.queue[0] = fileUpdate{}
	if f.queue = f.queue[1:]; len(f.queue) == 0 {
		f.queue = nil
	}
	failed := f.failing
	f.failing = false
	f.mu.Unlock()
	if failed {
		f.log.Info("the snapshot file can be written again", "file", f.path)
	}
}

func (f *SnapshotFile) failed(err error) {
	f.mu.Lock()
	f.stats.Failures++
	first := !f.failing
	f.failing = true
	f.mu.Unlock()
	if first {
		f.log.Warn("the snapshot file cannot be written; trying again", "file", f.path, "error", err)
	}
}
