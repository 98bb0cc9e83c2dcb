package zookeeper_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/event-gateway/event-gateway/store"
	"github.com/event-gateway/event-gateway/store/zookeeper"
)

// The types of requests.
const (
	get      = 4
	children = 12
	multi    = 14
	auth     = 100
)

const (
	stat = "0123456789012345678901234567890123456789012345678901234567890123456x"
	done = "\xff\xff\xff\xff\x01\xff\xff\xff\xff" // the end of a transaction's results
)

// peer is a server that answers requests of some types with what the test says, and others with what makes the client go on.
type peer struct {
	greeting string
	answers  map[int32]func(number string) string // the frame, by the request's type
}

func body(s string) func(string) string {
	return func(number string) string { return number + strings.Repeat("\x00", 12) + s }
}

// start returns the peer's address.
func (p peer) start(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(func() { l.Close() })
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { p.serve(c) })
		}
	})
	return l.Addr().String()
}

func (p peer) serve(c net.Conn) {
	defer c.Close()
	send := func(frame string) {
		io.WriteString(c, string(binary.BigEndian.AppendUint32(nil, uint32(len(frame))))+frame)
	}
	for first := true; ; first = false {
		head := make([]byte, 4)
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		request := make([]byte, binary.BigEndian.Uint32(head))
		if _, err := io.ReadFull(c, request); err != nil {
			return
		}
		if first {
			send(p.greeting)
			continue
		}
		op := int32(binary.BigEndian.Uint32(request[4:]))
		answer := p.answers[op]
		if answer == nil {
			answer = body(map[int32]string{get: "\xff\xff\xff\xff" + stat, children: "\x00\x00\x00\x00" + stat, multi: done}[op])
		}
		send(answer(string(request[:4])))
	}
}

const greeting = "\x00\x00\x00\x00\x00\x00\x27\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x10ppppppppppppppppr"

// TestBrokenAnswers: none of these ends the process.
func TestBrokenAnswers(t *testing.T) {
	t.Parallel()
	one := func(op int32, answer func(string) string) peer {
		return peer{greeting, map[int32]func(string) string{op: answer}}
	}
	const broken, early = "it breaks ZooKeeper's protocol", "zk: buffer too small"
	for name, c := range map[string]struct {
		peer
		want string
	}{
		"no results":              {one(multi, body("")), broken},
		"part of a result":        {one(multi, body("\x00\x00\x00\x0d")), broken},
		"results without an end":  {one(multi, body("\x00\x00\x00\x0d\x00\x00\x00\x00\x00")), broken},
		"part of a result's path": {one(multi, body("\x00\x00\x00\x01\x00\x00\x00\x00\x00\x7f\xff\xff\xffpath"+done)), broken},
		"part of a result's stat": {one(multi, body("\x00\x00\x00\x05\x00\x00\x00\x00\x00"+stat[1:])), broken},
		"-1 children":             {one(children, body("\xff\xff\xff\xff"+stat)), broken},
		"children for gigabytes":  {one(children, body("\x7f\xff\xff\xff"+stat)), broken},
		"2 of 3 children":         {one(children, body("\x00\x00\x00\x03\x00\x00\x00\x04aaaa\x00\x00\x00\x04bbbb")), early},
		"part of a child":         {one(children, body("\x00\x00\x00\x01\xff\xff\xff\xffa"+stat)), early},
		"part of a value":         {one(get, body("\x7f\xff\xff\xff"+stat)), broken},
		"no stat":                 {one(get, body("\x00\x00\x00\x01v")), early},
		"half a header":           {one(get, func(number string) string { return number + "\x00\x00\x00\x00" }), broken},
		"nothing":                 {one(get, func(string) string { return "" }), broken},
		"part of the greeting":    {peer{greeting: greeting[:16] + "\x7f\xff\xff\xff" + greeting[20:]}, broken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openWith(t, zookeeper.Options{Endpoints: []string{c.start(t)}, Timeout: timeout})
			_, err := s.Realms(t.Context())
			if err == nil {
				_, err = s.Inspect(t.Context())
			}
			if err == nil || errors.Is(err, store.ErrUnusable) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		s := openWith(t, zookeeper.Options{Endpoints: []string{peer{greeting: greeting}.start(t)}, Timeout: timeout})
		if _, err := s.Realms(t.Context()); err != nil {
			t.Error(err)
		}
		if version, err := s.Inspect(t.Context()); err != nil {
			t.Errorf("got %q, %v", version, err)
		}
	})
}
