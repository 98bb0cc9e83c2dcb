//go:build unix

package store

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asFileWriter makes a test a process of its own, which writes to this file.
const asFileWriter = "EVENT_GATEWAY_TEST_FILE"

func fileWriter(t *testing.T, test, path string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), asFileWriter+"="+path)
	cmd.Stderr = os.Stderr
	return cmd
}

// step is a commit that depends on nothing but the revision. A realm of these has 40 items of 10 KB.
func step(p *past) Commit {
	rev := len(p.states)
	return p.commit(map[string][]byte{fmt.Sprint("key/", rev%40): bytes.Repeat([]byte{byte(rev)}, 10<<10)})
}

// Those that start processes are not parallel to others: a process that is just being started holds their locks for a moment.

// TestFileKilled: a process that is killed at any time leaves the file as it was before or after a write.
func TestFileKilled(t *testing.T) {
	if path := os.Getenv(asFileWriter); path != "" {
		writeFile(t, path)
	}
	path := filepath.Join(t.TempDir(), "snapshot")
	last, during := Rev(0), 0
	for range 15 {
		cmd := fileWriter(t, "TestFileKilled", path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "writing"; {
		}
		time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if _, err := os.Stat(path + ".tmp"); err == nil {
			during++
		}
		f := openFile(t, path, 1)
		p := newPast(Shared)
		for len(p.states) <= int(f.index.realms[Shared].Rev) {
			step(p)
		}
		rev, ok := p.held(t, f)
		if !ok || rev < last {
			t.Errorf("at %d, %t, was at %d before", rev, ok, last)
		}
		last = rev
		closeFile(t, f)
	}
	t.Logf("%d commits; %d of 15 kills came while the file was written anew", last, during)
	if last == 0 {
		t.Error("nothing was written")
	}
}

func writeFile(t *testing.T, path string) {
	f := openFile(t, path, 1)
	p := newPast(Shared)
	if k := f.index.realms[Shared]; k == nil {
		p.keep(f)
	} else {
		for len(p.states) <= int(k.Rev) {
			step(p)
		}
	}
	f.Flush()
	fmt.Println("writing")
	for {
		p.change(f, step(p))
		f.Flush()
		f.disk.Lock()
		err := f.renew()
		f.disk.Unlock()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestFileFull: a disk that is full leaves the file as it is, and holds up nobody.
func TestFileFull(t *testing.T) {
	if path := os.Getenv(asFileWriter); path != "" {
		fillFile(t, path)
		return
	}
	if out, err := fileWriter(t, "TestFileFull", filepath.Join(t.TempDir(), "snapshot")).Output(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func fillFile(t *testing.T, path string) {
	limit := func(soft uint64) {
		var l syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
			t.Fatal(err)
		}
		l.Cur = min(soft, l.Max)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
			t.Fatal(err)
		}
	}
	var logged bytes.Buffer
	f, err := OpenSnapshotFile(path, testStore, 1, slog.New(slog.NewTextHandler(&logged, nil)))
	if err != nil {
		t.Fatal(err)
	}
	p := newPast(Shared)
	p.keep(f)
	limit(200<<10 + 7)
	for range 3000 { // 30 MB: more than can wait
		p.change(f, step(p))
	}
	f.Flush()
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path+".copy", b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if size := f.Stats().Bytes; int64(len(b)) != size {
		t.Errorf("the failed write takes %d bytes of the full disk", int64(len(b))-size)
	}
	was := openFile(t, path+".copy", 1)
	if rev, ok := p.held(t, was); rev < 15 || rev > 20 || !ok {
		t.Errorf("on the full disk the file is at %d, %t", rev, ok)
	}
	closeFile(t, was)
	if s := f.Stats(); s.Failures < 2 || f.wants(Shared) {
		t.Errorf("%+v", s)
	}
	limit(1 << 40)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		f.mu.Lock()
		done := !f.failing && len(f.queue) == 0
		f.mu.Unlock()
		if done {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the disk has room again, but nothing is written")
		}
	}
	if rev, ok := p.held(t, f); rev < 1500 || rev > 1700 || !ok {
		t.Errorf("with room again the file is at %d, %t: want what could wait", rev, ok)
	}
	p.keep(f)
	closeFile(t, f)
	f = openFile(t, path, 1)
	if rev, ok := p.held(t, f); rev != 3000 || !ok {
		t.Errorf("in the end the file is at %d, %t", rev, ok)
	}
	closeFile(t, f)
	for _, line := range []string{"cannot be written; trying again", "lacks changes", "can be written again"} {
		if n := strings.Count(logged.String(), line); n != 1 {
			t.Errorf("%q is logged %d times", line, n)
		}
	}
}

// TestFilePlanted: what others put where the file is written anew is not written to.
func TestFilePlanted(t *testing.T) {
	t.Parallel()
	path, one, _ := sample(t)
	f := openFile(t, path, 10)
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, f.temporary()); err != nil {
		t.Fatal(err)
	}
	if err := f.renew(); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(other); string(b) != "precious" || err != nil {
		t.Errorf("another file is now %.80q, %v", b, err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode() != 0o600 {
		t.Error(info.Mode(), err)
	}
	if rev, ok := one.held(t, f); rev != 3 || !ok {
		t.Errorf("at %d, %t", rev, ok)
	}
	closeFile(t, f)
}

// TestFileReadable: a file that others could read is for its owner alone before anything is added.
func TestFileReadable(t *testing.T) {
	t.Parallel()
	path, _, _ := sample(t)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	closeFile(t, openFile(t, path, 10))
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Error(info.Mode(), err)
	}
	// One that is none of ours stays as it is, wherever it is.
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "snapshot")
	if err := os.Symlink(other, link); err != nil {
		t.Fatal(err)
	}
	f := openFile(t, link, 10)
	newPast(Shared).keep(f)
	closeFile(t, f)
	if info, err := os.Stat(other); err != nil || info.Mode() != 0o644 || info.Size() != 8 {
		t.Error(info, err)
	}
}

// TestFileDeleted: a file that somebody deletes, or puts another one in place of, is there again with the next change, with all that it held.
func TestFileDeleted(t *testing.T) {
	t.Parallel()
	path, one, two := sample(t)
	f := openFile(t, path, 10)
	for _, lose := range []func() error{
		func() error { return os.Remove(path) },
		func() error { return os.Rename(path, path+".old") },
		func() error { _ = os.Remove(path); return os.WriteFile(path, []byte("another"), 0o600) },
	} {
		if err := lose(); err != nil {
			t.Fatal(err)
		}
		one.change(f, one.commit(map[string][]byte{"again": fmt.Append(nil, one.now().head.Rev)}))
		closeFile(t, f)
		f = openFile(t, path, 10)
		if rev, ok := one.held(t, f); rev != one.now().head.Rev || !ok {
			t.Errorf("one is held at %d, %t", rev, ok)
		}
		if rev, ok := two.held(t, f); rev != two.now().head.Rev || !ok {
			t.Errorf("two is held at %d, %t", rev, ok)
		}
	}
	closeFile(t, f)
}
