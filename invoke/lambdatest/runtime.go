package lambdatest

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"sync"
)

// runtimeAPI is what a process talks to.
func (p *process) runtimeAPI() http.Handler {
	const v = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+v+"invocation/next", func(w http.ResponseWriter, r *http.Request) { p.ask(w, r, call{}) })
	mux.HandleFunc("POST "+v+"invocation/{id}/response", p.answers(responseResult))
	mux.HandleFunc("POST "+v+"invocation/{id}/error", p.answers(errorResult))
	mux.HandleFunc("POST "+v+"init/error", p.answers(errorResult))
	return mux
}

// answers reads an answer, one at a time, however many the process sends.
func (p *process) answers(result func(*http.Request, []byte) Result) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		b, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer+1))
		if err == nil && len(b) > maxAnswer {
			_, err = io.CopyN(io.Discard, r.Body, 10*maxAnswer) // so that the process may come to read the reply
			if err == io.EOF {
				err = nil
			}
		}
		mu.Unlock()
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c := call{id: r.PathValue("id"), init: r.PathValue("id") == ""}
		if len(b) <= maxAnswer {
			res := result(r, b)
			c.result = &res
		}
		p.ask(w, r, c)
	}
}

func responseResult(r *http.Request, body []byte) Result {
	// A process finds out in the middle of its answer that it cannot go on.
	if kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "" {
		b, err := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
		if err != nil || len(b) == 0 {
			return failure(kind, "", "")
		}
		return Result{Payload: b, FunctionError: unhandled}
	}
	return Result{Payload: body}
}

func errorResult(r *http.Request, body []byte) Result {
	if len(bytes.TrimSpace(body)) == 0 {
		return failure(r.Header.Get("Lambda-Runtime-Function-Error-Type"), "", "")
	}
	return Result{Payload: body, FunctionError: unhandled}
}

// ask hands the call to the process' owner, and writes what it replies.
func (p *process) ask(w http.ResponseWriter, r *http.Request, c call) {
	c.reply, c.gone = make(chan reply), r.Context().Done()
	select {
	case p.calls <- c:
	case <-c.gone:
		return
	case <-p.exited:
		return
	}
	select {
	case rep := <-c.reply:
		rep.write(w)
	case <-c.gone:
	case <-p.exited:
	}
}
