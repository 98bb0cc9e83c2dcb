package storetest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Forward returns the address of a proxy to a server, which ends with the test. For each connection it has fromClient and fromServer copy what
// they send, as io.Copy does.
func Forward(t *testing.T, to string, fromClient, fromServer func(io.Writer, io.Reader) (int64, error)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	forward(t, l, to, fromClient, fromServer)
	return l.Addr().String()
}

func forward(t *testing.T, l net.Listener, to string, fromClient, fromServer func(io.Writer, io.Reader) (int64, error)) {
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { l.Close() })
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				client.Close()
				continue
			}
			t.Cleanup(func() { client.Close(); server.Close() })
			wg.Go(func() { fromClient(server, client); server.Close() })
			wg.Go(func() { fromServer(client, server); client.Close() })
		}
	})
}
