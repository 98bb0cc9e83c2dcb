//go:build unix

package invoke_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/event-gateway/event-gateway/invoke"
)

const (
	upstreams = 500
	fileLimit = 300
)

// TestManyUpstreams: a process that may have 300 files open calls 500 upstreams, and all but some of the connections that it needs no more
// are closed. The calls are made by this program in a process of its own.
func TestManyUpstreams(t *testing.T) {
	if file := os.Getenv("UPSTREAMS"); file != "" {
		callUpstreams(t, file)
		return
	}
	t.Parallel()
	a := newAuthority(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, []byte(a.pem), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(name string, config *tls.Config, settings string, most int) {
		t.Run(name, func(t *testing.T) {
			list := filepath.Join(t.TempDir(), "providers")
			if err := os.WriteFile(list, []byte(strings.Join(startUpstreams(t, config, settings), "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(os.Args[0], "-test.run=^TestManyUpstreams$", "-test.v")
			cmd.Env = append(os.Environ(), "UPSTREAMS="+list, fmt.Sprint("MOST=", most), "SSL_CERT_FILE="+ca)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "at most") {
				t.Errorf("%v: %s", err, out)
			}
			for line := range strings.Lines(string(out)) {
				if strings.Contains(line, "at most") {
					t.Log(strings.TrimSpace(line))
				}
			}
		})
	}
	secure := &tls.Config{Certificates: []tls.Certificate{a.server()}, NextProtos: []string{"h2"}}
	f("HTTP/1", nil, "", fileLimit/3) // net/http limits what is idle

	if runtime.GOOS != "darwin" { // which has its authorities elsewhere
		f("HTTP/2", secure, "", fileLimit*2/3)
	}
	f("pools of their own", secure, fmt.Sprintf(`,"tls":{"ca":%q}`, a.pem), fileLimit*2/3)
}

// startUpstreams starts servers at ports of their own, and returns the settings of functions that are there.
func startUpstreams(t *testing.T, config *tls.Config, settings string) []string {
	s := &http.Server{
		Handler:  http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }),
		ErrorLog: log.New(io.Discard, "", 0), TLSConfig: config,
	}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		_ = s.Close()
		serving.Wait()
	})
	var providers []string
	for range upstreams {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		scheme, serve := "http", func() { _ = s.Serve(l) }
		if config != nil {
			scheme, serve = "https", func() { _ = s.ServeTLS(l, "", "") }
		}
		serving.Go(serve)
		providers = append(providers, fmt.Sprintf(`{"url":"%s://%s"%s}`, scheme, l.Addr(), settings))
	}
	return providers
}

// callUpstreams calls the functions whose settings are the lines of a file, twice each, with hardly any files.
func callUpstreams(t *testing.T, file string) {
	list, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = fileLimit
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	e := invoke.NewEgress(invoke.EgressOptions{})
	var calls []invoke.Invoker
	for lines := bufio.NewScanner(list); lines.Scan(); {
		calls = append(calls, openWith(t, e, httpFunction(t, lines.Text())))
	}
	_ = list.Close()
	if len(calls) != upstreams {
		t.Fatal(len(calls))
	}
	most := 0
	for range 2 {
		for group := calls; len(group) > 0; group = group[10:] {
			var callers sync.WaitGroup
			for _, call := range group[:10] {
				callers.Go(func() {
					if _, err := call(t.Context(), payload("{}")); err != nil {
						t.Error(err)
					}
				})
			}
			callers.Wait()
			files, err := os.ReadDir("/dev/fd")
			if err != nil {
				t.Fatal(err)
			}
			most = max(most, len(files))
		}
	}
	t.Logf("at most %d files were open, %d may be", most, fileLimit)
	if fewer, err := strconv.Atoi(os.Getenv("MOST")); err != nil || most > fewer {
		t.Error("too few are left for others")
	}
	e.Close()
}
