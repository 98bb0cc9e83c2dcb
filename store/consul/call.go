package consul

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

// request is one of Consul's HTTP API.
type request struct {
	method string
	path   string
	query  url.Values
	body   []byte
	write  bool          // it is sent once
	wait   time.Duration // how long the answer may be kept back
	accept int           // a status besides 200 that is an answer
}

// call makes one request to the database, within the timeout, and has read take the answer. What fails on one endpoint goes to the next one,
// unless it is a write, so that read may be called more than once.
func (s *Store) call(ctx context.Context, r request, read func(*http.Response) error) error {
	if s.ctx.Err() != nil {
		return store.ErrClosed
	}
	timed, cancel := context.WithTimeout(ctx, r.wait+s.options.Timeout)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	var err error
	for range s.options.Endpoints {
		at := s.current.Load()
		err = s.send(timed, s.options.Endpoints[at], r, read)
		if err == nil || refused(err) || ctx.Err() != nil || s.ctx.Err() != nil {
			break
		}
		s.current.CompareAndSwap(at, (at+1)%int32(len(s.options.Endpoints)))
		if timed.Err() != nil {
			err = timed.Err()                  // and not what became of the connection then
			s.transport.CloseIdleConnections() // the others may be as dead
			break
		}
		if r.write {
			break
		}
	}
	return s.explain(ctx, err)
}

func (s *Store) send(ctx context.Context, endpoint string, r request, read func(*http.Response) error) error {
	u := url.URL{Scheme: "http", Host: endpoint, Path: r.path}
	if s.options.TLS != nil {
		u.Scheme = "https"
	}
	query := url.Values{}
	maps.Copy(query, r.query)
	if s.options.Datacenter != "" {
		query.Set("dc", s.options.Datacenter)
	}
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), bytes.NewReader(r.body))
	if err != nil {
		return err
	}
	if s.options.Token != "" {
		req.Header.Set("X-Consul-Token", s.options.Token)
	}
	if !r.write {
		req.Header["Idempotency-Key"] = nil // is not sent: it allows another try if the connection had ended while it was idle
	}
	resp, err := s.transport.RoundTrip(req) // which follows no redirect: it would take the token along
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != r.accept {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
		return &refusal{resp.StatusCode, strings.TrimSpace(string(text))}
	}
	if err := read(resp); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // a connection that was read to the end of the answer is used again
	return err
}

// refusal is an answer that was not hoped for.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("%d %s: %.300q", r.status, http.StatusText(r.status), r.text)
}

// refused says whether Consul will go on saying this until somebody changes something.
func refused(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.status < 500 && r.status != http.StatusRequestTimeout && r.status != http.StatusTooManyRequests
}

// unreached says whether there was not even a connection.
func unreached(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// explain returns err as callers of the store should see it. ctx is the caller's.
func (s *Store) explain(ctx context.Context, err error) error {
	return backend.Explain(ctx, s.ctx, err, func(err error) error {
		var r *refusal
		switch {
		case errors.As(err, &r) && r.status == http.StatusRequestEntityTooLarge:
			return fmt.Errorf("%w: consul at %s: %w", store.ErrTooLarge, s.where(), err)
		case refused(err), backend.Untrusted(err):
			return fmt.Errorf("%w: consul at %s: %w", store.ErrUnusable, s.where(), err)
		case errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("consul at %s does not answer: nothing within %v", s.where(), s.options.Timeout)
		case unreached(err):
			return fmt.Errorf("consul at %s does not answer: %w", s.where(), err)
		}
		return fmt.Errorf("consul at %s: %w", s.where(), err)
	})
}

func (s *Store) where() string { return strings.Join(s.options.Endpoints, ",") }

func (s *Store) newTransport() *http.Transport {
	dialer := &net.Dialer{
		Timeout: s.options.Timeout / time.Duration(len(s.options.Endpoints)), // so that there is time for all of them
		// A machine that went away without a word is noticed after 19 seconds.
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 3 * time.Second, Count: 3},
	}
	return &http.Transport{
		DialContext:         dialer.DialContext,
		TLSClientConfig:     s.options.TLS,
		TLSHandshakeTimeout: s.options.Timeout,
		DisableCompression:  true, // Consul takes longer to compress than a network to carry
		MaxConnsPerHost:     16,
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     time.Minute,
	}
}
