package main

import (
	"io"
	"net"
	"sync/atomic"
)

// proxy forwards connections to an address, and counts the bytes in both directions.
type proxy struct {
	listener net.Listener
	to       string
	bytes    atomic.Int64
}

func startProxy(to string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l, to: to}
	go p.accept()
	return p, nil
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

// close accepts no more. A connection ends when one of its ends does.
func (p *proxy) close() { _ = p.listener.Close() }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		go p.forward(client, server)
		go p.forward(server, client)
	}
}

func (p *proxy) forward(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	_, _ = io.Copy(io.MultiWriter(counter{&p.bytes}, to), from)
}

// counter counts what is written to it.
type counter struct{ n *atomic.Int64 }

func (c counter) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return len(b), nil
}
