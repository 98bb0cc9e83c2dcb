package lambdatest

import (
	"cmp"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// function is a Function and its processes.
type function struct {
	Function
	host   *Host
	name   string
	log    log
	slots  chan struct{}    // one for each invocation that has no answer yet
	events chan *invocation // asynchronous ones, until there is a slot

	mu    sync.Mutex
	alive []*process // started first first
	ready []*process // those that have answered and have no work, most recently used last
}

// queued is how many events of a function wait; more are throttled.
const queued = 1000

func newFunction(h *Host, name string, f Function) *function {
	// The process has a directory of its own, so that a relative path would mean another file there.
	f.Dir = absolute(cmp.Or(f.Dir, filepath.Dir(f.Command[0])))
	if program, err := exec.LookPath(f.Command[0]); err == nil {
		f.Command = append([]string{absolute(program)}, f.Command[1:]...)
	}
	f.Timeout = cmp.Or(f.Timeout, 3*time.Second)
	f.Init = cmp.Or(f.Init, 10*time.Second)
	return &function{
		Function: f, host: h, name: name,
		slots:  make(chan struct{}, cmp.Or(f.Concurrency, 100)),
		events: make(chan *invocation, queued),
	}
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// deliver starts the events, each as soon as there is a slot, until the host is closed.
func (f *function) deliver() {
	for {
		select {
		case in := <-f.events:
			select {
			case f.slots <- struct{}{}:
				f.dispatch(in)
			case <-f.host.ctx.Done():
				return
			}
		case <-f.host.ctx.Done():
			return
		}
	}
}

// dispatch gives the invocation, which has a slot, to the process that was used last, or to a new one. It does not wait.
func (f *function) dispatch(in *invocation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.ready); n > 0 {
		f.ready[n-1].work <- in // it holds one, and a process that is ready has none
		f.ready = f.ready[:n-1]
		return
	}
	f.host.spawn(func() { newProcess(f).live(in) })
}

// offer makes the process one that dispatch may choose.
func (f *function) offer(p *process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ready = append(f.ready, p)
}

// withdraw is the opposite of offer. If it comes too late, the invocation that the process was given goes to another one.
func (f *function) withdraw(p *process) {
	f.mu.Lock()
	f.ready = slices.DeleteFunc(f.ready, func(q *process) bool { return q == p })
	f.mu.Unlock()
	select {
	case in := <-p.work:
		f.dispatch(in)
	default:
	}
}

// born and dead keep the list of processes.
func (f *function) born(p *process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.alive = append(f.alive, p)
}

func (f *function) dead(p *process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.alive = slices.DeleteFunc(f.alive, func(q *process) bool { return q == p })
}

func (f *function) processes() []*process {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.alive)
}

func (f *function) pids() []int {
	var pids []int
	for _, p := range f.processes() {
		pids = append(pids, p.pid)
	}
	return pids
}

func (f *function) frozen() bool {
	all := f.processes()
	return len(all) > 0 && !slices.ContainsFunc(all, func(p *process) bool { return !p.frozen.Load() || !stopped(p.pid) })
}

func (f *function) kill() {
	f.mu.Lock()
	all := slices.Clone(f.alive)
	f.ready = nil // the next invocation must not get one of them; work that one was given meanwhile goes to another
	f.mu.Unlock()
	for _, p := range all {
		p.cancel()
	}
	for _, p := range all {
		<-p.done
	}
}
