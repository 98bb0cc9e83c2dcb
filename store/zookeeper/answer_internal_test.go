package zookeeper

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
)

// FuzzAnswers has zk's client read what a wire lets through: it must not panic.
func FuzzAnswers(f *testing.F) {
	const stat, end = "01234567890123456789012345678901234567890123456789012345678901234567", "\xff\xff\xff\xff\x01\xff\xff\xff\xff"
	f.Add(byte(0), []byte("\x00\x00\x00\x0d\x00\x00\x00\x00\x00"+end))
	f.Add(byte(0), []byte("\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01/\x00\x00\x00\x05\x00\x00\x00\x00\x00"+stat+end))
	f.Add(byte(0), []byte("\xff\xff\xff\xff\x00\x00\x00\x00\x00\xff\xff\xff\x99"+end))
	f.Add(byte(1), []byte("\x00\x00\x00\x02\x00\x00\x00\x01a\x00\x00\x00\x00"+stat))
	f.Add(byte(2), []byte("\xff\xff\xff\xff"+stat))
	f.Add(byte(3), []byte(stat))
	f.Add(byte(4), []byte("\x00\x00\x00\x01\x00\x00\x00\x03\x00\x00\x00\x02/a"))
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		client, server := net.Pipe()
		w := newWire(client)
		dialed := make(chan net.Conn, 1)
		dialed <- w
		ended := make(chan struct{})
		dial := func(string, string, time.Duration) (net.Conn, error) {
			select {
			case conn := <-dialed:
				return conn, nil
			case <-ended:
				return nil, errors.New("the session has ended")
			}
		}
		c, events, err := zk.Connect([]string{"server"}, time.Minute, zk.WithDialer(dial), zk.WithHostProvider(&host{}), zk.WithLogger(silent{}))
		if err != nil {
			t.Fatal(err)
		}
		var peer sync.WaitGroup
		peer.Go(func() { answerOnce(server, kind, body) })
		switch kind % 5 {
		case 1:
			c.Children("/a")
		case 2:
			c.Get("/a")
		case 3:
			c.Exists("/a")
		default:
			c.Multi(&zk.CheckVersionRequest{Path: "/a"})
		}
		close(ended)
		c.Close()
		for range events {
		}
		w.Close()
		peer.Wait()
	})
}

// answerOnce opens a session, answers one request, and goes. Kind 4 is an event instead.
func answerOnce(c net.Conn, kind byte, body []byte) {
	defer c.Close()
	send := func(frame []byte) {
		c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...))
	}
	receive := func() []byte {
		head := make([]byte, 4)
		io.ReadFull(c, head)
		request := make([]byte, binary.BigEndian.Uint32(head))
		io.ReadFull(c, request)
		return request
	}
	receive()
	send([]byte("\x00\x00\x00\x00\x00\x00\x27\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x10ppppppppppppppppr"))
	number := receive()[:4]
	if kind%5 == 4 {
		number = []byte("\xff\xff\xff\xff")
	}
	send(append(append(number, make([]byte, 12)...), body...))
}
