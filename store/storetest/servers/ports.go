package servers

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
)

// ports returns n free addresses of this machine, for servers that are stopped and started again. They come from a block of ports whose
// first is held until the test ends, so that no other test gets one of them meanwhile, of this process or another. All are below those
// that the system gives to whoever asks for any.
func ports(t testing.TB, n int) []string {
	t.Helper()
	const block = 16
	if n >= block {
		t.Fatalf("%d ports are more than a block has", n)
	}
	for range 100 {
		first := 10_000 + block*rand.IntN(20_000/block)
		hold, err := net.Listen("tcp", local(first))
		if err != nil {
			continue
		}
		addrs, ok := free(first+1, n)
		if ok {
			t.Cleanup(func() { hold.Close() })
			return addrs
		}
		hold.Close()
	}
	t.Fatal("no free ports")
	return nil
}

// free returns the addresses of n ports, and whether all of them are free.
func free(first, n int) (addrs []string, ok bool) {
	for port := first; port < first+n; port++ {
		l, err := net.Listen("tcp", local(port))
		if err != nil {
			return nil, false
		}
		l.Close()
		addrs = append(addrs, local(port))
	}
	return addrs, true
}

func local(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func port(addr string) string { return addr[strings.LastIndex(addr, ":")+1:] }
