package servers

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// NodeFolder says that a folder with Node programs has its packages. Elsewhere than in CI, the test is skipped where it has not.
func NodeFolder(t testing.TB, dir string) string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err != nil {
		missing(t, "not installed: npm ci in "+filepath.ToSlash(dir))
	}
	if _, err := exec.LookPath("node"); err != nil {
		missing(t, "there is no node")
	}
	return dir
}

// Node starts a server in a folder with Node programs, which prints its port and ends with its standard input, and returns its URL.
func Node(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("node", args...)
	cmd.Dir, cmd.Stderr = NodeFolder(t, dir), t.Output()
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
