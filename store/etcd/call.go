package etcd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/backend"
)

// call makes one request to the database, within the timeout. Close ends it by closing the client.
func (s *Store) call(ctx context.Context, request func(context.Context, *clientv3.Client) error) error {
	timed, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	c, err := s.dial(timed)
	if err == nil {
		err = request(timed, c)
	}
	return s.explain(ctx, err)
}

// explain returns err as callers of the store should see it. ctx is the caller's.
func (s *Store) explain(ctx context.Context, err error) error {
	return backend.Explain(ctx, s.ctx, err, func(err error) error {
		why := fmt.Sprintf("nothing within %v", s.options.Timeout)
		if p := s.problem.Load(); p != nil {
			why = *p
		}
		deadline, advice := errors.Is(err, context.DeadlineExceeded), s.advice(err)
		switch {
		case deadline && foreign(why):
			return fmt.Errorf("%w: what is at %s is no etcd, or its TLS is another one than the URL says: %s", store.ErrUnusable, s.where(), why)
		case deadline:
			return fmt.Errorf("etcd at %s does not answer: %s", s.where(), why)
		case advice != "":
			return fmt.Errorf("%w: etcd at %s: %s (%w)", store.ErrUnusable, s.where(), advice, err)
		}
		return fmt.Errorf("etcd at %s: %w", s.where(), err)
	})
}

// advice says what has to be changed if etcd will go on refusing until then, else nothing.
func (s *Store) advice(err error) string {
	for refusal, advice := range map[error]string{
		rpctypes.ErrAuthFailed:       "the user or the password is wrong",
		rpctypes.ErrAuthNotEnabled:   "the URL names a user, and there are none",
		rpctypes.ErrPermissionDenied: "the user needs to read and write below " + s.layout.prefix,
		rpctypes.ErrUserEmpty:        "the URL needs a user",
		rpctypes.ErrUserNotFound:     "the user does not exist",
	} {
		if errors.Is(err, refusal) || rpctypes.ErrorDesc(err) == rpctypes.ErrorDesc(refusal) {
			return advice
		}
	}
	return ""
}

// foreign says whether there was an answer that etcd would not give, so that another try will fare no better.
func foreign(problem string) bool {
	for _, sign := range []string{"http2: frame too large", "HTTP/1.", "tls: first record does not look like"} {
		if strings.Contains(problem, sign) {
			return true
		}
	}
	return backend.UntrustedText(problem) // gRPC keeps no more
}

func (s *Store) where() string { return strings.Join(s.options.Endpoints, ",") }

// dial returns the client, which connects when it is first used and again when the connection is lost. If there is a user to log
// in, etcd's client needs the database to be there already when it is made; so it is made at the first call.
func (s *Store) dial(ctx context.Context) (*clientv3.Client, error) {
	if c := s.client.Load(); c != nil {
		return c, nil
	}
	if err := s.dialing.enter(ctx); err != nil {
		return nil, err
	}
	defer s.dialing.leave()
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	if c := s.client.Load(); c != nil {
		return c, nil
	}
	c, err := clientv3.New(s.config())
	if err != nil {
		return nil, err
	}
	s.client.Store(c)
	return c, nil
}

func (s *Store) config() clientv3.Config {
	return clientv3.Config{
		Context:   s.ctx,
		Endpoints: s.options.Endpoints,
		Username:  s.options.Username,
		Password:  s.options.Password,
		TLS:       s.options.TLS,
		// Only logging in has this timeout.
		DialTimeout: s.options.Timeout,
		// A connection that died without a word is noticed after 13 seconds, or 3 seconds into the next request. etcd's servers hang
		// up on clients that send these pings without a request under way, so that PermitWithoutStream must stay off.
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: 3 * time.Second,
		Logger:               zap.NewNop(),
		DialOptions: []grpc.DialOption{
			// gRPC's own waits between tries to connect grow to two minutes.
			grpc.WithConnectParams(grpc.ConnectParams{
				Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 800 * time.Millisecond},
				MinConnectTimeout: 3 * time.Second,
			}),
			grpc.WithChainUnaryInterceptor(s.noteProblem),
		},
	}
}

// noteProblem keeps why a request could not be sent, which etcd's client hides behind "deadline exceeded".
func (s *Store) noteProblem(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, cc, opts...)
	st := status.Convert(err)
	if why, ok := strings.CutPrefix(st.Message(), "latest balancer error: "); ok && st.Code() == codes.DeadlineExceeded {
		s.problem.Store(&why)
	} else if err == nil && s.problem.Load() != nil {
		s.problem.Store(nil)
	}
	return err
}

// gate is a mutex that can be waited for with a context. It has room for one.
type gate chan struct{}

func (g gate) enter(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g gate) leave() { <-g }
