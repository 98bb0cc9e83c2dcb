package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const connections = 64

// load is a load generator: connections that each send the same request as soon as the last one is answered.
type load struct {
	request string
	conns   []*connection
}

func newLoad(base string) (*load, error) {
	l := &load{request: fmt.Sprintf("POST /users/42 HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n"+
		"Authorization: Bearer 0123456789abcdef\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(kilobyte), kilobyte)}
	for range connections {
		c, err := connect(base)
		if err != nil {
			return nil, err
		}
		l.conns = append(l.conns, c)
	}
	return l, nil
}

func (l *load) close() {
	for _, c := range l.conns {
		_ = c.Close()
	}
}

// cost returns the CPU time, in nanoseconds, that a request takes of the server.
func (l *load) cost(server *process) (float64, error) {
	before, err := server.number("cpu")
	if err != nil {
		return 0, err
	}
	n, err := l.run(sliceTime)
	if err != nil {
		return 0, err
	}
	after, err := server.number("cpu")
	return (after - before) / float64(n), err
}

// run sends requests for a while and returns how many were answered.
func (l *load) run(d time.Duration) (int, error) {
	var wg sync.WaitGroup
	counts, errs := make([]int, len(l.conns)), make([]error, len(l.conns))
	until := time.Now().Add(d)
	for i, c := range l.conns {
		wg.Go(func() {
			for errs[i] == nil && time.Now().Before(until) {
				errs[i] = l.once(c)
				counts[i]++
			}
		})
	}
	wg.Wait()
	n := 0
	for i, err := range errs {
		if err != nil {
			return 0, err
		}
		n += counts[i]
	}
	return n, nil
}

func (l *load) once(c *connection) error {
	status, body, err := c.exchange(l.request)
	if err == nil && (status != http.StatusOK || string(body) != kilobyte) {
		err = fmt.Errorf("the answer is wrong: %d: %s", status, body)
	}
	return err
}

// connection is a client that costs little, so that it disturbs little what it measures.
type connection struct {
	net.Conn
	in *bufio.Reader
}

func connect(base string) (*connection, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	c, err := net.Dial("tcp", u.Host)
	return &connection{c, bufio.NewReader(c)}, err
}

// exchange sends a request and returns the status and the body of the answer.
func (c *connection) exchange(request string) (int, []byte, error) {
	if _, err := io.WriteString(c, request); err != nil {
		return 0, nil, err
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, nil, err
	}
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}
