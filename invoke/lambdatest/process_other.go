//go:build !unix

package lambdatest

import (
	"os"
	"syscall"
)

// Here processes are not frozen, and what they start is not killed with them.

func attributes() *syscall.SysProcAttr { return nil }
func suspend(int) bool                 { return false }
func resume(int)                       {}
func stopped(int) bool                 { return false }
func killRest(int)                     {}

func kill(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}
