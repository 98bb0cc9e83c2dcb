package lambdatest

import (
	"errors"
	"time"
)

// serve has the process do the invocation, and returns when it asks for the next one. Else it has ended the process, and returns false.
func (p *process) serve(in *invocation) bool {
	p.offered = false
	limit := p.f.Timeout
	if !p.asked {
		limit = p.f.Init
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var linger <-chan time.Time
	for {
		select {
		case p.asker(in) <- reply{in: in, deadline: time.Now().Add(p.f.Timeout)}:
			in.handed, p.poll = true, nil
			timer.Reset(p.f.Timeout)
		case c := <-p.calls:
			p.take(c, in)
			if in.answered && p.poll != nil {
				return true
			}
			if in.answered && linger == nil {
				linger = time.After(patience)
			}
		case <-linger: // it answered, and does not go on to the next; work that was given to it meanwhile goes elsewhere
			p.f.withdraw(p)
			p.offered = false
		case <-timer.C:
			p.end()
			in.answer(p.late(in))
			return false
		case <-p.exited:
			p.end()
			in.answer(p.exit(in))
			return false
		case <-p.ctx.Done():
			p.end()
			in.answer(p.exit(in))
			return false
		}
	}
}

// patience is how long an invocation waits for a process that has answered the one before and has not yet asked for another. AWS would
// rather start a process, but most do ask within a millisecond.
const patience = time.Second

// asker returns where to hand the invocation to, if the process asks for it. Nobody takes it there when the process has hung up, until it
// asks again.
func (p *process) asker(in *invocation) chan<- reply {
	if p.poll == nil || in.handed {
		return nil
	}
	return p.poll.reply
}

func (p *process) offer() {
	if !p.offered {
		p.offered = true
		p.f.offer(p)
	}
}

// rest freezes the process until there is work, and returns it, or nil if the process has ended.
func (p *process) rest() *invocation {
	p.offer()
	select {
	case in := <-p.work:
		return in
	default:
	}
	if p.freeze() != nil {
		return nil
	}
	for {
		select {
		case in := <-p.work:
			p.frozen.Store(false)
			resume(p.pid)
			return in
		case c := <-p.calls: // sent just before it was frozen
			p.take(c, nil)
		case <-p.exited:
			return nil
		case <-p.ctx.Done():
			return nil
		}
	}
}

// freeze stops the process, and returns when the system says that it is stopped.
func (p *process) freeze() error {
	if !suspend(p.pid) {
		return nil
	}
	for begin := time.Now(); !stopped(p.pid); time.Sleep(100 * time.Microsecond) {
		if time.Since(begin) > 5*time.Second || p.ctx.Err() != nil {
			return errors.New("it does not stop")
		}
	}
	p.frozen.Store(true)
	return nil
}
