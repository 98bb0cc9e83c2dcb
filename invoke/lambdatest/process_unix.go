//go:build unix

package lambdatest

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
)

// A process leads a group of its own, so that what it starts is stopped and killed with it.

func suspend(pid int) bool { return syscall.Kill(-pid, syscall.SIGSTOP) == nil }
func resume(pid int)       { _ = syscall.Kill(-pid, syscall.SIGCONT) }
func kill(pid int)         { _ = syscall.Kill(-pid, syscall.SIGKILL) }
func killRest(pid int)     { kill(pid) } // its group outlives it as long as it has a member

// stopped says that each thread of the process is stopped, or that the process has ended. Where the system does not tell, it is taken to be
// at once.
func stopped(pid int) bool {
	threads := fmt.Sprintf("/proc/%d/task/", pid)
	entries, err := os.ReadDir(threads)
	if err != nil {
		return true
	}
	for _, e := range entries {
		stat, err := os.ReadFile(threads + e.Name() + "/stat")
		if err != nil {
			continue // it ended
		}
		// The state follows the name, which is in parentheses and may hold any.
		if i := bytes.LastIndex(stat, []byte(") ")); i < 0 || i+2 >= len(stat) || !bytes.ContainsRune([]byte("TtZX"), rune(stat[i+2])) {
			return false
		}
	}
	return true
}
