package invoke_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// nodeFolder returns a folder of testdata with Node programs, whose packages are installed. Elsewhere than in CI, the test is skipped
// where they are not.
func nodeFolder(t *testing.T, name string) string {
	t.Helper()
	missing := t.Skip
	if os.Getenv("CI") != "" {
		missing = t.Fatal
	}
	dir := filepath.Join("testdata", filepath.FromSlash(name))
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err != nil {
		missing("not installed: npm ci in invoke/" + filepath.ToSlash(dir))
	}
	if _, err := exec.LookPath("node"); err != nil {
		missing("no node")
	}
	return dir
}

// startNode starts a server in a folder of testdata, which prints its port and ends with its standard input, and returns its URL.
func startNode(t *testing.T, folder string, args ...string) string {
	t.Helper()
	dir := nodeFolder(t, folder)
	cmd := exec.Command("node", args...)
	cmd.Dir, cmd.Stderr = dir, t.Output()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	})
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%v in %s has ended: %v", args, dir, err)
	}
	return "http://127.0.0.1:" + strings.TrimSpace(port)
}
