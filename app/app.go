package app

import (
	"cmp"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/event-gateway/event-gateway/handlers"
	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/store"
)

// App is a gateway that runs as a server.
type App struct {
	options *Options
	log     *slog.Logger
	store   store.Store
	stop    func() // of the embedded store
	file    *store.SnapshotFile
	gateway *handlers.Gateway
	events  *server
	config  *server
}

// ErrLost is returned by Run if events that were accepted could not be delivered before the deadline.
var ErrLost = errors.New("events were lost")

// New opens the store and listens. The store may be away: Run waits for it.
func New(ctx context.Context, o *Options, embedded StartEmbedded, log *slog.Logger) (*App, error) {
	a := &App{options: o, log: log}
	s, stop, err := openStore(ctx, o, embedded, log)
	if err != nil {
		stop()
		return nil, err
	}
	a.store, a.stop = s, stop
	if err = a.openSnapshotFile(); err == nil {
		err = usable(ctx, s, a.file.Holds())
	}
	if err == nil {
		err = checkQueue(ctx, o, log)
	}
	if err == nil {
		open, _ := queueOf(o, log)
		a.gateway, err = newGateway(o, a.store, store.RealmsOptions{File: a.file}, open, log)
	}
	if err == nil {
		err = a.listen()
	}
	if err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

func (a *App) openSnapshotFile() (err error) {
	if a.options.SnapshotFile == "" {
		return nil
	}
	realms := 1
	if len(a.options.HostedDomains) > 0 {
		realms = a.options.HostedRealms
	}
	if a.file, err = store.OpenSnapshotFile(a.options.SnapshotFile, storeName(a.options.Store), realms, a.log); err != nil {
		return fmt.Errorf("%s: %w", a.options.named("snapshot-file"), err)
	}
	return nil
}

// storeName returns a word for the store of a URL, which has nothing of its user and password in it, nor of parameters that do not say which store it is.
func storeName(raw string) string {
	u, _ := url.Parse(raw) // by which it was opened
	which := url.Values{}
	for _, name := range []string{"region", "endpoint", "profile", "dc"} {
		if value := u.Query().Get(name); value != "" {
			which.Set(name, value)
		}
	}
	u.User, u.RawQuery, u.ForceQuery = nil, which.Encode(), false
	return fmt.Sprintf("%x", sha256.Sum256([]byte(u.String())))
}

// newGateway puts the parts together. What is measured is registered here. The options of the realms say what is not in the other ones. open opens the durable queue, if there is
// to be one.
func newGateway(o *Options, s store.Store, kept store.RealmsOptions, open openQueue, log *slog.Logger) (*handlers.Gateway, error) {
	hosts, err := handlers.NewHosts(o.HostedDomains)
	if err != nil {
		return nil, err
	}
	hosted := hosts != nil
	keys, err := openKeys(context.Background(), o, log)
	if err != nil {
		return nil, err
	}
	egress := invoke.EgressOptions{
		Hosted: hosted, Credentials: invoke.Credentials(o.FunctionCredentials),
		Allow: o.EgressAllow, Deny: o.EgressDeny, Never: invoke.RuntimeAPI(os.Getenv("AWS_LAMBDA_RUNTIME_API")),
	}
	rules := store.NewRules(invoke.FunctionTypes(egress.Lent()), o.Compat, keys)
	kept.Hosted, kept.Max = hosted, o.HostedRealms
	realms := store.NewRealms(s, rules, kept, log)
	var durable *invoke.Durable
	if open != nil {
		durable = &invoke.Durable{Open: open, Realms: realms, Attempts: o.queue.Attempts}
	}
	registry := newRegistry()
	dispatcher := invoke.NewDispatcher(invoke.Options{
		Compat: o.Compat, Backlog: o.WorkersBacklog, Durable: durable, Frozen: kept.Frozen != nil,
		LineageKey: lineageKey(o, log), Concurrency: o.FunctionConcurrency, Keys: keys,
	}, invoke.NewEgress(egress), invoke.NewMetrics(registry), log)
	registry.MustRegister(&realmsCollector{realms, kept.File}, backlogGauge(dispatcher))
	return &handlers.Gateway{
		Realms: realms, Hosts: hosts, Dispatcher: dispatcher,
		Metrics: handlers.NewMetrics(registry), Registry: registry, Log: log,
		Token: o.ConfigToken, Identity: o.ConfigIdentity, Compat: o.Compat, OpenInvoke: o.Invoke == "open",
	}, nil
}

// minSharedToken is how long a token must be for the key of lineages to be made of it: functions see what is signed, and could try out shorter ones.
const minSharedToken = 32

// lineageKey returns the key by which the gateway knows the events that follow from others: one that gateways of the same configuration have, too, or none.
func lineageKey(o *Options, log *slog.Logger) []byte {
	secret := o.LineageKey
	if secret == "" && len(o.ConfigToken) >= minSharedToken {
		secret = o.ConfigToken
	}
	if secret == "" {
		if scheme, _, _ := strings.Cut(o.Store, ":"); scheme != "memory" && scheme != "embed" {
			log.Warn("this gateway has no key in common with others: a loop of events that goes through several of them is not found. Set " + lineageKeyEnv)
		}
		return nil
	}
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "event-gateway lineage", 32)
	if err != nil {
		panic(err) // only for a length that no hash has
	}
	return key
}

func (a *App) listen() error {
	var err error
	if a.events, err = a.newServer(handlers.Events, a.options.EventsAddr, a.options.EventsPort, a.options.EventsTLS); err != nil {
		return fmt.Errorf("the Events API cannot listen: %w", err)
	}
	if a.config, err = a.newServer(handlers.Config, a.options.ConfigAddr, a.options.ConfigPort, a.options.ConfigTLS); err != nil {
		return fmt.Errorf("the Config API cannot listen: %w", err)
	}
	return nil
}

// EventsURL returns the URL that the Events API is at.
func (a *App) EventsURL() string { return a.events.url() }

// ConfigURL returns the URL that the Config API is at.
func (a *App) ConfigURL() string { return a.config.url() }

// Run serves until ctx ends, then drains and closes everything. ready is called once, when the first snapshot is there.
func (a *App) Run(ctx context.Context, ready func()) error {
	defer a.close()
	a.log.Info("listening", "events", a.EventsURL(), "config", a.ConfigURL(), "hosted domains", a.options.HostedDomains)
	following, stopFollowing := context.WithCancel(context.WithoutCancel(ctx))
	receiving, stopReceiving := context.WithCancel(following) // from a queue that others use, too
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stopFollowing()
	wg.Go(func() { a.gateway.Realms.Run(following) })
	wg.Go(func() {
		if a.gateway.Realms.WaitReady(following) == nil {
			ready()
			a.gateway.Dispatcher.Run(receiving)
		}
	})
	failed := make(chan error, 2)
	wg.Go(func() { failed <- a.events.serve() })
	wg.Go(func() { failed <- a.config.serve() })

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stopReceiving()
	return cmp.Or(err, a.drain())
}

// drain ends in order: no more events, then what was accepted, then the Config API, so that readyz tells until the end.
func (a *App) drain() error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), a.options.DrainTimeout)
	defer cancel()
	a.log.Info("shutting down", "backlog", a.gateway.Dispatcher.Backlog())
	a.gateway.Draining.Store(true)
	err := a.events.shutdown(ctx)
	if lost := a.gateway.Dispatcher.Drain(ctx); lost > 0 {
		err = errors.Join(err, fmt.Errorf("%w: %d deliveries had no time left", ErrLost, lost))
	}
	err = errors.Join(err, a.config.shutdown(ctx))
	a.log.Info("shut down", "took", time.Since(began).Round(time.Millisecond).String())
	return err
}

func (a *App) close() {
	for _, s := range []*server{a.events, a.config} {
		if s != nil {
			s.close()
		}
	}
	if err := a.store.Close(); err != nil {
		a.log.Warn("the store did not close", "error", err)
	}
	if err := a.file.Close(); err != nil {
		a.log.Warn("the snapshot file did not close", "error", err)
	}
	a.stop()
}

// server is one surface with its listeners.
type server struct {
	http      *http.Server
	tls       bool
	listeners []net.Listener
	addr      string
}

// What a connection may cost. Answers to sync events have to fit into writeTimeout.
const (
	headerTimeout  = 10 * time.Second
	readTimeout    = 30 * time.Second
	writeTimeout   = 60 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
)

func (a *App) newServer(surface handlers.Surface, addr string, port uint, pair KeyPair) (*server, error) {
	tlsConfig, err := serverTLS(pair, a.log)
	if err != nil {
		return nil, err
	}
	listeners, err := listen(addr, port)
	if err != nil {
		return nil, err
	}
	return &server{tls: tlsConfig != nil, addr: addr, listeners: listeners, http: &http.Server{
		Handler: a.gateway.Router(surface), TLSConfig: tlsConfig,
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		DisableGeneralOptionsHandler: true,                                                // it would answer OPTIONS * and keep connections that ours close
		ErrorLog:                     slog.NewLogLogger(a.log.Handler(), slog.LevelDebug), // what strangers' connections do wrong
	}}, nil
}

// serve returns when the server is shut down, or with the error that stopped it.
func (s *server) serve() error {
	failed := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		go func() {
			if s.tls {
				failed <- s.http.ServeTLS(l, "", "")
			} else {
				failed <- s.http.Serve(l)
			}
		}()
	}
	var err error
	for range s.listeners {
		if e := <-failed; !errors.Is(e, http.ErrServerClosed) {
			err = cmp.Or(err, e)
			s.close()
		}
	}
	return err
}

// shutdown closes the listeners and waits for the requests under way.
func (s *server) shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		s.close()
		return fmt.Errorf("requests were cut off: %w", err)
	}
	return nil
}

func (s *server) close() {
	_ = s.http.Close()
	for _, l := range s.listeners { // those that were never served
		_ = l.Close()
	}
}

func (s *server) url() string {
	scheme, host := "http", strings.Trim(s.addr, "[]")
	if s.tls {
		scheme = "https"
	}
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "localhost"
	}
	return fmt.Sprintf("%s://%s", scheme, net.JoinHostPort(host, fmt.Sprint(s.listeners[0].Addr().(*net.TCPAddr).Port)))
}
