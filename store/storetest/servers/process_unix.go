//go:build unix && !linux

package servers

import (
	"os/exec"
	"syscall"
)

// dieWithParent does nothing: only Linux knows this. A test that is killed leaves its servers behind.
func dieWithParent(*exec.Cmd) {}

func freeze(pid int) error { return syscall.Kill(pid, syscall.SIGSTOP) }

func thaw(pid int) error { return syscall.Kill(pid, syscall.SIGCONT) }
