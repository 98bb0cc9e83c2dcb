package lambdatest

import (
	"context"
	"os/exec"
	"runtime"
	"sync/atomic"
	"time"
)

// process is one process of a function, with a Runtime API of its own. It serves one invocation at a time. The goroutine of live owns it;
// others reach it by its channels.
type process struct {
	f      *function
	ctx    context.Context // ends when it is to be killed
	cancel context.CancelFunc
	api    *server
	cmd    *exec.Cmd
	pid    int
	work   chan *invocation // one, given by dispatch
	calls  chan call        // of the Runtime API
	exited chan struct{}    // closed when it has exited and the system has forgotten it
	done   chan struct{}    // closed when nothing is left of it
	frozen atomic.Bool

	poll    *call // the call for the next invocation, if it waits
	asked   bool  // it has asked for work once: its start is over
	offered bool  // dispatch may choose it, or has done so
}

func newProcess(f *function) *process {
	p := &process{
		f: f, work: make(chan *invocation, 1), calls: make(chan call),
		exited: make(chan struct{}), done: make(chan struct{}),
	}
	p.ctx, p.cancel = context.WithCancel(f.host.ctx)
	return p
}

// live starts the process, and serves the invocation and those that come later, until the process ends.
func (p *process) live(in *invocation) {
	defer close(p.done)
	defer p.cancel()
	if err := p.start(); err != nil {
		in.answer(failure("Runtime.InvalidEntrypoint", in.id, err.Error()))
		return
	}
	for in != nil && p.serve(in) {
		in = p.rest()
	}
	p.f.withdraw(p)
	p.end()
	p.api.close()
}

// start returns when the process runs, or cannot.
func (p *process) start() (err error) {
	if p.api, err = serve(p.runtimeAPI()); err != nil {
		return err
	}
	p.cmd = exec.Command(p.f.Command[0], p.f.Command[1:]...)
	p.cmd.Dir = p.f.Dir
	p.cmd.Env = append(p.environ(), p.f.Env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.f.log, &p.f.log
	p.cmd.SysProcAttr = attributes()
	p.cmd.WaitDelay = time.Second // for what it started that still holds stdout
	started := make(chan error)
	go func() { // live waits for it, by exited
		defer close(p.exited)
		runtime.LockOSThread() // Linux may kill the process when the thread that started it ends
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // ProcessState says it all
		}
	}()
	if err := <-started; err != nil {
		<-p.exited
		p.api.close()
		return err
	}
	p.pid = p.cmd.Process.Pid
	p.f.born(p)
	return nil
}

// end kills the process and what it has started, and returns when the system has forgotten it.
func (p *process) end() {
	select {
	case <-p.exited:
	default:
		kill(p.pid)
		<-p.exited
	}
	killRest(p.pid)
	p.f.dead(p)
}
