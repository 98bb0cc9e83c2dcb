package embed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"go.etcd.io/etcd/client/pkg/v3/fileutil"
)

// dirLock keeps other gateways out of a data directory. etcd has locks of its own, but waits for them for ever.
type dirLock struct {
	file *fileutil.LockedFile
}

// ErrInUse is wrapped by the error of Start if another process uses the data directory.
var ErrInUse = errors.New("another process is using the data directory")

const lockRetry = 50 * time.Millisecond

// lockDir waits until no other process uses dir, or patience or ctx ends.
func lockDir(ctx context.Context, dir string, patience time.Duration, log *slog.Logger) (*dirLock, error) {
	deadline := time.Now().Add(patience)
	for waiting := false; ; waiting = true {
		l, err := tryLockDir(dir)
		switch {
		case err == nil:
			return l, nil
		case !errors.Is(err, fileutil.ErrLocked) && !errors.Is(err, berrors.ErrTimeout):
			return nil, fmt.Errorf("the data directory of the embedded etcd: %w", err)
		case time.Now().After(deadline):
			return nil, fmt.Errorf("%w %s", ErrInUse, dir)
		case !waiting && log != nil:
			log.Info("waiting for another process that is using the data directory", "directory", dir, "at most", patience.String())
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockRetry):
		}
	}
}

func tryLockDir(dir string) (*dirLock, error) {
	f, err := fileutil.TryLockFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	l := &dirLock{f}
	if err := probeDatabase(filepath.Join(dir, "member", "snap", "db")); err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

// probeDatabase finds an etcd that is no gateway's, and so does not know our lock.
func probeDatabase(path string) error {
	// An empty one is what a first start left that was cut off: etcd begins again.
	if info, err := os.Stat(path); errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Millisecond})
	if err != nil {
		return err
	}
	return db.Close()
}

func (l *dirLock) release() {
	l.file.Close()
}
