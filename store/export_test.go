package store

import "time"

// Stall holds the disk as a write does that takes long, until resume is called.
func (f *SnapshotFile) Stall() (resume func()) {
	f.disk.Lock()
	return f.disk.Unlock
}

// Flush waits until what was put is written.
func (f *SnapshotFile) Flush() {
	for waiting := true; waiting; time.Sleep(100 * time.Microsecond) {
		f.mu.Lock()
		waiting = len(f.queue) > 0 && !f.failing
		f.mu.Unlock()
	}
}

// Path returns where the file is.
func (f *SnapshotFile) Path() string { return f.path }
