package lambdatest

import (
	"net/http"
	"strconv"
	"time"
)

// call is a call of the Runtime API that waits for the owner of its process.
type call struct {
	id     string          // of the invocation, in an answer
	result *Result         // nil: too large
	init   bool            // the process could not start: an answer to whatever it was started for
	reply  chan reply      // whoever called waits for one
	gone   <-chan struct{} // it does so no more
}

// next says that the call asks for an invocation.
func (c call) next() bool { return c.id == "" && !c.init }

// reply is what a call is answered: an invocation, or a status.
type reply struct {
	in       *invocation
	deadline time.Time
	status   int
	kind     string
	message  string
}

func (rep reply) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if rep.in == nil {
		w.WriteHeader(rep.status)
		_, _ = w.Write(rep.body())
		return
	}
	h.Set("Lambda-Runtime-Aws-Request-Id", rep.in.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(rep.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", rep.in.arn)
	h.Set("Lambda-Runtime-Trace-Id", rep.in.trace)
	h.Set("Content-Length", strconv.Itoa(len(rep.in.payload)))
	_, _ = w.Write(rep.in.payload)
}

func (rep reply) body() []byte {
	if rep.status == http.StatusAccepted {
		return []byte(`{"status":"OK"}` + "\n")
	}
	return errorJSON(rep.kind, rep.message)
}

// take answers a call or keeps it, if it asks for the next invocation. in is the invocation that the process has, or nil.
func (p *process) take(c call, in *invocation) {
	busy := in != nil && in.handed && !in.answered
	switch {
	case c.next() && !busy:
		if p.poll != nil {
			p.respond(*p.poll, outOfTurn())
		}
		p.poll, p.asked = &c, true
	case c.init && !p.asked && !in.answered, c.id != "" && busy && c.id == in.id:
		p.settle(c, in)
	case c.id != "" && busy:
		p.respond(c, reply{status: http.StatusBadRequest, kind: "InvalidRequestID", message: "Invalid request ID"})
	default:
		p.respond(c, outOfTurn())
	}
}

// settle has the call answer the invocation. Whoever gets the answer may invoke at once, and then gets this process.
func (p *process) settle(c call, in *invocation) {
	p.offer()
	if c.result == nil {
		in.answer(tooLarge())
		p.respond(c, reply{status: http.StatusRequestEntityTooLarge, kind: "RequestEntityTooLarge", message: tooLargeMessage})
		return
	}
	in.answer(*c.result)
	p.respond(c, reply{status: http.StatusAccepted})
}

func outOfTurn() reply {
	return reply{status: http.StatusForbidden, kind: "InvalidStateTransition", message: "The process may not make this call now"}
}

func (p *process) respond(c call, rep reply) {
	select {
	case c.reply <- rep:
	case <-c.gone:
	case <-p.exited:
	}
}
