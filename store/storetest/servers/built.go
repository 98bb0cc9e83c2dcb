package servers

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// built returns the path of a server that `make servers` has built.
func built(t testing.TB, name string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above the working directory: the servers are in bin/servers beside it")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "bin", "servers", name)
	if _, err := os.Stat(path); err != nil {
		missing(t, name+" is not built: run `make servers`")
	}
	return path
}

// missing skips the test for the reason, but fails it in CI, where what can run must run.
func missing(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// command returns a command that runs in dir and sees nothing of the environment that configures servers.
func command(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	return cmd
}

// plain returns an HTTP client that keeps no connections, and so no goroutines.
func plain() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}
