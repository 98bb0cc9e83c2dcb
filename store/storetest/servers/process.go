package servers

import (
	"os/exec"
	"runtime"
	"time"
)

// process is a server's process. It ends with the test's process, also if that is killed (on Linux).
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // of Wait; to be read when it has ended
}

func startProcess(cmd *exec.Cmd) (*process, error) {
	dieWithParent(cmd)
	cmd.WaitDelay = 10 * time.Second // for the output, should a child of it live on
	p := &process{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer close(p.ended)
		// For Linux the parent is the thread that started the process, and Go may end a thread that is not held.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
	}()
	return p, <-started
}

// kill ends it and waits. It returns false if it had already ended.
func (p *process) kill() bool {
	select {
	case <-p.ended:
		return false
	default:
	}
	p.cmd.Process.Kill() // fails only if it has just ended
	<-p.ended
	return true
}
