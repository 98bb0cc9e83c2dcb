package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/event-gateway/event-gateway/store"
)

const (
	upstreamCount   = 10_000
	upstreamServers = 4 // processes, each of which has its own limit of open files
	upstreamFiles   = 4_096
)

// manyUpstreams counts the open files of a process that may have some thousands, while it calls ten thousand upstreams.
func manyUpstreams(ctx context.Context) (row, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return row{}, err
	}
	defer os.RemoveAll(dir)
	var lists []string
	for i := range upstreamServers {
		list := filepath.Join(dir, strconv.Itoa(i))
		servers, err := start(ctx, "upstreams", list, strconv.Itoa(upstreamCount/upstreamServers))
		if err != nil {
			return row{}, err
		}
		defer servers.stop()
		lists = append(lists, list)
	}
	gateway, err := start(ctx, "callupstreams", append([]string{strconv.Itoa(upstreamFiles)}, lists...)...)
	if err != nil {
		return row{}, err
	}
	defer gateway.stop()
	most, err := gateway.number("files")
	if err != nil {
		return row{}, err
	}
	left, err := gateway.number("idle")
	return row{
		name: "10,000 upstreams: open files of a process that may have 4096", measured: most, limit: upstreamFiles,
		note: fmt.Sprintf("20,000 calls, 64 at once; %.0f files with all idle connections closed", left),
	}, err
}

// playUpstreams is many servers. It writes their URLs into a file.
func playUpstreams(args []string) (string, func(string) string, error) {
	count, err := strconv.Atoi(args[1])
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{Handler: http.HandlerFunc(serveAnswer)}
	var urls strings.Builder
	for range count {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", nil, err
		}
		go func() { _ = s.Serve(l) }()
		fmt.Fprintf(&urls, "http://%s\n", l.Addr())
	}
	return "ready", nil, os.WriteFile(args[0], []byte(urls.String()), 0o600)
}

// playCallUpstreams calls the functions whose URLs are in files. It is allowed a number of open files.
func playCallUpstreams(args []string) (string, func(string) string, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return "", nil, err
	}
	var err error
	if limit.Cur, err = strconv.ParseUint(args[0], 10, 32); err != nil {
		return "", nil, err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return "", nil, err
	}
	var targets []store.Target
	for _, list := range args[1:] {
		text, err := os.ReadFile(list)
		if err != nil {
			return "", nil, err
		}
		for lines := bufio.NewScanner(strings.NewReader(string(text))); lines.Scan(); {
			t, err := httpTarget(lines.Text())
			if err != nil {
				return "", nil, err
			}
			targets = append(targets, t)
		}
	}
	d := newDispatcher()
	return "ready", func(question string) string {
		if question == "idle" {
			d.Disconnect()
			return fmt.Sprint(files())
		}
		most := 0
		for range 2 {
			for rest := targets; len(rest) > 0; {
				n := min(len(rest), connections)
				var callers sync.WaitGroup
				errs := make([]error, n)
				for i, t := range rest[:n] {
					callers.Go(func() { _, errs[i] = d.Invoke(context.Background(), nil, order(), t) })
				}
				callers.Wait()
				for _, err := range errs {
					if err != nil {
						return err.Error()
					}
				}
				rest, most = rest[n:], max(most, files())
			}
		}
		return fmt.Sprint(most)
	}, nil
}

// files returns how many files this process has open.
func files() int {
	open, err := os.ReadDir("/dev/fd")
	if err != nil {
		return -1
	}
	return len(open)
}
