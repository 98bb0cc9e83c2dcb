package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/event-gateway/event-gateway/app"
)

// What a function answers with: 1 KB of JSON in the answer object.
var (
	kilobyte = `{"id":42,"name":"Max","tags":[` + strings.Repeat(`"customer",`, 84) + `"last"],"active":true}`
	answer   = marshal(answerObject{StatusCode: 200, Headers: map[string]string{"Content-Type": "application/json"}, Body: kilobyte})
)

type answerObject struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// serve serves h at a free port, and returns its URL.
func serve(h http.HandlerFunc) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := &http.Server{ // as the gateway's
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
	go func() { _ = s.Serve(l) }()
	return "http://" + l.Addr().String(), nil
}

// playFunction is a function of type http. It can be asked for the size of the last event, and how many there were.
func playFunction([]string) (string, func(string) string, error) {
	var size, calls atomic.Int64
	url, err := serve(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		size.Store(n)
		calls.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	})
	return url, func(question string) string {
		if question == "calls" {
			return fmt.Sprint(calls.Load())
		}
		return fmt.Sprint(size.Load())
	}, err
}

// playBaseline is what the gateway is measured against: the least that a program between a client and a function can do. It reads the
// request, posts so many bytes of JSON to the function, and writes what the answer object says.
func playBaseline(args []string) (string, func(string) string, error) {
	function := args[0]
	size, err := strconv.Atoi(args[1])
	if err != nil {
		return "", nil, err
	}
	pool := &http.Transport{ // as the gateway's
		MaxIdleConns: 10_000, MaxIdleConnsPerHost: 256, IdleConnTimeout: 90 * time.Second, DisableCompression: true,
	}
	fail := func(w http.ResponseWriter, err error) { http.Error(w, err.Error(), http.StatusBadGateway) }
	url, err := serve(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			fail(w, err)
			return
		}
		post, err := http.NewRequestWithContext(r.Context(), "POST", function, bytes.NewReader(envelope(body, size)))
		if err != nil {
			fail(w, err)
			return
		}
		post.Header.Set("Content-Type", "application/json")
		resp, err := pool.RoundTrip(post)
		if err != nil {
			fail(w, err)
			return
		}
		defer resp.Body.Close()
		var a answerObject
		if err := json.UnmarshalRead(resp.Body, &a); err != nil {
			fail(w, err)
			return
		}
		for name, value := range a.Headers {
			w.Header().Set(name, value)
		}
		w.WriteHeader(a.StatusCode)
		_, _ = io.WriteString(w, a.Body)
	})
	return url, nil, err
}

// envelope returns a JSON object of the given size that holds body.
func envelope(body []byte, size int) []byte {
	b := make([]byte, 0, size)
	b = append(append(b, `{"data":`...), body...)
	b = append(b, `,"rest":"`...)
	for len(b) < size-2 {
		b = append(b, 'x')
	}
	return append(b, `"}`...)
}

// playGateway is the gateway itself with a store and free ports. It says the URLs of its APIs when it is ready.
func playGateway(args []string) (string, func(string) string, error) {
	o, err := app.ParseOptions([]string{
		"-store", args[0], "-events-addr", "127.0.0.1", "-events-port", "0", "-config-addr", "127.0.0.1", "-config-port", "0",
	}, os.Stderr)
	if err != nil {
		return "", nil, err
	}
	ctx := context.Background()
	a, err := app.New(ctx, o, nil, slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return "", nil, err
	}
	ready := make(chan struct{})
	failed := make(chan error, 1)
	go func() { failed <- a.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
		return a.EventsURL() + " " + a.ConfigURL(), nil, nil
	case err := <-failed:
		return "", nil, err
	}
}
