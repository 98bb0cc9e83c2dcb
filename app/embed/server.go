// Package embed runs servers inside the gateway's own process, for a gateway without a database of its own: so far etcd.
package embed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"sync"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"google.golang.org/grpc"
)

// Options says how Start runs an etcd server.
type Options struct {
	DataDir       string        // where the data is kept; made, readable by its owner only, if there is none
	ClientAddr    string        // host:port or http URL that clients are served on; "" is a free port of 127.0.0.1
	PeerAddr      string        // the same for peers; "" does not listen for them, since the server is alone
	Patience      time.Duration // how long another process may go on using DataDir, such as a gateway that is being replaced; 0 is 10 seconds
	UnsafeNoFsync bool          // lose what was written last in a power failure, and be faster: for tests
	Logger        *slog.Logger  // gets etcd's warnings and errors; nil discards them
}

// Server is a running etcd server, the only member of its cluster. It has no HTTP gateway. Whoever
// reaches its client port can read and change all data, so that it is best left on a loopback address.
type Server struct {
	etcd  *embed.Etcd
	grpc  *grpc.Server
	level zap.AtomicLevel
	fail  *failure
	lock  *dirLock
	once  sync.Once
}

const defaultPatience = 10 * time.Second

// Start runs a server and returns when it serves. Data that an earlier server left in DataDir is served again. It fails if ctx ends
// before, or if another process uses DataDir for too long.
func Start(ctx context.Context, o Options) (*Server, error) {
	s := &Server{level: zap.NewAtomicLevelAt(zap.FatalLevel), fail: newFailure()} // Start's error says all that matters
	cfg, err := s.config(o)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("the data directory of the embedded etcd: %w", err)
	}
	if s.lock, err = lockDir(ctx, o.DataDir, cmp.Or(o.Patience, defaultPatience), o.Logger); err != nil {
		return nil, err
	}
	if err := s.start(ctx, cfg); err != nil {
		s.Close()
		return nil, fmt.Errorf("the embedded etcd cannot start: %w", err)
	}
	s.level.SetLevel(zap.WarnLevel)
	return s, nil
}

// Endpoint returns the host:port that clients connect to.
func (s *Server) Endpoint() string {
	addr := s.etcd.Clients[0].Addr().(*net.TCPAddr)
	if addr.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", addr.Port)
	}
	return addr.String()
}

// Close stops the server. It ends the calls of clients that are still connected, and releases the data directory.
func (s *Server) Close() {
	s.once.Do(func() {
		s.level.SetLevel(zap.FatalLevel) // its complaints while it closes are about its being closed
		if s.grpc != nil {
			s.grpc.Stop() // etcd itself would wait five seconds for watches to end
		}
		if s.etcd != nil && !s.fail.happened.Load() { // one that failed cannot be closed any more
			s.etcd.Close()
		}
		s.lock.release()
	})
}

// start sets s.etcd and s.grpc. An etcd that cannot start may leave files open and goroutines running.
func (s *Server) start(ctx context.Context, cfg *embed.Config) error {
	serving := make(chan *grpc.Server, 1)
	cfg.ServiceRegister = func(g *grpc.Server) { serving <- g }
	type result struct {
		etcd *embed.Etcd
		err  error
	}
	made := make(chan result, 1)
	go func() { // may never end: see failure
		defer func() {
			if p := recover(); p != nil {
				made <- result{err: fmt.Errorf("it cannot read the data in %s: %v", cfg.Dir, p)}
			}
		}()
		etcd, err := embed.StartEtcd(cfg)
		made <- result{etcd, err}
	}()
	select {
	case r := <-made:
		if s.etcd = r.etcd; r.err != nil {
			return r.err
		}
	case err := <-s.fail.why:
		return fmt.Errorf("with the data in %s: %w", cfg.Dir, err)
	}
	select {
	case s.grpc = <-serving:
		return nil
	case err := <-s.etcd.Err():
		return errors.Join(errors.New("it stopped"), err)
	case err := <-s.fail.why:
		return fmt.Errorf("with the data in %s: %w", cfg.Dir, err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Server) config(o Options) (*embed.Config, error) {
	if o.DataDir == "" {
		return nil, errors.New("the embedded etcd needs a data directory")
	}
	client, err := listenURL(o.ClientAddr)
	if err != nil {
		return nil, err
	}
	cfg := embed.NewConfig()
	cfg.Dir, cfg.Name = o.DataDir, "event-gateway"
	cfg.UnsafeNoFsync = o.UnsafeNoFsync
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	// A member must have a peer URL, which is part of its data for ever; it need not listen there.
	peer := url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = nil, []url.URL{peer}
	if o.PeerAddr != "" {
		listen, err := listenURL(o.PeerAddr)
		if err != nil {
			return nil, err
		}
		cfg.ListenPeerUrls = []url.URL{listen}
	}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	// A lone member can only elect itself, so the sooner the better: it serves after this election time at the latest. Ticks
	// this short cost an idle server 1% of a core.
	cfg.TickMs, cfg.ElectionMs = 20, 100
	cfg.AutoCompactionMode, cfg.AutoCompactionRetention = embed.CompactorModePeriodic, "1h"
	cfg.EnableGRPCGateway = false
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(newZap(o.Logger, s.level, s.fail))
	return cfg, nil
}

// listenURL returns the URL of a host:port, or of an http URL, and of a free port if there is none.
func listenURL(addr string) (url.URL, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	if u, err := url.Parse(addr); err == nil && u.Host != "" {
		if u.Scheme != "http" || u.Path != "" && u.Path != "/" {
			return url.URL{}, fmt.Errorf("the embedded etcd cannot listen on %q: host:port is needed", u.Redacted())
		}
		addr = u.Host
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return url.URL{}, fmt.Errorf("the embedded etcd cannot listen on %q: host:port is needed", addr)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	return url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}, nil
}
