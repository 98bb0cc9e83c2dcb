package lambdatest

import "syscall"

// attributes makes the process the leader of a group, and has it die with the program that started it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
