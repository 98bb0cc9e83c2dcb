package dynamodb

import (
	"errors"
	"hash/crc32"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

const maxRequest = 16 << 20

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	down := s.enter()
	if down == nil {
		panic(http.ErrAbortHandler)
	}
	defer s.leave()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	c := &call{s: s, body: body}
	err = c.read(r)
	if err == nil {
		c.fault = s.arrived(c.op)
	}
	s.travel(down)
	switch c.fault {
	case Close:
		panic(http.ErrAbortHandler)
	case Hang:
		hang(r, down)
	}
	if err == nil {
		err = c.fault.before(c.op, body)
	}
	var out any
	if err == nil {
		out, err = s.ops[c.op](c)
	}
	switch c.fault {
	case CloseAfter:
		panic(http.ErrAbortHandler)
	case HangAfter:
		hang(r, down)
	case InternalAfter:
		err = internal()
	}
	s.travel(down)
	answer(w, out, err)
}

// read finds out who calls what.
func (c *call) read(r *http.Request) error {
	target, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB_20120810.")
	if !ok || r.Method != http.MethodPost || c.s.ops[target] == nil {
		return fail("UnknownOperationException", "this server does not know "+r.Header.Get("X-Amz-Target"))
	}
	auth := r.Header.Get("Authorization")
	if auth == "" {
		return fail("MissingAuthenticationTokenException", "Request is missing Authentication Token")
	}
	_, credential, _ := strings.Cut(auth, "Credential=")
	credential, _, _ = strings.Cut(credential, ",")
	scope := strings.Split(credential, "/") // key, day, region, service, "aws4_request"
	if !strings.HasPrefix(auth, "AWS4-HMAC-SHA256 ") || len(scope) != 5 || slices.Contains(scope, "") {
		return fail("IncompleteSignatureException", "Authorization header requires a 'Credential' of 5 slash-delimited elements")
	}
	c.op, c.region = target, scope[2]
	return nil
}

// enter notes that there is a call, and returns what is closed when the server is killed; nil: it was.
func (s *Server) enter() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http == nil {
		return nil
	}
	s.calls.Add(1)
	return s.down
}

// leave ends a call. What looks like a broken connection to the client must not hide a bug of this server.
func (s *Server) leave() {
	defer s.calls.Done()
	if p := recover(); p != nil {
		if p != http.ErrAbortHandler {
			s.t.Errorf("dynamodb: %v\n%s", p, debug.Stack())
		}
		panic(http.ErrAbortHandler)
	}
}

// arrived counts a call, and returns what befalls it.
func (s *Server) arrived(op string) Kind {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Calls[op]++
	k := s.faults.next(op)
	if k != 0 {
		s.counts.Faults[k]++
	}
	return k
}

func (s *Server) denies(action string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.faults.denied, action)
}

// travel is half of the way of a call. A killed server lets it go no further.
func (s *Server) travel(down chan struct{}) {
	s.mu.Lock()
	latency := s.faults.Latency / 2
	s.mu.Unlock()
	if latency > 0 {
		select {
		case <-time.After(latency):
		case <-down:
		}
	}
	s.mu.Lock()
	frozen := s.frozen
	s.mu.Unlock()
	if frozen != nil {
		select {
		case <-frozen:
		case <-down:
		}
	}
	select {
	case <-down:
		panic(http.ErrAbortHandler)
	default:
	}
}

// hang waits until the client has enough.
func hang(r *http.Request, down chan struct{}) {
	select {
	case <-r.Context().Done():
	case <-down:
	}
	panic(http.ErrAbortHandler)
}

// answer writes what was asked for, or the error.
func answer(w http.ResponseWriter, out any, err error) {
	status := http.StatusOK
	var f *failure
	if errors.As(err, &f) {
		status, out = f.status, f.answer()
	} else if err != nil {
		panic(err) // a bug of the operation
	}
	b, err := json.Marshal(out)
	if err != nil {
		panic(err) // a bug of the operation
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(b)), 10))
	w.Header().Set("X-Amzn-Requestid", uuid.NewString())
	if len(b) > 4<<10 {
		// AWS's client may lose the rest of a large answer that comes before it is quite done with its request. No network is so quick.
		time.Sleep(2 * time.Millisecond)
	}
	w.WriteHeader(status)
	_, _ = w.Write(b)
}
