package lambdatest

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
)

func (h *Host) invokeAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", h.invoke)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		(&Rejection{Status: http.StatusNotFound, Type: "UnknownOperationException", Message: "There is only Invoke"}).write(w)
	})
	return mux
}

func (h *Host) invoke(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", newID())
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	_, _ = io.CopyN(io.Discard, r.Body, maxRequest) // of what is too large, so that the client may come to read the answer
	if f := h.reject.Load(); f != nil && *f != nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
		if refused := (*f)(r); refused != nil {
			refused.write(w)
			return
		}
	}
	req := request{
		kind: r.Header.Get("X-Amz-Invocation-Type"), name: r.PathValue("name"), qualifier: r.URL.Query().Get("Qualifier"),
		trace: r.Header.Get("X-Amzn-Trace-Id"), payload: body,
	}
	in, refused := h.accept(req)
	if refused != nil {
		refused.write(w)
		return
	}
	w.Header().Set("X-Amz-Executed-Version", version)
	switch req.kind {
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	case "Event":
		w.Header().Set("X-Amzn-Requestid", in.id)
		w.WriteHeader(http.StatusAccepted)
	default:
		h.respond(w, r, in)
	}
}

func (h *Host) respond(w http.ResponseWriter, r *http.Request, in *invocation) {
	res, err := h.wait(r.Context(), in)
	if err != nil {
		panic(http.ErrAbortHandler) // the client has gone, or the host goes
	}
	w.Header().Set("X-Amzn-Requestid", in.id)
	w.Header().Set("X-Amzn-Trace-Id", in.trace)
	w.Header().Set("Content-Type", "application/json")
	if res.FunctionError != "" {
		w.Header().Set("X-Amz-Function-Error", res.FunctionError)
	}
	_, _ = w.Write(res.Payload)
}

// accept starts what the request asks for, or queues it, or refuses.
func (h *Host) accept(req request) (*invocation, *Rejection) {
	f, arn, refused := h.find(req.name, req.qualifier)
	if refused != nil {
		return nil, refused
	}
	if len(req.payload) == 0 {
		req.payload = []byte("{}")
	}
	if refused := req.check(); refused != nil {
		return nil, refused
	}
	in := &invocation{
		f: f, id: newID(), arn: arn, trace: cmp.Or(req.trace, newTrace()), payload: req.payload, result: make(chan Result, 1),
	}
	switch req.kind {
	case "DryRun":
		return nil, nil
	case "Event":
		select {
		case f.events <- in:
			return in, nil
		default:
			return nil, throttled()
		}
	}
	select {
	case f.slots <- struct{}{}:
		f.dispatch(in)
		return in, nil
	default:
		return nil, throttled()
	}
}
