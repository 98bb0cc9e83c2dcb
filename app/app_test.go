package app_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/event-gateway/event-gateway/app"
	"github.com/event-gateway/event-gateway/app/embed"
	"github.com/event-gateway/event-gateway/store/storetest"
)

// run is a gateway on free ports of this machine.
type run struct {
	*app.App
	ready chan struct{}
	stop  func() error
}

func start(t *testing.T, args ...string) *run {
	t.Helper()
	o, err := app.ParseOptions(append([]string{"-events-addr=127.0.0.1", "-config-addr=127.0.0.1", "-events-port=0", "-config-port=0"}, args...), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	a, err := app.New(ctx, o, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	r := &run{App: a, ready: make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, func() { close(r.ready) }) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = r.stop() })
	return r
}

func (r *run) waitReady(t *testing.T) *run {
	t.Helper()
	select {
	case <-r.ready:
	case <-time.After(20 * time.Second):
		t.Fatal("not ready after 20 s")
	}
	return r
}

func request(t *testing.T, method, url, body string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func (r *run) configure(t *testing.T, status int, method, path, body string) string {
	t.Helper()
	got, answer := request(t, method, r.ConfigURL()+"/v1/spaces/default/"+path, body, "Content-Type: application/json")
	if got != status {
		t.Fatalf("%s %s %s: status %d, want %d: %s", method, path, body, got, status, answer)
	}
	return answer
}

func (r *run) emit(t *testing.T, path, event string) int {
	t.Helper()
	status, _ := request(t, "POST", r.EventsURL()+path, "", "Event: "+event)
	return status
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after 20 s still not: %s", what)
		}
	}
}

// TestT: at SIGTERM, what was accepted is delivered; what cannot be in time is counted.
func TestT(t *testing.T) {
	release, got := make(chan struct{}), atomic.Int64{}
	f := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then it is seen that the caller is gone
		select {
		case <-release:
			got.Add(1)
		case <-r.Context().Done():
		}
	}))
	defer f.Close()
	setUp := func(args ...string) *run {
		r := start(t, append(args, "-store=memory:")...).waitReady(t)
		r.configure(t, 201, "POST", "functions", fmt.Sprintf(`{"functionId":"f","type":"http","provider":{"url":%q}}`, f.URL))
		r.configure(t, 201, "POST", "subscriptions", `{"functionId":"f","event":"e"}`)
		for range 100 {
			if s := r.emit(t, "/", "e"); s != 202 {
				t.Fatal(s)
			}
		}
		return r
	}
	// Too little time: what had not begun and what was cut off is lost, and the exit says so.
	r := setUp("-drain-timeout=100ms")
	if err := r.stop(); !errors.Is(err, app.ErrLost) || !strings.Contains(err.Error(), "100 deliveries") {
		t.Errorf("the gateway ended with %v", err)
	}
	// Enough: readyz says no, the Events API takes nothing, all is delivered.
	r = setUp()
	stopped := make(chan error)
	go func() { stopped <- r.stop() }()
	eventually(t, "readyz is 503", func() bool {
		status, _ := request(t, "GET", r.ConfigURL()+"/readyz", "")
		return status == 503
	})
	if s := r.emit(t, "/", "e"); s != 0 && s != 503 {
		t.Errorf("an event was taken with %d while the gateway ended", s)
	}
	close(release)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if got.Load() != 100 {
		t.Errorf("%d events were delivered, want 100", got.Load())
	}
}

// TestB: etcd is killed and started again, five times: routing goes on, a write meanwhile is refused, what others changed is
// seen afterwards, and an event is delivered once.
func TestB(t *testing.T) {
	dir, addr := t.TempDir(), storetest.FreeAddr(t)
	kill := bootEtcd(t, dir, addr)
	t.Cleanup(func() { kill() })
	var got atomic.Int64
	f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		got.Add(1)
		_, _ = io.WriteString(w, `{"body":"ok"}`)
	}))
	defer f.Close()
	url := "-store=etcd://" + addr + "/test?timeout=1s"
	a, b := start(t, url).waitReady(t), start(t, url).waitReady(t)
	a.configure(t, 201, "POST", "functions", fmt.Sprintf(`{"functionId":"f","type":"http","provider":{"url":%q}}`, f.URL))
	a.configure(t, 201, "POST", "subscriptions", `{"functionId":"f","event":"http","method":"GET","path":"/r"}`)
	a.configure(t, 201, "POST", "subscriptions", `{"functionId":"f","event":"e"}`)
	served := func(r *run, path string) bool {
		status, _ := request(t, "GET", r.EventsURL()+path, "")
		return status == 200
	}
	eventually(t, "the other instance serves the route", func() bool { return served(b, "/r") })
	for i := range 5 {
		kill()
		if !served(a, "/r") || !served(b, "/r") {
			t.Error("without etcd, the route is gone")
		}
		if i == 0 {
			if status, body := request(t, "POST", a.ConfigURL()+"/v1/spaces/default/subscriptions", `{"functionId":"f","event":"x"}`, "Content-Type: application/json"); status != 503 {
				t.Errorf("a write without etcd: %d %s", status, body)
			}
		}
		kill = bootEtcd(t, dir, addr)
		path := fmt.Sprintf("/new%d", i)
		eventually(t, "writes work again", func() bool {
			status, _ := request(t, "POST", a.ConfigURL()+"/v1/spaces/default/subscriptions",
				fmt.Sprintf(`{"functionId":"f","event":"http","method":"GET","path":%q}`, path), "Content-Type: application/json")
			return status == 201 || status == 409 // the latter if the first try landed, though its answer was lost
		})
		eventually(t, "both instances serve the new route", func() bool { return served(a, path) && served(b, path) })
	}
	got.Store(0)
	if s := b.emit(t, "/", "e"); s != 202 {
		t.Error(s)
	}
	if err := b.stop(); err != nil { // delivers what is left
		t.Error(err)
	}
	if n := got.Load(); n != 1 {
		t.Errorf("one event was delivered %d times", n)
	}
	a.configure(t, 204, "DELETE", "subscriptions/http,GET,%2Fr", "")
	if served(a, "/r") {
		t.Error("a deleted route is served")
	}
}

// TestNotReady: without a first snapshot there is no readiness, and no event is taken. The store may come later.
func TestNotReady(t *testing.T) {
	addr := storetest.FreeAddr(t)
	r := start(t, "-store=etcd://"+addr)
	eventually(t, "the gateway answers", func() bool {
		status, _ := request(t, "GET", r.ConfigURL()+"/healthz", "")
		return status == 200
	})
	if status, _ := request(t, "GET", r.ConfigURL()+"/readyz", ""); status != 503 {
		t.Errorf("readyz is %d without a store", status)
	}
	if status := r.emit(t, "/", "e"); status != 503 {
		t.Errorf("an event is answered with %d without a store", status)
	}
	if status, body := request(t, "GET", r.ConfigURL()+"/v1/spaces/default/functions", ""); status != 503 {
		t.Errorf("a list is answered with %d without a store: %s", status, body)
	}
	etcd, err := embed.Start(t.Context(), embed.Options{DataDir: t.TempDir(), ClientAddr: addr, UnsafeNoFsync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer etcd.Close()
	r.waitReady(t)
	if status, _ := request(t, "GET", r.ConfigURL()+"/readyz", ""); status != 200 {
		t.Errorf("readyz is %d", status)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}

// TestTLS: both APIs speak TLS, and take a new certificate without a restart.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, cert, key, 1)
	r := start(t, "-store=memory:", "-events-tls-cert="+cert, "-events-tls-key="+key, "-config-tls-cert="+cert, "-config-tls-key="+key).waitReady(t)
	serial := func(url string) int64 {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	for _, url := range []string{r.EventsURL(), r.ConfigURL()} {
		resp, err := client.Get(url + "/v1/status")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.ProtoMajor != 2 || serial(url) != 1 {
			t.Errorf("%s: %s, certificate %d", url, resp.Proto, serial(url))
		}
	}
	if err := os.WriteFile(cert, []byte("half of a cert"), 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // the files are looked at once a second
	if serial(r.EventsURL()) != 1 {
		t.Error("a broken file took the last good certificate away")
	}
	writeCertificate(t, cert, key, 2)
	eventually(t, "the new certificate is served", func() bool { return serial(r.EventsURL()) == 2 && serial(r.ConfigURL()) == 2 })
}

func writeCertificate(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	cert, err := x509.CreateCertificate(crand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOptions: one declaration gives flags, environment and file, and what does not fit together is said.
func TestOptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte("# comment\nevents-port 5000\nconfig-port 5001\nlog-level debug\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("EVENT_GATEWAY_CONFIG_PORT", "6001")
	t.Setenv("EVENT_GATEWAY_LOG_LEVEL", "warn")
	o, err := app.ParseOptions([]string{"--dev", "-config-file", file, "--log-level=error"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.EventsPort != 5000 || o.ConfigPort != 6001 || o.LogLevel != "error" || o.EventsAddr != "localhost" || o.Invoke != "open" || o.LogFormat != "text" {
		t.Errorf("%+v", o)
	}
	fails := func(want string, args ...string) {
		t.Helper()
		if _, err := app.ParseOptions(args, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
	fails("give it a token", "-config-addr=0.0.0.0")
	fails("give it a token", "-config-addr=")
	fails("give it a token", "-config-addr=gateway.example")
	fails("no such file", "-config-token-file=/nothing")
	fails("need each other", "-events-tls-cert=x")
	fails("-invoke is", "-invoke=x")
	fails("-log-format is", "-log-format=x")
	fails("at least 1", "-workers-backlog=0")
	fails("up to 65535", "-events-port=70000")
	fails("unknown argument", "serve")
	fails("not defined", "-nothing")
	if o, err := app.ParseOptions([]string{"-config-addr=0.0.0.0", "-config-token-file=" + token}, io.Discard); err != nil || o.ConfigToken != "secret" {
		t.Error(o, err)
	}
	for url, want := range map[string]string{
		"redis://h":             `-store: "redis:" is no kind of store`,
		"etcd://u:geheim@h?x=y": "-store: ",
		"://geheim":             "-store: it is no URL",
		"embed:":                "no embedded store",
		"memory":                "-store: it is no URL",
	} {
		o, err := app.ParseOptions([]string{"-store=" + url, "-events-port=0", "-config-port=0"}, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		_, err = app.New(t.Context(), o, nil, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestPortInUse: a second gateway on the same port says so and leaves nothing behind.
func TestPortInUse(t *testing.T) {
	r := start(t, "-store=memory:").waitReady(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(r.ConfigURL(), "http://"), ":")
	o, err := app.ParseOptions([]string{"-store=memory:", "-events-addr=127.0.0.1", "-events-port=0", "-config-addr=127.0.0.1", "-config-port=" + port}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.New(t.Context(), o, nil, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "the Config API cannot listen") {
		t.Error(err)
	}
}
